use super::*;

/// The rules that a file breaks.
fn red(path: &str, text: &str) -> Vec<&'static str> {
    check(&SourceFile { path: path.to_owned(), text: text.to_owned() }).iter().map(|f| f.rule).collect()
}

fn rust(body: &str) -> Vec<&'static str> {
    red("hub/src/x.rs", &format!("//! What it is for.\n{body}\n"))
}

const NOTHING: [&str; 0] = [];

#[test]
fn a_plain_file_is_green() {
    assert_eq!(rust("fn f() {}"), NOTHING);
    assert_eq!(red("README.md", "It does not certify anything."), NOTHING);
}

#[test]
fn a_file_without_a_head_is_red() {
    assert_eq!(red("hub/src/x.rs", "fn f() {}\n"), ["head"]);
    assert_eq!(red("hub/src/x/tests.rs", "fn f() {}\n"), NOTHING);
    assert_eq!(red("hub/tests/it/x.rs", "fn f() {}\n"), NOTHING);
}

#[test]
fn a_file_that_grew_too_long_is_red() {
    assert_eq!(rust(&"// line\n".repeat(LINES_MAX - 2)), NOTHING);
    assert_eq!(rust(&"// line\n".repeat(LINES_MAX)), ["size"]);
}

#[test]
fn names_that_say_nothing_are_red() {
    for path in ["hub/src/utils.rs", "crates/common/src/lib.rs", "docs/misc/x.md", "hub/src/manager/x.rs"] {
        assert_eq!(red(path, "//! x\n"), ["names"], "{path}");
    }
    assert_eq!(red("crates/facts/tests/machine/etc/pam.d/common-auth", "x"), NOTHING);
}

#[test]
fn each_promise_is_red_as_a_whole_word_in_any_case() {
    for word in PROMISES {
        assert_eq!(red("README.md", &format!("Suture {}: yes.", word.to_uppercase())), ["words"], "{word}");
        assert_eq!(rust(&format!("const X: &str = \"{word}\";")), ["words"], "{word}");
        assert_eq!(rust(&format!("/// A {word} thing.")), ["words"], "{word}");
        assert_eq!(red("README.md", &format!("x{word}")), NOTHING, "{word}");
        assert_eq!(
            red("README.md", &format!("never said: {word} <!-- tidy: allow words: the list -->")),
            NOTHING
        );
    }
}

#[test]
fn code_may_call_a_state_what_it_is() {
    assert_eq!(rust(concat!("enum Enrolling { Certi", "fied(String) } // certi", "fied by us")), NOTHING);
}

#[test]
fn one_rule_s_mark_does_not_allow_another() {
    assert_eq!(red("README.md", &format!("{} tidy: allow paths", PROMISES[0])), ["words"]);
}

#[test]
fn a_path_of_one_machine_is_red() {
    for path in MACHINES {
        assert_eq!(red("README.md", &format!("see {path}x")), ["paths"], "{path}");
        assert_eq!(red("README.md", &format!("see tree{path}x")), NOTHING, "{path}");
    }
}

#[test]
fn a_secret_is_red_even_among_vectors() {
    for secret in SECRETS {
        assert_eq!(
            red("crates/tlog/vectors/x.json", &format!("-----BEGIN {secret}x")),
            ["secrets"],
            "{secret}"
        );
    }
}

#[test]
fn work_left_out_is_red() {
    assert_eq!(rust(concat!("fn f() { to", "do!() }")), ["skipped"]);
    assert_eq!(rust(concat!("fn f() { unimple", "mented!(\"x\") }")), ["skipped"]);
    assert_eq!(rust(concat!("#[ign", "ore = \"later\"]\nfn f() {}")), ["skipped"]);
    assert_eq!(rust(concat!("// no to", "do!() here")), NOTHING);
}

#[test]
fn a_test_that_tests_nothing_is_red() {
    let attribute = concat!("#[te", "st]");
    let runtime = concat!("#[tokio::te", "st]");
    assert_eq!(rust(&format!("{attribute}\nfn f() {{}}")), ["empty"]);
    assert_eq!(rust(&format!("{runtime}\nasync fn f() {{\n    // later\n}}")), ["empty"]);
    assert_eq!(rust(&format!("{attribute}\nfn f() -> Result<(), E> {{\n    Ok(())\n}}")), ["empty"]);
    let honest = format!("{attribute}\nfn f(text in \"{{}}\") {{\n    assert!(g());\n}}");
    assert_eq!(rust(&honest), NOTHING);
    assert_eq!(rust(&format!("{honest}\n{attribute}\nfn h() {{}}\n{honest}")), ["empty"]);
}
