//! Every fault, from one sound runbook with one thing changed: named, and with its line. The last tests are red when a fault has no case.

use std::collections::BTreeSet;

use super::*;
use crate::runbook::{Approved, CatalogueError};

const FILE: &str = "RB-TEST-001-sound.yaml";

const SOUND: &str = r#"id: RB-TEST-001-sound
version: 1
title: Put things right
citations: ["164.312(a)(1)"]
triggers: [files.motd]
target_os: linux
disruptive: false
cooldown_ms: 1000
approval: none
priority: 3
when_urgent: go_on
permissions: [file.restore, sysctl.restore]
parameters:
  file:
    type: { path: { one_of: [/etc/motd] } }
    from: fact_name
  mode:
    type: { file_mode: { within: "0644" } }
    from: expected_mode
steps:
  - file.restore:
      target: $file
      mode: $mode
  - sysctl.restore:
      key: kernel.kptr_restrict
      value: 1
verification: { check: failed_control }
rollback: inverse
evidence: [before, after]
hold_down_ms: 1000
time_limit_ms: 5000
escalate_after_ms: 20000
"#;

/// The faults of the sound runbook with `from` made `to`, each with the text of the line that it names.
fn faults(from: &str, to: &str) -> Vec<(RunbookFault, String)> {
    assert!(SOUND.contains(from), "{from} is not there");
    let text = SOUND.replace(from, to);
    match Approved::read(FILE, &text) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.into_iter().map(|e| named(e, &text)).collect(),
    }
}

fn named(error: CatalogueError, text: &str) -> (RunbookFault, String) {
    let CatalogueError::Runbook { file, line, fault } = error else { panic!("{error}") };
    assert_eq!(file, FILE);
    let at = usize::try_from(line).unwrap();
    let there = text.lines().nth(at - 1).unwrap_or_else(|| panic!("{fault} has no line {line}"));
    (fault, there.trim().to_owned())
}

/// The second step in the place of the sound one, with its verb asked for.
fn with_step(verb: &str, step: &str) -> Vec<RunbookFault> {
    let old = "  - sysctl.restore:\n      key: kernel.kptr_restrict\n      value: 1\n";
    assert!(SOUND.contains(old));
    let asked =
        if verb == "file.restore" { "[file.restore]".to_owned() } else { format!("[file.restore, {verb}]") };
    let text = SOUND
        .replace(old, &format!("  - {verb}: {step}\n"))
        .replace("[file.restore, sysctl.restore]", &asked)
        .replace("time_limit_ms: 5000", "time_limit_ms: 80000000")
        .replace("escalate_after_ms: 20000", "escalate_after_ms: 90000000");
    match Approved::read(FILE, &text) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.into_iter().map(|e| named(e, &text).0).collect(),
    }
}

#[test]
fn the_sound_runbook_is_taken() {
    assert_eq!(faults("version: 1", "version: 2"), []);
}

/// What is changed, into what, the fault by the beginning of its words, and the line it must name.
type Case = (&'static str, &'static str, &'static str, &'static str);

const CASES: &[Case] = &[
    (
        "id: RB-TEST-001",
        "id: RB-TEST-002",
        "its id is RB-TEST-002-sound, which is not",
        "id: RB-TEST-002-sound",
    ),
    (
        "RB-TEST-001-sound",
        "RB-test-001-sound",
        "its id is RB-test-001-sound, and must",
        "id: RB-test-001-sound",
    ),
    ("Put things right", "'Two\tcolumns'", "its title", "title: 'Two\tcolumns'"),
    ("title: Put things right", "title: ' '", "its title", "title: ' '"),
    (r#"["164.312(a)(1)"]"#, "[]", "its list of citations is empty", "citations: []"),
    ("[files.motd]", "[]", "its list of triggers is empty", "triggers: []"),
    ("[before, after]", "[]", "its list of evidence is empty", "evidence: []"),
    ("[files.motd]", "[a.b, a.b]", "its list of triggers names something twice", "triggers: [a.b, a.b]"),
    ("[before, after]", "[after, after]", "its list of evidence names something", "evidence: [after, after]"),
    ("164.312(a)(1)", "164.999(a)", r#""164.999(a)" is not a citation"#, r#"citations: ["164.999(a)"]"#),
    ("[file.restore, sysctl.restore]", "[file.restore]", "a step uses sysctl.restore", "- sysctl.restore:"),
    (
        "[file.restore, sysctl.restore]",
        "[file.restore, sysctl.restore, wait]",
        "it asks for wait",
        "permissions: [file.restore, sysctl.restore, wait]",
    ),
    ("target: $file", "target: $other", "a step uses $other", "target: $other"),
    ("mode: $mode", "mode: \"0600\"", "it declares mode, which no step uses", "mode:"),
    ("mode: $mode", "mode: $file", "a step cannot use $file", "target: $file"),
    ("[/etc/motd]", "[]", "the parameter file admits nothing", "file:"),
    ("[/etc/motd]", "[/a, /a]", "the parameter file admits nothing", "file:"),
    ("[/etc/motd]", "[motd]", "the parameter file admits nothing", "file:"),
    ("from: fact_name", "from: expected_mode", "the parameter file can never be bound", "file:"),
    ("verification: { check: failed_control }\n", "", "it has no verification", "id: RB-TEST-001-sound"),
    ("rollback: inverse\n", "", "it has no rollback", "id: RB-TEST-001-sound"),
    (
        "disruptive: false\ncooldown_ms: 1000\napproval: none\npriority: 3\nwhen_urgent: go_on\n",
        "disruptive: true\nwhen_urgent: go_on\ncooldown_ms: 1000\napproval: none\npriority: 3\n",
        "",
        "",
    ),
    ("[/etc/motd]", "[/etc/motd, /etc/shadow]", "", ""),
    ("cooldown_ms: 1000", "cooldown_ms: 0", "cooldown_ms is 0", "cooldown_ms: 0"),
    ("hold_down_ms: 1000", "hold_down_ms: 0", "hold_down_ms is 0", "hold_down_ms: 0"),
    ("version: 1", "version: 0", "version is 0", "version: 0"),
    ("time_limit_ms: 5000", "time_limit_ms: 99", "time_limit_ms is 99", "time_limit_ms: 99"),
    (
        "escalate_after_ms: 20000",
        "escalate_after_ms: 5999",
        "escalate_after_ms is 5999",
        "escalate_after_ms: 5999",
    ),
    ("      mode: $mode\n", "", "step 1 (file.restore): it restores nothing", "- file.restore:"),
    (
        "when_urgent: go_on",
        "when_urgent: go_on\nafter: [RB-TEST-001-sound]",
        "it waits for itself",
        "after: [RB-TEST-001-sound]",
    ),
];

#[test]
fn every_fault_is_named_with_its_line() {
    for (from, to, words, line) in CASES {
        let found = faults(from, to);
        if words.is_empty() {
            assert_eq!(found, [], "{from} became {to}");
            continue;
        }
        let fault = found.iter().find(|(fault, _)| fault.to_string().starts_with(words));
        let Some((_, at)) = fault else { panic!("{from} became {to}: {found:?}") };
        assert_eq!(at, line, "{from} became {to}");
    }
}

/// The sound runbook, changed in two places.
fn both(one: (&str, &str), two: (&str, &str)) -> Vec<RunbookFault> {
    assert!(SOUND.contains(one.0) && SOUND.contains(two.0));
    let text = SOUND.replace(one.0, one.1).replace(two.0, two.1);
    Approved::read(FILE, &text).err().unwrap_or_default().into_iter().map(|e| named(e, &text).0).collect()
}

#[test]
fn what_somebody_notices_is_undone_or_refused() {
    let disruptive = ("disruptive: false", "disruptive: true");
    assert_eq!(both(disruptive, ("version: 1", "version: 2")), []);
    let refused = both(disruptive, ("rollback: inverse", "rollback: escalate"));
    assert_eq!(refused, [RunbookFault::DisruptiveWithoutRollback(Verb::FileRestore)]);
    let prune = "sysctl.restore:\n      key: kernel.kptr_restrict\n      value: 1\n";
    let text = SOUND
        .replace("disruptive: false", "disruptive: true")
        .replace("[file.restore, sysctl.restore]", "[file.restore, time.sync]");
    let text = text.replace(prune, "time.sync: {}\n");
    let errors = Approved::read(FILE, &text).unwrap_err();
    assert!(errors[0].to_string().contains("time.sync has no inverse"), "{errors:?}");
    assert_eq!(
        with_step("unit.stop", "{ unit: a.service }"),
        [RunbookFault::DisruptionUnsaid(Verb::UnitStop)]
    );
    assert_eq!(with_step("unit.restart", "{ unit: a.service }"), []);
}

#[test]
fn an_inverse_that_no_step_has_is_no_promise() {
    let begin = SOUND.find("parameters:").unwrap();
    let end = SOUND.find("verification:").unwrap();
    let text = format!("{}steps:\n  - time.sync: {{}}\n{}", &SOUND[..begin], &SOUND[end..])
        .replace("[file.restore, sysctl.restore]", "[time.sync]");
    let faults = Approved::read(FILE, &text).unwrap_err();
    let [CatalogueError::Runbook { fault: RunbookFault::NothingToInvert, .. }] = faults.as_slice() else {
        panic!("{faults:?}")
    };
    assert!(Approved::read(FILE, &text.replace("rollback: inverse", "rollback: escalate")).is_ok());
}

#[test]
fn whoever_may_lock_people_out_must_let_them_in_again() {
    let escalate = ("rollback: inverse", "rollback: escalate");
    let access = |step| RunbookFault::AccessWithoutInverse { step, verb: Verb::FileRestore };
    // By one of the values that a parameter admits, wherever in its set.
    assert_eq!(both(escalate, ("[/etc/motd]", "[/etc/motd, /etc/pam.d/sshd]")), [access(1)]);
    assert_eq!(both(escalate, ("target: $file", "target: $file")), []);
    let literal = both(escalate, ("target: $file", "target: /etc/shadow"));
    assert!(literal.contains(&access(1)), "{literal:?}");
}

#[test]
fn the_packet_filter_is_kept_before_its_service_is_touched() {
    let old = "  - sysctl.restore:\n      key: kernel.kptr_restrict\n      value: 1\n";
    let start = "  - unit.start: { unit: nftables.service }\n";
    let keep = "  - firewall.restore: { ruleset: /etc/nftables.conf }\n";
    let read = |steps: &[&str]| {
        let verbs = "[file.restore, unit.start, firewall.restore]";
        let text = SOUND.replace(old, &steps.concat()).replace("[file.restore, sysctl.restore]", verbs);
        match Approved::read(FILE, &text) {
            Ok(_) => Vec::new(),
            Err(errors) => errors.into_iter().map(|e| named(e, &text)).collect(),
        }
    };
    assert_eq!(read(&[keep, start]), []);
    let fault = RunbookFault::FilterNotKept { step: 2, verb: Verb::UnitStart };
    assert_eq!(read(&[start, keep]), [(fault, start.trim().to_owned())]);
}

#[test]
fn a_list_of_steps_has_an_end_and_a_beginning() {
    let step = "  - sysctl.restore:\n      key: kernel.kptr_restrict\n      value: 1\n";
    let many = faults(step, &step.repeat(17));
    assert!(
        matches!(many.as_slice(), [(RunbookFault::OutOfRange { value: 18, .. }, line)] if line == "steps:"),
        "{many:?}"
    );
    let begin = SOUND.find("  - file.restore").unwrap();
    let end = SOUND.find("verification:").unwrap();
    let none = format!("{} []\n{}", &SOUND[..begin - 1], &SOUND[end..]);
    let errors = Approved::read(FILE, &none).unwrap_err();
    assert!(errors[0].to_string().contains("its list of steps is empty"), "{errors:?}");
}

#[test]
fn waits_and_programs_are_part_of_the_time_limit() {
    let step = "  - sysctl.restore:\n      key: kernel.kptr_restrict\n      value: 1\n";
    let found =
        both(("[file.restore, sysctl.restore]", "[file.restore, wait]"), (step, "  - wait: { ms: 4901 }\n"));
    assert!(
        matches!(found.as_slice(), [RunbookFault::OutOfRange { field: "time_limit_ms", min: 5001, .. }]),
        "{found:?}"
    );
}

/// A verb, its fields, and what is wrong with them; `None` where nothing is.
type Bound = (&'static str, &'static str, Option<BoundsFault>);

const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

const BOUNDS: &[Bound] = &[
    ("file.restore", r#"{ target: /etc/motd, content: "a\n", mode: "0644" }"#, None),
    ("file.restore", "{ target: /etc/motd }", Some(BoundsFault::RestoresNothing)),
    ("file.restore", r#"{ target: /etc/motd, content: "a\n" }"#, Some(BoundsFault::ContentWithoutMode)),
    (
        "file.restore",
        r#"{ target: /etc/motd, content: "a", mode: "0644" }"#,
        Some(BoundsFault::ContentNotPlain),
    ),
    (
        "file.restore",
        r#"{ target: /etc/motd, content: "\e[2J\n", mode: "0644" }"#,
        Some(BoundsFault::ContentNotPlain),
    ),
    (
        "file.restore",
        r#"{ target: $file, content: "a\n", mode: "0644" }"#,
        Some(BoundsFault::ContentAnywhere),
    ),
    (
        "file.restore",
        r#"{ target: /etc/sudoers.d/x, content: "a\n", mode: "0440" }"#,
        Some(BoundsFault::NotValidated),
    ),
    ("file.restore", r#"{ target: /etc/sudoers.d/x, content: "a\n", mode: "0440", validate: visudo }"#, None),
    (
        "file.restore",
        r#"{ target: /etc/sudoers.d/x, content: "a\n", mode: "0440", validate: sshd }"#,
        Some(BoundsFault::WrongValidator),
    ),
    (
        "file.restore",
        r#"{ target: /etc/motd, content: "a\n", mode: "0644", validate: nft }"#,
        Some(BoundsFault::WrongValidator),
    ),
    (
        "file.restore",
        r#"{ target: /etc/motd, mode: "0644", validate: nft }"#,
        Some(BoundsFault::NothingToValidate),
    ),
    (
        "files.prune",
        "{ directory: /tmp, suffixes: [.gz], older_than_h: 1, keep: 0, depth_max: 0, count_max: 1 }",
        None,
    ),
    (
        "files.prune",
        "{ directory: /tmp, suffixes: [], older_than_h: 1, keep: 0, depth_max: 0, count_max: 1 }",
        Some(BoundsFault::Suffixes),
    ),
    (
        "files.prune",
        "{ directory: /var/tmp/a, suffixes: [.gz], older_than_h: 0, keep: 0, depth_max: 0, count_max: 1 }",
        Some(BoundsFault::TooYoung),
    ),
    (
        "files.prune",
        "{ directory: /tmp, suffixes: [.gz], older_than_h: 1, keep: 0, depth_max: 5, count_max: 1 }",
        Some(BoundsFault::DepthMax),
    ),
    (
        "files.prune",
        "{ directory: /tmp, suffixes: [.gz], older_than_h: 1, keep: 0, depth_max: 0, count_max: 100001 }",
        Some(BoundsFault::CountMax),
    ),
    (
        "files.prune",
        "{ directory: /home, suffixes: [.gz], older_than_h: 1, keep: 0, depth_max: 0, count_max: 1 }",
        Some(BoundsFault::PrunesThere),
    ),
    (
        "files.prune",
        "{ directory: /tmpx, suffixes: [.gz], older_than_h: 1, keep: 0, depth_max: 0, count_max: 1 }",
        Some(BoundsFault::PrunesThere),
    ),
    ("journal.vacuum", "{ keep_mb: 64 }", None),
    ("journal.vacuum", "{ keep_mb: 63 }", Some(BoundsFault::KeepMb)),
    ("cert.renew", "{ unit: a.service, certificate: /a, key: /b, days_min: 60 }", None),
    ("cert.renew", "{ unit: a.service, certificate: /a, key: /b, days_min: 0 }", Some(BoundsFault::DaysMin)),
    ("cert.renew", "{ unit: a.service, certificate: /a, key: /a, days_min: 9 }", Some(BoundsFault::SameFile)),
    ("process.limit", "{ units: [a.service], busy_percent_min: 50, cpu_weight: 1, nice: 19 }", None),
    (
        "process.limit",
        "{ units: [], busy_percent_min: 50, cpu_weight: 1, nice: 19 }",
        Some(BoundsFault::Units),
    ),
    (
        "process.limit",
        "{ units: [a.service], busy_percent_min: 50, cpu_weight: 101, nice: 19 }",
        Some(BoundsFault::CpuWeight),
    ),
    (
        "process.limit",
        "{ units: [a.service], busy_percent_min: 50, cpu_weight: 1, nice: -1 }",
        Some(BoundsFault::Nice),
    ),
    (
        "process.limit",
        "{ units: [a.service], busy_percent_min: 0, cpu_weight: 1, nice: 1 }",
        Some(BoundsFault::BusyPercentMin),
    ),
    ("store.gc", "{ keep_generations: 0 }", Some(BoundsFault::KeepGenerations)),
    (
        "restore.test",
        "{ environment: /e, snapshot_days_max: 7, include: [/a], databases: [/a/b], size_mb_max: 1, stamp: /s }",
        None,
    ),
    (
        "restore.test",
        "{ environment: /e, snapshot_days_max: 7, include: [], size_mb_max: 1, stamp: /s }",
        Some(BoundsFault::Include),
    ),
    (
        "restore.test",
        "{ environment: /e, snapshot_days_max: 7, include: [/a], databases: [/ab], size_mb_max: 1, stamp: /s }",
        Some(BoundsFault::DatabaseElsewhere),
    ),
    (
        "restore.test",
        "{ environment: /e, snapshot_days_max: 7, include: [/a], size_mb_max: 0, stamp: /s }",
        Some(BoundsFault::SizeMbMax),
    ),
    (
        "restore.test",
        "{ environment: /e, snapshot_days_max: 0, include: [/a], size_mb_max: 1, stamp: /s }",
        Some(BoundsFault::SnapshotDaysMax),
    ),
    ("wait", "{ ms: 1 }", None),
    ("wait", "{ ms: 0 }", Some(BoundsFault::Wait)),
    ("wait", "{ ms: 600001 }", Some(BoundsFault::Wait)),
];

#[test]
fn no_step_asks_for_what_no_step_may() {
    for (verb, fields, want) in BOUNDS {
        check(verb, fields, *want);
    }
    let command =
        |rest: &str| format!("{{ program: /usr/bin/true, digest: {DIGEST}, arguments: [], {rest} }}");
    check("command.run", &command("profile: strict, time_limit_ms: 1"), None);
    check("command.run", &command("profile: strict, time_limit_ms: 0"), Some(BoundsFault::CommandTime));
    check("command.run", &command("profile: standard-net, time_limit_ms: 1"), Some(BoundsFault::Reaches));
    check(
        "command.run",
        &command("profile: strict, reaches: ['a:1'], time_limit_ms: 1"),
        Some(BoundsFault::Reaches),
    );
    let long = format!("{{ target: /etc/motd, content: \"{}\\n\", mode: \"0644\" }}", "a".repeat(8 << 10));
    check("file.restore", &long, Some(BoundsFault::ContentTooLong));
}

fn check(verb: &str, fields: &str, want: Option<BoundsFault>) {
    let found = with_step(verb, fields);
    let bounds: Vec<_> = found
        .iter()
        .filter_map(|f| if let RunbookFault::Step { step: 2, fault, .. } = f { Some(*fault) } else { None })
        .collect();
    assert_eq!(bounds, Vec::from_iter(want), "{verb}: {fields}: {found:?}");
    if want.is_none() {
        assert_eq!(found, [], "{verb}: {fields}");
    }
}

/// Its name in the source, so that a fault without a case is seen.
fn name_of(fault: &impl std::fmt::Debug) -> String {
    format!("{fault:?}").split(['(', ' ']).next().unwrap_or_default().to_owned()
}

/// The variants of an enum, as its source names them.
fn variants(of: &str) -> BTreeSet<String> {
    let source = include_str!("fault.rs").split(&format!("pub enum {of} {{")).nth(1).unwrap();
    let body = source.split("\n}").next().unwrap();
    let names =
        body.lines().filter_map(|l| l.strip_prefix("    ")).filter(|l| l.starts_with(char::is_uppercase));
    names.map(|l| l.split(['(', ' ', ',']).next().unwrap().to_owned()).collect()
}

#[test]
fn every_fault_has_a_case() {
    let mut seen: BTreeSet<String> = CASES
        .iter()
        .flat_map(|(from, to, words, _)| {
            faults(from, to)
                .into_iter()
                .filter(move |(f, _)| !words.is_empty() && f.to_string().starts_with(words))
        })
        .map(|(fault, _)| name_of(&fault))
        .collect();
    // Those with a test of their own, here and beside the catalogue.
    seen.extend(
        [
            "Twice",
            "DisruptiveWithoutRollback",
            "DisruptionUnsaid",
            "AccessWithoutInverse",
            "FilterNotKept",
            "NothingToInvert",
        ]
        .map(str::to_owned),
    );
    assert_eq!(seen, variants("RunbookFault"));
    let mut seen: BTreeSet<String> =
        BOUNDS.iter().filter_map(|(.., want)| want.as_ref()).map(name_of).collect();
    seen.extend(["CommandTime", "Reaches", "ContentTooLong"].map(str::to_owned));
    assert_eq!(seen, variants("BoundsFault"));
}
