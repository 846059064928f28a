//! What holds for every policy and every request: order is nothing, a deny opens nothing, a built-in is never outvoted, the index answers as a plain
//! scan does, and what is parsed decides the same when it is parsed again.

use policy::{Actor, Answer, Effect, Measures, Operation, Policy, Resource, RuleAnswer};
use proptest::prelude::*;

use super::given::{Counting, answer, ask, engine, engine_of, path, policy_of, rule, with_extension};

/// Few names, so that rules and requests meet.
fn text_path() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(vec!["a", "b", "var"]), 1..4)
        .prop_map(|names| format!("/{}", names.join("/")))
}

fn list(values: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::subsequence(values, 0..=values.len().min(3)).prop_map(|v| format!("[{}]", v.join(", ")))
}

fn things() -> impl Strategy<Value = String> {
    let paths = prop::collection::vec((text_path(), any::<bool>()), 0..4).prop_map(|paths| {
        let one = |(text, below): &(String, bool)| format!("'{text}{}'", if *below { "/**" } else { "" });
        format!("paths: [{}]", paths.iter().map(one).collect::<Vec<_>>().join(", "))
    });
    let units = prop::sample::subsequence(vec!["'x@*.service'", "x@1.service", "cron.service"], 0..=3)
        .prop_map(|units| format!("units: [{}]", units.join(", ")));
    prop_oneof![3 => paths, 1 => units]
}

fn matches() -> impl Strategy<Value = String> {
    let field = prop_oneof![
        things(),
        list(&["unit.restart", "files.prune", "file.restore"]).prop_map(|l| format!("verbs: {l}")),
        list(&["hub", "standing", "person", "'person:ada'"]).prop_map(|l| format!("actors: {l}")),
        list(&["red", "blue"]).prop_map(|l| format!("tags: {l}")),
        list(&["RB-SERVICE-001-restart", "RB-OTHER-001-x"]).prop_map(|l| format!("runbooks: {l}")),
        list(&["delete", "write", "rename"]).prop_map(|l| format!("operations: {l}")),
        Just("size_max: 1 KiB".to_owned()),
        Just("count_max: 3".to_owned()),
    ];
    // Each field once, and one kind of thing.
    prop::collection::vec(field, 1..4).prop_map(|fields| {
        let mut seen = std::collections::BTreeSet::new();
        let name = |field: &str| match field.split(':').next().unwrap() {
            "paths" | "units" => "things".to_owned(),
            other => other.to_owned(),
        };
        fields.into_iter().filter(|field| seen.insert(name(field))).collect::<Vec<_>>().join(", ")
    })
}

/// A rule in short: answer, match, and an except where the answer takes one.
type Drawn = (&'static str, String, Option<String>);

fn drawn() -> impl Strategy<Value = Drawn> {
    let answer = prop::sample::select(vec!["allow", "allow", "deny", "require_review"]);
    let except =
        prop::option::of(matches().prop_filter("an empty list excepts nothing", |m| !m.contains("[]")));
    (answer, matches(), except)
        .prop_map(|(answer, matches, except)| (answer, matches, if answer == "deny" { None } else { except }))
}

fn written(rules: &[Drawn]) -> Vec<String> {
    let one = |(n, (answer, matches, except)): (usize, &Drawn)| {
        let except: Vec<&str> = except.iter().map(String::as_str).collect();
        rule(&format!("r{n}"), matches, answer, &except)
    };
    rules.iter().enumerate().map(one).collect()
}

fn request() -> impl Strategy<Value = policy::Request> {
    let resource = prop_oneof![
        3 => text_path().prop_map(|text| Resource::Path(path(&text))),
        1 => prop::sample::select(vec!["x@1.service", "x@2.service", "cron.service"])
            .prop_map(|unit| Resource::Unit(unit.try_into().unwrap())),
    ];
    let actor = prop::sample::select(vec![
        Actor::Hub,
        Actor::Standing,
        Actor::Person("ada".try_into().unwrap()),
        Actor::Person("bob".try_into().unwrap()),
    ]);
    let measures = (prop::option::of(0..2048_u64), prop::option::of(0..6_u64))
        .prop_map(|(size_bytes, count)| Measures { size_bytes, age_ms: None, count });
    (
        prop::sample::select(vec!["unit.restart", "files.prune"]),
        prop::sample::select(Operation::ALL.to_vec()),
        resource,
        actor,
        prop::sample::subsequence(vec!["red", "blue"], 0..=2),
        measures,
    )
        .prop_map(|(verb, operation, resource, actor, tags, measures)| {
            let mut request = ask(verb, operation, resource);
            request.actor = actor;
            request.tags = tags.into_iter().map(|tag| tag.try_into().unwrap()).collect();
            request.measures = measures;
            request
        })
}

fn mildness(answer: Answer) -> u8 {
    match answer {
        Answer::Deny => 0,
        Answer::Review => 1,
        Answer::Allow => 2,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_rules_is_nothing(
        (rules, shuffled) in prop::collection::vec(drawn(), 0..8)
            .prop_map(|rules| written(&rules))
            .prop_flat_map(|rules| (Just(rules.clone()), Just(rules).prop_shuffle())),
        request in request(),
    ) {
        // All reasons are the same too, and in the same order.
        prop_assert_eq!(answer(&engine(&rules), &request), answer(&engine(&shuffled), &request));
    }

    #[test]
    fn a_further_deny_makes_no_answer_milder(
        rules in prop::collection::vec(drawn(), 0..8), deny in matches(), request in request(),
    ) {
        let mut more = rules.clone();
        let (before, _) = answer(&engine(&written(&rules)), &request);
        more.push(("deny", deny, None));
        let (after, _) = answer(&engine(&written(&more)), &request);
        prop_assert!(mildness(after) <= mildness(before), "{:?} became {:?}", before, after);
        prop_assert!(after == before || after == Answer::Deny, "a deny made a {:?} of a {:?}", after, before);
    }

    #[test]
    fn a_built_in_is_never_outvoted(
        rules in prop::collection::vec(drawn(), 0..8),
        operation in prop::sample::select(Operation::ALL.to_vec()).prop_filter("a change", |o| *o != Operation::Read),
        place in prop::sample::select(vec!["/", "/var", "/var/lib/suture/keys/x", "/etc/suture", "/VAR/LIB/suture"]),
        request in request(),
    ) {
        let mut rules = written(&rules);
        rules.push(rule("everything", "actors: [hub, standing, person]", "allow", &[]));
        let request = policy::Request { operation, resource: Resource::Path(path(place)), ..request };
        let engine = engine(&rules);
        let mut extension = Counting::saying(Ok(r#"{"allow":"fine"}"#));
        let (found, why) = with_extension(&engine, &request, &mut extension);
        prop_assert_eq!((found, extension.asked), (Answer::Deny, 0));
        let built_in = matches!(why.as_slice(), [policy::Reason::BuiltIn(_)]);
        prop_assert!(built_in, "{:?}", why);
    }

    #[test]
    fn the_index_answers_as_a_plain_scan_does(
        rules in prop::collection::vec(drawn(), 0..10), request in request(),
    ) {
        let policy = policy_of(&written(&rules).concat());
        let explained = policy.explain(&super::given::protected(), &request);
        let engine = engine_of(policy);
        let (found, why) = answer(&engine, &request);
        prop_assert_eq!((explained.answer, &explained.reasons), (found, &why));
        // `rules` of an explanation is every rule, asked one by one, without the index. Nothing is said of them where a built-in ended it.
        if explained.phase != policy::Phase::BuiltIns {
            let answering = |wanted| explained.rules.iter().any(|r| r.effect == Effect::Answers && r.answer == wanted);
            let expected = if answering(RuleAnswer::Deny) {
                Answer::Deny
            } else if answering(RuleAnswer::RequireReview) {
                Answer::Review
            } else if answering(RuleAnswer::Allow) {
                Answer::Allow
            } else {
                Answer::Deny
            };
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_measure_that_is_not_taken_allows_nothing_and_lifts_no_denial(
        rules in prop::collection::vec(drawn(), 0..8), request in request(),
    ) {
        let engine = engine(&written(&rules));
        let blind = policy::Request { measures: Measures::default(), ..request.clone() };
        let ((seen, why), (unseen, _)) = (answer(&engine, &request), answer(&engine, &blind));
        // At worst a person is asked of what would have been denied because nothing matched.
        prop_assert!(unseen != Answer::Allow || seen == Answer::Allow);
        if matches!(why.as_slice(), [policy::Reason::Rule(_)]) && seen == Answer::Deny {
            prop_assert_eq!(unseen, Answer::Deny);
        }
    }

    #[test]
    fn a_request_survives_its_record(request in request()) {
        let json = serde_json::to_string(&request).unwrap();
        prop_assert_eq!(serde_json::from_str::<policy::Request>(&json).unwrap(), request);
    }

    #[test]
    fn whatever_the_file_holds_it_is_parsed_or_refused_with_its_place(
        rules in prop::collection::vec(drawn(), 1..4), at in 0_usize..400, byte in any::<char>(), request in request(),
    ) {
        let mut text: Vec<char> = format!("policy: 1\nname: test\nrules:{}", written(&rules).concat()).chars().collect();
        let at = at % text.len();
        text[at] = byte;
        let text: String = text.into_iter().collect();
        // What parses decides the same when it is parsed again; what does not is refused without a panic.
        if let Ok(policy) = Policy::parse("test.yaml", &text, &super::given::verbs()) {
            let again = Policy::parse("other.yaml", &text, &super::given::verbs()).unwrap();
            prop_assert_eq!(policy::diff(&policy, &again), vec![]);
            prop_assert_eq!(policy.digest(), again.digest());
            prop_assert_eq!(answer(&engine_of(policy), &request), answer(&engine_of(again), &request));
        }
    }
}
