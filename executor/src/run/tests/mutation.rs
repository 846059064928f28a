//! What each guardrail is for: an order that it refuses, with nothing touched; and the same order where that one guardrail is taken out, and the wrong
//! thing that happens then. `just guardrails` prints the table.

use contract::dsse::{HubSigner, PayloadType};
use contract::refusal::{Guardrail, Mode};
use contract::runbook::{OwnDirectory, ParameterValue};

use super::*;

/// One guardrail's case: a site, what is sent, and the directory that must not be touched.
struct Case {
    guardrail: Guardrail,
    site: Site,
    policy: &'static str,
    /// Sent first, and carried out: what a replay or a cooldown needs.
    before: Option<Vec<u8>>,
    envelope: Vec<u8>,
    /// Loosened before, and still loose where the guardrail held.
    directory: &'static str,
    clock: ClockOffset,
    /// What happens without it.
    wrong: &'static str,
}

const AGENT: &str = "suture.agent-keys";
pub(super) const NOTHING: &str = "policy: 1\nname: nothing\nrules:\n  - id: none\n    match: { own: [agent-keys] }\n    answer: deny\n    why: This test denies it.\n";

fn case(guardrail: Guardrail, site: Site, envelope: Vec<u8>, wrong: &'static str) -> Case {
    let policy = crate::policy_verb::DEFAULT;
    let clock = ClockOffset::SynchronisedWithinMs(1);
    Case { guardrail, site, policy, before: None, envelope, directory: "agent-keys", clock, wrong }
}

fn changed(change: (&str, &str)) -> (Site, Vec<u8>) {
    let site = fixtures::site_of_changed(&[change]);
    let envelope = fixtures::sign(&order(&site, AGENT, 1));
    (site, envelope)
}

fn cases() -> Vec<Case> {
    let site = fixtures::site;
    let good = |counter| order(&site(), AGENT, counter);
    let forged =
        HubSigner::from_seed(&[66; 32]).sign(PayloadType::Order, &serde_json::to_vec(&good(1)).unwrap());
    let stale = fixtures::sign(&Order { expires: fixtures::utc(fixtures::NOW - 1), ..good(1) });
    let unapproved = fixtures::sign(&Order { catalogue_digest: Digest::of(b"another"), ..good(1) });
    // It says that the evidence directory fails, and would have the agent's keys changed.
    let mut misbound = order(&site(), "suture.evidence-directory", 1);
    let other = ParameterValue::OwnDirectory(OwnDirectory::AgentKeys);
    misbound.parameters.insert("directory".parse().unwrap(), other);
    let (observing, observed) = (Site { mode: Mode::Observe, ..site() }, fixtures::sign(&good(1)));
    let (disruptive, in_hours) = changed(("disruptive: false", "disruptive: true"));
    let (by_a_bad_clock, undisciplined) = changed(("disruptive: false", "disruptive: true"));
    let by_a_bad_clock = Site { window: Some(always()), ..by_a_bad_clock };
    let (unapproved_by_people, alone) = changed(("approval: none", "approval: one_person"));
    let again = fixtures::sign(&good(2));
    vec![
        case(Guardrail::Signature, site(), forged, "a stranger's order is carried out"),
        case(Guardrail::Freshness, site(), stale, "an order that expired is carried out"),
        case(Guardrail::ApprovedRunbook, site(), unapproved, "a catalogue that nobody approved is acted on"),
        case(
            Guardrail::Parameters,
            site(),
            fixtures::sign(&misbound),
            "another directory than the failing one is changed",
        ),
        case(Guardrail::Mode, observing, observed, "a site that only observes is changed"),
        case(Guardrail::Window, disruptive, in_hours, "a disruptive step runs in office hours"),
        Case {
            clock: ClockOffset::Unsynchronised,
            ..case(
                Guardrail::Clock,
                by_a_bad_clock,
                undisciplined,
                "a disruptive step runs by a clock that nobody disciplines",
            )
        },
        Case {
            before: Some(fixtures::sign(&good(1))),
            ..case(Guardrail::Cooldown, site(), again, "the same repair runs again within its cooldown")
        },
        case(
            Guardrail::BlastRadius,
            unapproved_by_people,
            alone,
            "what a person must agree to runs without one",
        ),
        Case {
            policy: NOTHING,
            ..case(
                Guardrail::Policy,
                site(),
                fixtures::sign(&good(1)),
                "what the site's policy denies is done",
            )
        },
    ]
}

fn always() -> crate::guard::Window {
    let days =
        "mon tue wed thu fri sat sun".split(' ').map(|d| serde_json::from_value(d.into()).unwrap()).collect();
    let word = |text: &str| text.to_owned().try_into().unwrap();
    let declared =
        contract::window::DeclaredWindow { zone: word("UTC"), days, from: word("00:00"), to: word("23:59") };
    crate::guard::Window::new(&declared, jiff::tz::TimeZone::UTC).unwrap()
}

/// Runs a case. What was answered, and whether the directory was left alone.
fn run(case: Case, without: Option<Guardrail>) -> (OrderAnswer, bool) {
    let Case { site, policy, before, envelope, directory, clock, guardrail: _, wrong: _ } = case;
    // A window that is shut in another way than by having none would wait: an order that waits has touched nothing, too.
    let rig = Rig::with_clock(Site { without, ..site }, policy, clock);
    // The parameters' case needs the failing check that the order speaks of.
    rig.loosen("evidence");
    if let Some(before) = before {
        rig.loosen(directory);
        assert_eq!(rig.send(&before).outcome, Outcome::Healed);
    }
    rig.loosen(directory);
    let intents = || rig.kinds().iter().filter(|kind| **kind == Kind::Intent).count();
    let earlier = intents();
    let answer = rig.send(&envelope);
    // What was changed and undone again was changed.
    let untouched = rig.is_loose(directory) && intents() == earlier;
    (answer, untouched)
}

#[test]
fn each_guardrail_keeps_something_from_happening_that_happens_without_it() {
    println!("{:<3}{:<17}{:<60}without it", "#", "guardrail", "refused");
    let names: Vec<Guardrail> = cases().iter().map(|case| case.guardrail).collect();
    assert_eq!(names, Guardrail::ALL, "a guardrail has no case");
    for (number, (kept, removed)) in (1..).zip(cases().into_iter().zip(cases())) {
        let (guardrail, wrong) = (kept.guardrail, kept.wrong);
        let (answer, untouched) = run(kept, None);
        let refused_by = answer.refusal.as_ref().and_then(Refusal::guardrail);
        assert_eq!(refused_by, Some(guardrail), "{guardrail:?}: {answer:?}");
        assert!(untouched, "{guardrail:?} refused, and the directory was changed");
        let (without, left_alone) = run(removed, Some(guardrail));
        assert!(!left_alone, "{guardrail:?} was taken out, and nothing went wrong: {without:?}");
        let name = serde_json::to_value(guardrail).unwrap();
        let refusal = answer.refusal.map(|r| r.to_string()).unwrap_or_default();
        let refusal: String = refusal.split_once(": ").map_or(refusal.clone(), |(_, rest)| rest.to_owned());
        let refusal: String = refusal.chars().take(58).collect();
        println!("{number:<3}{:<17}{refusal:<60}{wrong}", name.as_str().unwrap());
    }
}
