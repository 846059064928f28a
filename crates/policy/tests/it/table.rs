//! Rows 1 to 26 of the normative table, but for the token's. Row 18 needs an engine without built-ins, which no build but this crate's own tests has:
//! `src/engine/tests.rs`.

use policy::{Answer, BuiltIn, ExtensionFault, Oddity, Operation, Policy, Reason, Resource};

use super::given::{
    Counting, answer, ask, engine, policy_of, prune, restart, rule, rules_named, verbs, with_extension,
};

const CRON: &str = "verbs: [unit.restart], units: [cron.service]";

fn is(rules: &[String], expected: Answer) -> Vec<String> {
    let engine = engine(rules);
    let (found, reasons) = answer(&engine, &restart("cron.service"));
    assert_eq!(found, expected, "{reasons:?}");
    rules_named(&reasons)
}

#[test]
fn case_01_no_rule_matches() {
    let why =
        is(&[rule("other", "verbs: [unit.restart], units: [sshd.service]", "allow", &[])], Answer::Deny);
    assert_eq!(why, ["no rule matched"]);
}

#[test]
fn case_02_every_matching_rule_abstains() {
    let excepted = ["actors: [hub]"];
    let rules = [rule("a", CRON, "allow", &excepted), rule("b", CRON, "require_review", &excepted)];
    assert_eq!(is(&rules, Answer::Deny), ["no rule matched"]);
}

#[test]
fn case_03_one_allow_one_deny() {
    let rules = [rule("a", CRON, "allow", &[]), rule("b", "verbs: [unit.restart]", "deny", &[])];
    assert_eq!(is(&rules, Answer::Deny), ["b"]);
}

#[test]
fn case_04_one_allow_one_review() {
    let rules = [rule("a", CRON, "allow", &[]), rule("b", CRON, "require_review", &[])];
    assert_eq!(is(&rules, Answer::Review), ["b"]);
}

#[test]
fn case_05_a_built_in_allows_and_the_extension_denies() {
    let engine = engine(&[]);
    let own = contract::runbook::OwnDirectory::Evidence;
    let request = ask("file.restore", Operation::TightenOwn, Resource::Own(own));
    assert_eq!(answer(&engine, &request), (Answer::Allow, vec![Reason::BuiltIn(BuiltIn::OwnTightened)]));
    let mut extension = Counting::saying(Ok(r#"{"deny":"not-today"}"#));
    let (found, why) = with_extension(&engine, &request, &mut extension);
    assert_eq!((found, rules_named(&why)), (Answer::Deny, vec!["the extension: not-today".to_owned()]));
}

#[test]
fn case_06_a_lone_review_whose_except_matches() {
    let why = is(&[rule("a", CRON, "require_review", &["units: [cron.service]", "tags: [x]"])], Answer::Deny);
    assert_eq!(why, ["no rule matched"]);
}

#[test]
fn case_10_several_reviews_carry_all_their_reasons() {
    let rules = [
        rule("c", CRON, "require_review", &[]),
        rule("a", "actors: [hub]", "require_review", &[]),
        rule("b", "verbs: [unit.restart]", "require_review", &[]),
        rule("allows", CRON, "allow", &[]),
    ];
    assert_eq!(is(&rules, Answer::Review), ["a", "b", "c"]);
}

#[test]
fn case_11_a_rule_denies_and_the_extension_is_never_called() {
    let engine = engine(&[rule("no", CRON, "deny", &[])]);
    let mut extension = Counting::saying(Ok(r#"{"allow":"fine"}"#));
    let (found, why) = with_extension(&engine, &restart("cron.service"), &mut extension);
    assert_eq!((found, rules_named(&why), extension.asked), (Answer::Deny, vec!["no".to_owned()], 0));
    // The same extension is asked where no rule denies.
    assert_eq!(with_extension(&engine, &restart("sshd.service"), &mut extension).0, Answer::Allow);
    assert_eq!(extension.asked, 1);
}

#[test]
fn case_12_the_verb_matches_and_the_path_does_not() {
    let engine = engine(&[rule("a", "verbs: [files.prune], paths: [/var/tmp/**]", "allow", &[])]);
    assert_eq!(answer(&engine, &prune("/var/tmp/x")).0, Answer::Allow);
    assert_eq!(answer(&engine, &prune("/var/tmpx/x")), (Answer::Deny, vec![Reason::NothingMatched]));
    assert_eq!(answer(&engine, &prune("/var/tmp")), (Answer::Deny, vec![Reason::NothingMatched]));
}

#[test]
fn case_13_a_review_whose_except_does_not_match() {
    assert_eq!(is(&[rule("a", CRON, "require_review", &["units: [sshd.service]"])], Answer::Review), ["a"]);
}

#[test]
fn case_14_a_review_with_several_excepts_one_of_which_matches() {
    let excepts = ["units: [sshd.service]", "actors: [hub, standing]", "tags: [x]"];
    is(&[rule("a", CRON, "require_review", &excepts)], Answer::Deny);
    // That rule abstains; another one still speaks.
    let rules = [rule("a", CRON, "require_review", &excepts), rule("b", CRON, "allow", &[])];
    assert_eq!(is(&rules, Answer::Allow), ["b"]);
}

#[test]
fn case_15_a_review_with_several_excepts_none_of_which_matches() {
    // The last one matches in one field, and not in the other.
    let excepts = ["units: [sshd.service]", "actors: [standing]", "actors: [hub], tags: [x]"];
    assert_eq!(is(&[rule("a", CRON, "require_review", &excepts)], Answer::Review), ["a"]);
}

#[test]
fn case_16_several_allows_and_nothing_else() {
    let rules = [rule("a", CRON, "allow", &[]), rule("b", "actors: [hub]", "allow", &[])];
    assert_eq!(is(&rules, Answer::Allow), ["a", "b"]);
}

#[test]
fn case_17_allows_from_rules_and_from_the_extension() {
    let engine = engine(&[rule("a", CRON, "allow", &[])]);
    let mut extension = Counting::saying(Ok(r#"{"allow":"fine"}"#));
    let (found, why) = with_extension(&engine, &restart("cron.service"), &mut extension);
    assert_eq!((found, extension.asked), (Answer::Allow, 1));
    assert_eq!(rules_named(&why), ["a", "the extension: fine"]);
}

#[test]
fn case_19_an_empty_rule_file() {
    let empty = policy_of("");
    assert_eq!(empty.warnings()[0].what, Oddity::NoRule);
    let engine = engine(&[]);
    assert_eq!(answer(&engine, &restart("cron.service")), (Answer::Deny, vec![Reason::NothingMatched]));
    let (found, why) = answer(&engine, &restart("suture-executor.service"));
    assert_eq!((found, why), (Answer::Deny, vec![Reason::BuiltIn(BuiltIn::ExecutorUnit)]));
    // A file of no bytes is no policy: it does not even load.
    assert!(Policy::parse("none.yaml", "", &verbs()).is_err());
}

#[test]
fn case_20_the_extension_crashes() {
    let engine = engine(&[rule("a", CRON, "allow", &[])]);
    let mut extension = Counting::saying(Err(ExtensionFault::Crashed));
    let (found, why) = with_extension(&engine, &restart("cron.service"), &mut extension);
    assert_eq!((found, why), (Answer::Deny, vec![Reason::ExtensionFailed(ExtensionFault::Crashed)]));
    assert_eq!((extension.asked, extension.restarted), (1, 1));
}

#[test]
fn case_24_a_verb_nobody_knows() {
    let engine = engine(&[rule("all", "actors: [hub, standing, person]", "allow", &[])]);
    assert_eq!(answer(&engine, &restart("cron.service")).0, Answer::Allow);
    let mut request = restart("cron.service");
    request.verb = "unit.explode".try_into().unwrap();
    assert_eq!(answer(&engine, &request), (Answer::Deny, vec![Reason::UnknownVerb]));
}

#[test]
fn case_25_an_empty_pattern_list() {
    for list in
        ["verbs", "operations", "paths", "programs", "units", "sysctls", "own", "runbooks", "actors", "tags"]
    {
        let rules = rule("barren", &format!("{list}: []"), "allow", &[]);
        let policy = policy_of(&rules);
        let [warning] = policy.warnings() else { panic!("{list}: {:?}", policy.warnings()) };
        assert_eq!(warning.what, Oddity::NeverMatches("barren".try_into().unwrap()), "{list}");
        assert_eq!(warning.line, 4, "{list}");
        let engine = engine(&[rules]);
        assert_eq!(answer(&engine, &restart("cron.service")).0, Answer::Deny, "{list}");
        assert_eq!(answer(&engine, &prune("/var/tmp/x")).0, Answer::Deny, "{list}");
    }
}

#[test]
fn case_26_an_except_that_is_the_match() {
    let rules = rule("never", CRON, "allow", &[CRON]);
    let policy = policy_of(&rules);
    assert_eq!(policy.warnings()[0].what, Oddity::NeverFires("never".try_into().unwrap()));
    assert_eq!(is(&[rules], Answer::Deny), ["no rule matched"]);
    // What excepts a part only is no oddity.
    let part = policy_of(&rule("part", "verbs: [unit.restart]", "allow", &[CRON]));
    assert_eq!(part.warnings(), []);
}
