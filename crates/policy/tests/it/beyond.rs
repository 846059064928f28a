//! Rows 27 to 40, but for the token's.

use std::cell::Cell;

use policy::{
    Answer, Ask, BREAKING_WITHOUT_PHRASE, BuiltIn, CanonicalPath, DecisionRecord, Engine, Entry,
    ExtensionFault, InForce, Links, NoLinks, NotInForce, NotOpened, Operation, PathFault, Policy, Reason,
    Replacement, Resource, Role, Shift,
};

use super::given::{
    Counting, NOW, Written, answer, ask, engine, path, policy_of, protected, prune, recorded, restart, rule,
    rules_named, verbs, with_extension,
};

/// The real file system.
struct Real;

impl Links for Real {
    fn entry(&self, path: &str) -> Result<Entry, PathFault> {
        match std::fs::symlink_metadata(path) {
            Ok(found) if found.is_symlink() => {
                let target = std::fs::read_link(path).map_err(|_| PathFault::Unreadable)?;
                target.into_os_string().into_string().map(Entry::Link).map_err(|_| PathFault::Unreadable)
            }
            Ok(_) => Ok(Entry::NoLink),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Entry::NoLink),
            Err(_) => Err(PathFault::Unreadable),
        }
    }
}

#[test]
fn case_27_one_spelling_before_any_match() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    let root = root.to_str().unwrap();
    for made in ["data", "secret"] {
        std::fs::create_dir(format!("{root}/{made}")).unwrap();
    }
    std::os::unix::fs::symlink(format!("{root}/secret"), format!("{root}/data/way")).unwrap();
    std::os::unix::fs::symlink("../secret", format!("{root}/data/short")).unwrap();
    std::os::unix::fs::symlink("round", format!("{root}/data/round")).unwrap();
    let rules = [
        rule("all", &format!("paths: ['{root}/**']"), "allow", &[]),
        rule("secret", &format!("paths: ['{root}/secret/**']"), "deny", &[]),
    ];
    let engine = engine(&rules);
    let base = path(&format!("{root}/data"));
    let said = |text: &str| {
        let operation = Operation::Write;
        let resource = Resource::path(text, Some(&base), operation, &Real);
        let (answer, why) = answer(&engine, &ask("file.restore", operation, resource));
        (answer, rules_named(&why).join(", "))
    };
    let secret = (Answer::Deny, "secret".to_owned());
    assert_eq!(said(&format!("{root}/data/x")), (Answer::Allow, "all".to_owned()));
    assert_eq!(said("./x"), (Answer::Allow, "all".to_owned()));
    for spelling in
        ["../secret/x", "./../secret/./x", "way/x", "short/x", "way/../secret/x", "nothing/../short/x"]
    {
        assert_eq!(said(spelling), secret, "{spelling}");
    }
    for spelling in [format!("{root}//secret///x"), format!("/{root}/data/../secret/x")] {
        assert_eq!(said(&spelling), secret, "{spelling}");
    }
    // What has no spelling is denied, whatever the rules allow.
    for (text, fault) in
        [("round/x", PathFault::TooManyLinks), ("/../x", PathFault::AboveRoot), ("x\0", PathFault::Nul)]
    {
        let resource = Resource::path(text, Some(&base), Operation::Write, &Real);
        assert_eq!(resource, Resource::Unplaced(fault), "{text:?}");
        assert_eq!(said(text), (Answer::Deny, format!("the path cannot be placed: {fault}")), "{text:?}");
    }
    let relative = Resource::path("x", None, Operation::Write, &NoLinks);
    assert_eq!(relative, Resource::Unplaced(PathFault::Relative));
}

#[test]
fn case_27_other_case_does_not_reach_what_is_built_in() {
    let engine = engine(&[rule("all", "actors: [hub]", "allow", &[])]);
    for spelling in
        ["/VAR/lib/Suture/evidence", "/var/lib/SUTURE", "/etc/suture/POLICY.yaml", "/var/lib/ſuture/keys"]
    {
        let request = ask("file.restore", Operation::Write, Resource::Path(path(spelling)));
        assert_eq!(answer(&engine, &request).0, Answer::Deny, "{spelling}");
    }
    let request = ask("file.restore", Operation::Write, Resource::Path(path("/srv/Müller")));
    assert_eq!(answer(&engine, &request).0, Answer::Allow, "a name beyond ASCII elsewhere is a name");
}

#[test]
fn case_31_the_extension_times_out_is_not_ready_or_answers_nonsense() {
    let engine = engine(&[rule("a", "units: [cron.service]", "allow", &[])]);
    let long = format!(r#"{{"allow":"{}"}}"#, "a".repeat(2000)).leak();
    for (says, fault) in [
        (Err(ExtensionFault::TimedOut), ExtensionFault::TimedOut),
        (Err(ExtensionFault::NotReady), ExtensionFault::NotReady),
        (Ok(""), ExtensionFault::Nonsense),
        (Ok("allow"), ExtensionFault::Nonsense),
        (Ok("\"allow\""), ExtensionFault::Nonsense),
        (Ok(r#"{"allow":"the patient said so"}"#), ExtensionFault::Nonsense),
        (Ok(r#"{"allow":"a","deny":"b"}"#), ExtensionFault::Nonsense),
        (Ok(r#"{"permit":"a"}"#), ExtensionFault::Nonsense),
        (Ok(r#"{"allow":"a"} {"deny":"b"}"#), ExtensionFault::Nonsense),
        (Ok(long), ExtensionFault::Nonsense),
    ] {
        let mut extension = Counting::saying(says);
        let (found, why) = with_extension(&engine, &restart("cron.service"), &mut extension);
        assert_eq!((found, why), (Answer::Deny, vec![Reason::ExtensionFailed(fault)]), "{says:?}");
        assert_eq!((extension.asked, extension.restarted), (1, 0), "{says:?}");
    }
}

/// All that changes something, as the row lists it.
const CHANGES: [Operation; 7] = [
    Operation::Write,
    Operation::Rename,
    Operation::Delete,
    Operation::Link,
    Operation::Chmod,
    Operation::Truncate,
    Operation::Exec,
];

#[test]
fn case_38_what_is_protected_is_untouchable_in_every_way() {
    let engine = engine(&[rule("all", "actors: [hub]", "allow", &[])]);
    let said = |operation, resource| answer(&engine, &ask("command.run", operation, resource));
    let protected = [
        ("/etc/suture/policy.yaml", Role::Policy),
        ("/var/lib/suture/evidence/tile/0/000", Role::Evidence),
        ("/var/lib/suture/counters", Role::State),
        ("/usr/bin/suture-executor", Role::Executor),
        // A directory that they lie in takes them with it.
        ("/var/lib", Role::Evidence),
        ("/etc", Role::Policy),
        ("/", Role::Policy),
    ];
    for operation in CHANGES {
        for (text, role) in protected {
            for resource in [Resource::Path(path(text)), Resource::Program(path(text))] {
                let expected = (Answer::Deny, vec![Reason::BuiltIn(BuiltIn::Untouchable(role))]);
                assert_eq!(said(operation, resource), expected, "{} {text}", operation.word());
            }
        }
        for text in ["/var/lib/suture2", "/usr/bin/suture", "/etc/sutur", "/srv/x"] {
            assert_eq!(
                said(operation, Resource::Path(path(text))).0,
                Answer::Allow,
                "{} {text}",
                operation.word()
            );
        }
        let own = Resource::Own(contract::runbook::OwnDirectory::Evidence);
        assert_eq!(said(operation, own).1, [Reason::BuiltIn(BuiltIn::OwnDirectory)]);
    }
    let unit = |name: &str| Resource::Unit(name.try_into().unwrap());
    assert_eq!(
        said(Operation::Control, unit("suture-executor.service")).1,
        [Reason::BuiltIn(BuiltIn::ExecutorUnit)]
    );
    assert_eq!(said(Operation::Control, unit("suture-agent.service")).0, Answer::Allow);
    // Reading is no change; but keys are not read either.
    assert_eq!(said(Operation::Read, Resource::Path(path("/etc/suture/policy.yaml"))).0, Answer::Allow);
    let read = said(Operation::Read, Resource::Path(path("/var/lib/suture/keys/evidence")));
    assert_eq!(read.1, [Reason::BuiltIn(BuiltIn::KeysUnread)]);
    assert!(BuiltIn::ALL.len() <= 10, "at most ten");
}

#[test]
fn case_39_without_a_record_there_is_no_answer() {
    let engine = engine(&[rule("a", "units: [cron.service]", "allow", &[])]);
    let request = restart("cron.service");
    let nothing = engine.decide(Ask::plain(&request, NOW)).open(|_| Err::<Written, _>("the disk is full"));
    assert!(matches!(nothing, Err(NotOpened::NotRecorded("the disk is full"))));
    // The record of another decision is none of this one's: the denial of a moment ago opens no allow.
    let denied = recorded(engine.decide(Ask::plain(&restart("sshd.service"), NOW))).1;
    let nothing = engine.decide(Ask::plain(&request, NOW)).open(|_| Ok::<_, ()>(Written(denied)));
    assert!(matches!(nothing, Err(NotOpened::OtherRecord)));
    // The record is written before the answer is there, and once.
    let writes = Cell::new(0);
    let opened = engine.decide(Ask::plain(&request, NOW)).open(|record| {
        writes.set(writes.get() + 1);
        assert_eq!((record.answer, &record.request), (Answer::Allow, &request));
        Ok::<_, ()>(Written(record.clone()))
    });
    assert_eq!((opened.unwrap().answer(), writes.get()), (Answer::Allow, 1));
}

fn decisions(engine: &Engine, units: impl Iterator<Item = usize>) -> Vec<DecisionRecord> {
    units.map(|n| recorded(engine.decide(Ask::plain(&restart(&format!("app-{n}.service")), NOW))).1).collect()
}

fn text_of(rules: &[String]) -> String {
    format!("policy: 1\nname: clinic\nrules:{}", rules.concat())
}

#[test]
fn case_40_a_policy_is_put_in_place_by_the_verb_alone() {
    let old_text = text_of(&[rule("all", "verbs: [unit.restart]", "allow", &[])]);
    let parse = |text: &str| Policy::parse("clinic.yaml", text, &verbs()).unwrap();
    let old = parse(&old_text);
    let recorded = Some(old.digest());
    let engine = Engine::new(InForce::of(parse(&old_text), recorded, None).unwrap(), protected());
    let replay = |text: &str, decisions: &[DecisionRecord]| {
        Replacement::prepare(&old, "new.yaml", text, &protected(), decisions)
    };

    // It is read in memory: what is broken is refused with its place, and nothing happened.
    let broken = replay("policy: 1\nname: clinic\nrule: []\n", &[]).unwrap_err().to_string();
    assert!(broken.starts_with("new.yaml:3:1: "), "{broken}");

    // The newest 100 decisions are replayed; 150 were made, and the rule takes away the first 55.
    let units: Vec<String> = (0..55).map(|n| format!("app-{n}.service")).collect();
    let stricter = text_of(&[
        rule("all", "verbs: [unit.restart]", "allow", &[]),
        rule("not-these", &format!("units: [{}]", units.join(", ")), "deny", &[]),
        rule("look", "units: [app-60.service]", "require_review", &[]),
    ]);
    let replacement = replay(&stricter, &decisions(&engine, 0..150)).unwrap();
    assert_eq!((replacement.replayed(), replacement.breaking()), (100, 5));
    let [.., last] = replacement.changes() else { panic!("nothing changes") };
    assert_eq!((last.was, last.now, last.shift), (Answer::Allow, Answer::Review, Shift::Stricter));
    assert_eq!(replacement.changes().len(), 6);
    assert_eq!(rules_named(&replacement.changes()[0].reasons), ["not-these"]);
    // Five may break in passing.
    assert_eq!((replacement.breaking(), replacement.phrase()), (BREAKING_WITHOUT_PHRASE, None));
    let confirmed = replacement.confirm(None).unwrap();
    assert_eq!(confirmed.text(), stricter, "the file is to hold exactly what was read");

    // Six may not, without the phrase, typed exactly.
    for typed in [None, Some("yes"), Some("deny 5 of clinic"), Some("deny 6 of clinic ")] {
        let replacement = replay(&stricter, &decisions(&engine, 49..149)).unwrap();
        let missing = replacement.confirm(typed).unwrap_err();
        assert_eq!((missing.breaking, missing.phrase.to_string().as_str()), (6, "deny 6 of clinic"));
    }
    let replacement = replay(&stricter, &decisions(&engine, 49..149)).unwrap();
    let new = replacement.confirm(Some("deny 6 of clinic")).unwrap().into_policy();

    // A file that lies in the policy's place counts if the log says so: as the one that holds, or as the one that is about to.
    let digest = new.digest();
    assert_eq!(digest, contract::digest::Digest::of(stricter.as_bytes()));
    let other = InForce::of(parse(&stricter), recorded, None).unwrap_err();
    assert_eq!(other, NotInForce::Other { found: digest, recorded: old.digest() });
    assert_eq!(
        InForce::of(parse(&stricter), None, None).unwrap_err(),
        NotInForce::NoneRecorded { found: digest }
    );
    assert_eq!(InForce::of(parse(&stricter), recorded, Some(digest)).unwrap().policy().digest(), digest);
    assert_eq!(
        InForce::of(parse(&old_text), recorded, Some(digest)).unwrap().policy().digest(),
        old.digest()
    );
    assert!(InForce::of(policy_of(""), recorded, Some(digest)).is_err(), "a third policy was taken");
    // One byte more, and it is another policy, whatever it means.
    assert!(InForce::of(parse(&format!("{stricter}# \n")), Some(digest), None).is_err());
}

#[test]
fn a_replay_marks_each_direction() {
    let old = policy_of(&rule("some", "paths: [/var/tmp/**]", "require_review", &[]));
    let new_text = text_of(&[rule("some", "paths: [/var/tmp/a]", "allow", &[])]);
    let engine = engine(&[rule("some", "paths: [/var/tmp/**]", "require_review", &[])]);
    let decisions: Vec<DecisionRecord> = ["/var/tmp/a", "/var/tmp/b", "/srv/c"]
        .iter()
        .map(|text| recorded(engine.decide(Ask::plain(&prune(text), NOW))).1)
        .collect();
    let replacement = Replacement::prepare(&old, "new.yaml", &new_text, &protected(), &decisions).unwrap();
    let shifts: Vec<_> = replacement.changes().iter().map(|c| (c.was, c.now, c.shift)).collect();
    let expected =
        [(Answer::Review, Answer::Allow, Shift::Milder), (Answer::Review, Answer::Deny, Shift::Stricter)];
    assert_eq!(shifts, expected);
    // A decision survives its record: what is replayed is what was asked.
    let json = serde_json::to_string(&decisions[0]).unwrap();
    assert_eq!(serde_json::from_str::<DecisionRecord>(&json).unwrap(), decisions[0]);
    assert!(serde_json::from_str::<DecisionRecord>(&json.replace("/var/tmp/a", "/var/./tmp/a")).is_err());
    assert_eq!(CanonicalPath::try_from("/var/tmp/a").unwrap().to_string(), "/var/tmp/a");
}
