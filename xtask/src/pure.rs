//! Decision cores do no I/O, read no clock and draw no randomness; agent and executor open no network socket to listen on.
//!
//! The layer check keeps whole crates away from the cores; this keeps the standard library's doors shut, by name. It reads text, so it can be
//! fooled by somebody who wants to fool it; it is there for the slip.

use crate::Finding;
use crate::tree::SourceFile;

/// Paths (files, or directories by prefix) and the words that must not stand there outside comments and tests.
const DOORS: [(&[&str], &[&str], &str); 3] = [
    (
        &[
            "crates/contract/src/",
            "crates/tlog/src/",
            "crates/detectors/src/",
            "crates/packet/src/",
            "crates/policy/src/",
            "planner/src/",
            "executor/src/guard.rs",
            "executor/src/guard/",
            "executor/src/ledger.rs",
            "executor/src/ledger/",
            "executor/src/schedule.rs",
            "typeset/src/breaks.rs",
            "typeset/src/check.rs",
            "typeset/src/fonts.rs",
            "typeset/src/legible.rs",
            "typeset/src/lib.rs",
            "typeset/src/press.rs",
            "typeset/src/texts.rs",
            "typeset/src/world.rs",
        ],
        &[
            "std::fs",
            "std::net",
            "std::process",
            "std::env",
            "std::thread",
            "std::os::unix",
            "SystemTime",
            "Instant::now",
            "getrandom",
            "edge::",
        ],
        "a decision core does no I/O and reads no clock or randomness",
    ),
    (
        &["agent/src/", "executor/src/", "crates/facts/src/", "crates/edge/src/"],
        &["TcpListener", "UdpSocket", "std::net::Tcp", "SctpListener"],
        "nothing on a clinic's machine listens on a network",
    ),
    (
        &[
            "executor/src/run/",
            "executor/src/run.rs",
            "executor/src/serve/",
            "executor/src/serve.rs",
            "executor/src/start.rs",
        ],
        &["hands::arm", "hands::undo", "hands::fire", ".act(&place)"],
        "only the executor's `verbs` acts on the machine: a step is armed from a permit and a failing check",
    ),
];

/// Types that prove something by being there. One that could be copied, defaulted or read from somewhere would prove nothing.
const PROOFS: [&str; 10] = [
    "VerifiedOrder",
    "Fresh",
    "Approved<'a>",
    "Bound<'a>",
    "Permit<'a>",
    "ArmedStep",
    "FailingCheck",
    "Unended",
    "VerifiedStanding",
    "Allowed<'a>",
];

/// What a proof type derives beside `Debug` and comparison.
fn proofs(file: &SourceFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut derived = String::new();
    for (index, line) in file.lines().enumerate() {
        if let Some(list) = line.trim().strip_prefix("#[derive(") {
            list.trim_end_matches(")]").clone_into(&mut derived);
        } else if let Some(rest) = line.strip_prefix("pub struct ") {
            let proof = PROOFS.iter().find(|name| {
                rest.strip_prefix(**name).is_some_and(|after| after.starts_with([' ', '(', ';']))
            });
            let harmless = |trait_name: &&str| matches!(*trait_name, "Debug" | "PartialEq" | "Eq" | "");
            let wrong = derived.split(", ").find(|name| !harmless(name));
            let shipped =
                file.path.starts_with("executor/src/") || file.path.starts_with("crates/policy/src/");
            if let (Some(proof), Some(wrong), true) = (proof, wrong, shipped) {
                let what = format!(
                    "{proof} derives {wrong}: a proof is made by what it proves, and by nothing else"
                );
                findings.push(Finding::new("pure", format!("{}:{}", file.path, index + 1), what));
            }
            derived.clear();
        }
    }
    findings
}

/// Every door of one file.
pub(crate) fn check(file: &SourceFile) -> Vec<Finding> {
    if !file.is_rust() || file.is_test() {
        return Vec::new();
    }
    let guarded = DOORS.iter().filter(|(paths, ..)| paths.iter().any(|path| file.path.starts_with(path)));
    let mut findings = proofs(file);
    for (_, words, why) in guarded {
        // A test module at a file's end is no part of the core.
        let lines = file.lines().take_while(|line| line.trim() != "mod tests {").enumerate();
        for (index, line) in lines.filter(|(_, line)| !line.trim_start().starts_with("//")) {
            let found = words.iter().filter(|word| line.contains(**word));
            let place = |_| Finding::new("pure", format!("{}:{}", file.path, index + 1), "");
            findings.extend(found.map(|word| Finding { what: format!("{word}: {why}"), ..place(word) }));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn red(path: &str, text: &str) -> usize {
        check(&SourceFile { path: path.to_owned(), text: text.to_owned() }).len()
    }

    #[test]
    fn a_core_that_reads_a_clock_or_a_file_is_red() {
        for door in
            ["std::fs::read(p)", "SystemTime::now()", "std::time::Instant::now()", "edge::clock::utc()"]
        {
            let text = format!("//! A core.\nfn f() {{ {door}; }}\n");
            for core in ["planner/src/rules.rs", "crates/contract/src/x.rs", "executor/src/guard/rest.rs"] {
                assert_eq!(red(core, &text), 1, "{core}: {door}");
            }
            assert_eq!(red("hub/src/main.rs", &text), 0);
        }
    }

    #[test]
    fn a_proof_that_can_be_copied_is_red() {
        let text = |derived| format!("/// Ten.\n#[derive({derived})]\npub struct Permit<'a> {{\n");
        assert_eq!(red("executor/src/guard.rs", &text("Debug")), 0);
        assert_eq!(red("executor/src/guard.rs", &text("Debug, Clone")), 1);
        assert_eq!(red("executor/src/guard.rs", &text("Default, Debug")), 1);
    }

    #[test]
    fn an_act_that_goes_around_the_executors_one_door_is_red() {
        let text = "hands::arm(&action, &place)?;\n";
        assert_eq!((red("executor/src/run/dispatch.rs", text), red("executor/src/verbs.rs", text)), (1, 0));
    }

    #[test]
    fn a_listener_on_a_clinics_machine_is_red() {
        let text = "use tokio::net::TcpListener;\n";
        assert_eq!((red("agent/src/hub.rs", text), red("executor/src/serve.rs", text)), (1, 1));
        assert_eq!(red("hub/src/planes.rs", text), 0);
    }

    #[test]
    fn comments_and_tests_may_name_what_is_not_used() {
        assert_eq!(
            red("planner/src/lib.rs", "//! No std::fs here.\n#[cfg(test)]\nmod tests {\n use std::fs;\n}\n"),
            0
        );
        assert_eq!(red("planner/src/rules/tests.rs", "use std::fs;\n"), 0);
    }
}
