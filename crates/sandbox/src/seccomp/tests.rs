use super::{compile, filters};
use crate::confinement::Profile;

const PROFILES: [(Profile, &str); 4] = [
    (Profile::Strict, "strict"),
    (Profile::Standard, "standard"),
    (Profile::StandardNet, "standard-net"),
    (Profile::Netfilter, "netfilter"),
];

fn read(name: &str) -> Result<String, String> {
    let path = format!("{}/profiles/{name}.json", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).map_err(|e| e.to_string())
}

/// A profile of one file, or what the compiler says against it.
fn compiled(text: &str) -> Result<usize, String> {
    let text = text.to_owned();
    compile::profile("p", &move |_| Ok(text.clone()), "x86_64").map(|filters| filters.len())
}

fn with(allow: &str, answer: &str) -> String {
    format!(r#"{{"profile": "p", "allow": [{allow}], "answer": [{answer}]}}"#)
}

#[test]
fn every_profile_compiles_for_both_architectures_and_lists_nothing_twice() {
    for (_, name) in PROFILES {
        for arch in ["x86_64", "aarch64"] {
            let filters =
                compile::profile(name, &read, arch).unwrap_or_else(|e| panic!("{name} {arch}: {e}"));
            let longest = filters.iter().map(Vec::len).max().unwrap();
            assert!(filters.len() >= 3 && longest > 150, "{name} {arch}: {} of {longest}", filters.len());
            // BPF_MAXINSNS: the kernel takes no longer one.
            assert!(longest < 4096, "{name} {arch}");
        }
    }
}

#[test]
fn what_was_built_in_is_what_the_files_say() {
    for (profile, name) in PROFILES {
        let built: Vec<_> = filters(profile).collect();
        assert!(built.iter().all(|filter| !filter.is_empty()));
        assert!(built == compile::profile(name, &read, std::env::consts::ARCH).unwrap(), "{name}");
    }
}

#[test]
fn a_profile_that_says_nothing_or_nonsense_is_refused() {
    let good = r#"{"why": "x", "syscalls": ["read"]}"#;
    assert_eq!(compiled(&with(good, "")), Ok(1));
    for (allow, answer, why) in [
        ("", "", "allows nothing"),
        (r#"{"why": " ", "syscalls": ["read"]}"#, "", "without a reason"),
        (r#"{"why": "x", "syscalls": []}"#, "", "without a system call"),
        (r#"{"why": "x", "syscalls": ["reed"]}"#, "", "reed"),
        (r#"{"why": "x", "syscalls": ["read"], "only": "mips"}"#, "", "mips"),
        (r#"{"why": "x", "syscalls": ["read"], "wen": 1}"#, "", "unknown field"),
        (r#"{"why": "x", "syscalls": ["read"], "errno": "EPERM"}"#, "", "nothing else has"),
        (good, r#"{"why": "x", "syscalls": ["bpf"]}"#, "has an errno"),
        (good, r#"{"why": "x", "syscalls": ["bpf"], "errno": "EWHAT"}"#, "EWHAT"),
    ] {
        let said = compiled(&with(allow, answer)).unwrap_err();
        assert!(said.contains(why), "{said} against {why}");
    }
    for text in ["", "{}", "[]", r#"{"profile": "q", "allow": [], "answer": []}"#] {
        assert!(compiled(text).is_err(), "{text}");
    }
}

#[test]
fn a_rule_that_stands_twice_is_refused() {
    let one = r#"{"why": "x", "syscalls": ["read"]}"#;
    let conditional = r#"{"why": "x", "syscalls": ["read"], "args": [{"index": 0, "type": "dword", "op": "eq", "val": 1}]}"#;
    let answered = r#"{"why": "x", "syscalls": ["read"], "errno": "EPERM"}"#;
    for (allow, answer, why) in [
        (format!("{one},{one}"), String::new(), "read is listed twice"),
        (format!("{conditional},{conditional}"), String::new(), "read is listed twice"),
        (format!("{one},{conditional}"), String::new(), "with a condition and without"),
        (one.to_owned(), answered.to_owned(), "both allowed and answered"),
    ] {
        assert!(compiled(&with(&allow, &answer)).unwrap_err().contains(why), "{why}");
    }
}
