//! A site with a dead line heals what disturbs nobody, and nothing else; break-glass lets a named person act for a while. Every use is a record.

use contract::dsse::PayloadType;
use contract::fact::FactValue;
use contract::grant::{BreakGlassGrant, SILENCE_MS, StandingOrder};
use contract::record::Authority;
use contract::refusal::Mode;

use super::*;

const RULES: &str = "rules:\n  - id: own\n    os: linux\n    priority: 100\n    when:\n      controls: [suture.agent-keys, suture.executor-keys]\n    run: RB-FILE-001-own-directories\n";
const HOUR_MS: u64 = 60 * 60 * 1000;

fn standing(site: &Site, counter: u64, runbooks: &[&str]) -> Vec<u8> {
    let order = StandingOrder {
        grant: format!("g-{counter}").parse().unwrap(),
        tenant: site.tenant.clone(),
        site: site.site.clone(),
        host: site.host.clone(),
        catalogue_digest: site.catalogue.digest(),
        rules_digest: Digest::of(RULES.as_bytes()),
        runbooks: runbooks.iter().map(|id| id.parse().unwrap()).collect(),
        counter,
        issued: fixtures::utc(fixtures::NOW),
        expires: fixtures::utc(fixtures::NOW + 7 * 86_400_000),
    };
    fixtures::hub().sign(PayloadType::StandingOrder, &serde_json::to_vec(&order).unwrap())
}

fn drift(control: &str) -> contract::incident::What {
    contract::incident::What::Drift {
        control: control.parse().unwrap(),
        fact: "own:agent-keys".parse().unwrap(),
        observed: FactValue::Flag(false),
    }
}

fn decide(rig: &Rig, incident: &str, control: &str) -> OrderAnswer {
    ended(rig.runner.decide_here(&incident.parse().unwrap(), &drift(control)).unwrap())
}

const GRANTED: [&str; 1] = ["RB-FILE-001-own-directories"];

#[test]
fn with_the_hub_away_for_72_hours_drift_heals_and_nothing_runs_twice_when_it_returns() {
    let site = fixtures::site();
    let envelope = standing(&site, 1, &GRANTED);
    let late = fixtures::sign(&Order {
        incident: "i-0".parse().unwrap(),
        issued: fixtures::utc(fixtures::NOW + 72 * 3_600_000),
        expires: fixtures::utc(fixtures::NOW + 73 * 3_600_000),
        ..order(&site, "suture.agent-keys", 1)
    });
    let rig = Rig::new(site);
    rig.runner.take_standing(rig.directory.path(), &envelope, RULES).unwrap();
    for hour in 0..72u64 {
        // Every other day something breaks; each is another incident. (More often would be flapping, and that stops.)
        if hour % 48 == 0 {
            let incident = format!("i-{}", hour / 48);
            rig.loosen("agent-keys");
            // Findings are written down all along; the hub acknowledges none of it.
            rig.clock.advance_ms(SILENCE_MS);
            let answer = decide(&rig, &incident, "suture.agent-keys");
            assert_eq!(
                (answer.outcome, rig.is_loose("agent-keys")),
                (Outcome::Healed, false),
                "hour {hour}: {answer:?}"
            );
            // The agent asks again: the answer is the same, and nothing runs.
            assert_eq!(decide(&rig, &incident, "suture.agent-keys"), answer);
            rig.clock.advance_ms(HOUR_MS - SILENCE_MS);
        } else {
            rig.clock.advance_ms(HOUR_MS);
        }
        rig.runner.tick();
    }
    // The hub is back, with an order of its own for the first of them.
    let answer = rig.send(&late);
    assert_eq!((answer.outcome, answer.refusal), (Outcome::Observed, Some(Refusal::NoFailingCheck)));
    let records = rig.records();
    let uses: Vec<_> = records
        .iter()
        .filter_map(|r| match &r.body {
            Body::Accepted(accepted) => Some(accepted.authority.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(
        uses,
        vec![Authority::StandingOrder("g-1".parse().unwrap()); 2],
        "every use is a record, once"
    );
    assert_eq!(records.iter().filter(|r| matches!(r.body, Body::Ended(Outcome::Healed, _))).count(), 2);
}

#[test]
fn what_is_disruptive_cannot_even_be_granted() {
    let site = fixtures::site_of_changed(&[("disruptive: false", "disruptive: true")]);
    let envelope = standing(&site, 1, &GRANTED);
    let rig = Rig::new(site);
    let refused = rig.runner.take_standing(rig.directory.path(), &envelope, RULES);
    assert!(matches!(refused, Err(GrantError::Standing(_))), "{refused:?}");
    rig.loosen("agent-keys");
    rig.clock.advance_ms(SILENCE_MS);
    assert_eq!(decide(&rig, "i-1", "suture.agent-keys").refusal, Some(Refusal::NoStandingOrder));
    assert!(rig.is_loose("agent-keys"));
}

#[test]
fn the_hubs_receipt_is_its_voice_and_silence_counts_from_what_it_has_not_acknowledged() {
    let site = fixtures::site();
    let envelope = standing(&site, 1, &GRANTED);
    let rig = Rig::new(site);
    rig.runner.take_standing(rig.directory.path(), &envelope, RULES).unwrap();
    rig.loosen("agent-keys");
    rig.clock.advance_ms(SILENCE_MS - 1);
    let answer = decide(&rig, "i-1", "suture.agent-keys");
    assert_eq!(answer.refusal, Some(Refusal::HubHeard { ago_ms: SILENCE_MS - 1 }));
    let entries = rig.records().len() as u64;
    rig.runner
        .machine
        .with_log(|recorder| recorder.heard(&receipt(entries, rig.clock.utc()), rig.clock.mono()))
        .unwrap();
    rig.clock.advance_ms(10 * SILENCE_MS);
    assert_eq!(decide(&rig, "i-1", "suture.agent-keys").refusal, Some(Refusal::HubHeard { ago_ms: 0 }));
    assert!(rig.is_loose("agent-keys"), "it acted though the hub has everything");
}

#[test]
fn a_standing_order_outlives_a_restart_is_not_taken_twice_and_can_be_taken_back() {
    let site = fixtures::site();
    let (first, back) = (standing(&site, 1, &GRANTED), standing(&site, 2, &[]));
    let rig = Rig::new(site);
    rig.runner.take_standing(rig.directory.path(), &first, RULES).unwrap();
    rig.runner.take_standing(rig.directory.path(), &first, RULES).unwrap();
    assert_eq!(rig.kinds(), [Kind::StandingTaken], "the same one twice is one record");
    let rig = rig.restarted(fixtures::site());
    rig.loosen("agent-keys");
    // A restart knows of no earlier silence: it begins with the next record.
    rig.runner.machine.about_the_log(vec![]).unwrap();
    rig.clock.advance_ms(SILENCE_MS);
    assert_eq!(decide(&rig, "i-1", "suture.agent-keys").outcome, Outcome::Healed);
    rig.runner.take_standing(rig.directory.path(), &back, "").unwrap();
    rig.loosen("agent-keys");
    rig.clock.advance_ms(SILENCE_MS);
    assert_eq!(decide(&rig, "i-2", "suture.agent-keys").refusal, Some(Refusal::NoStandingOrder));
    let replayed = rig.runner.take_standing(rig.directory.path(), &first, RULES);
    assert!(replayed.is_err(), "the grant that was taken back came back");
}

pub(super) fn glass(person: &str, counter: u64, hours: u64) -> BreakGlassGrant {
    let now = fixtures::utc(fixtures::NOW);
    BreakGlassGrant {
        grant: format!("b-{counter}").parse().unwrap(),
        tenant: "clinic".parse().unwrap(),
        site: "main".parse().unwrap(),
        host: "h-1".parse().unwrap(),
        person: person.parse().unwrap(),
        reason: "the lab's analyser is down".to_owned().try_into().unwrap(),
        from: now,
        until: now.plus_ms(hours * HOUR_MS),
        counter,
    }
}

pub(super) fn signed(grant: &BreakGlassGrant) -> Vec<u8> {
    fixtures::jane().sign(PayloadType::BreakGlass, &serde_json::to_vec(grant).unwrap())
}

#[test]
fn break_glass_is_a_named_persons_for_four_hours_at_the_most_and_each_use_is_a_record() {
    let window = Some(super::waiting::window("02:00", "04:00"));
    let mode_set_by = Some("jane".parse().unwrap());
    let site = Site { mode: Mode::Maintenance, mode_set_by, window, ..fixtures::site() };
    let asked = order(&site, "suture.agent-keys", 1);
    let rig = Rig::new(site);
    rig.loosen("agent-keys");
    assert_eq!(rig.send(&fixtures::sign(&asked)).refusal, Some(Refusal::Mode(Mode::Maintenance)));

    let refused = |envelope: &[u8]| rig.runner.break_glass(envelope).is_err();
    assert!(refused(&signed(&glass("jane", 1, 5))), "five hours");
    assert!(refused(&signed(&glass("joe", 1, 1))), "in another's name");
    let as_hub =
        fixtures::hub().sign(PayloadType::BreakGlass, &serde_json::to_vec(&glass("jane", 1, 1)).unwrap());
    assert!(refused(&as_hub), "the hub cannot break the glass");
    let short = serde_json::json!({ "reason": "because" });
    let mut value = serde_json::to_value(glass("jane", 1, 1)).unwrap();
    value["reason"] = short["reason"].clone();
    let short = fixtures::jane().sign(PayloadType::BreakGlass, value.to_string().as_bytes());
    assert!(refused(&short), "a reason of seven characters");

    let stands = || rig.runner.condition().unwrap();
    assert_eq!((stands().mode, stands().break_glass_until), (Mode::Maintenance, None));
    assert_eq!(stands().mode_set_by, Some("jane".parse().unwrap()));
    assert!(stands().window.unwrap().to_string().ends_with("Sundays, 02:00 to 04:00, UTC time"));
    rig.runner.break_glass(&signed(&glass("jane", 1, 4))).unwrap();
    assert!(refused(&signed(&glass("jane", 1, 4))), "twice");
    let until = fixtures::utc(fixtures::NOW).plus_ms(4 * HOUR_MS);
    assert_eq!((stands().mode, stands().break_glass_until), (Mode::Maintenance, Some(until)));
    let under = |counter| {
        let order = order(&fixtures::site(), "suture.agent-keys", counter);
        fixtures::sign(&Order {
            break_glass: Some("b-1".parse().unwrap()),
            expires: fixtures::utc(fixtures::NOW + 20_000_000),
            ..order
        })
    };
    assert_eq!((rig.send(&under(2)).outcome, rig.is_loose("agent-keys")), (Outcome::Healed, false));
    rig.clock.advance_ms(4 * HOUR_MS + 1);
    rig.runner.tick();
    assert_eq!(stands().break_glass_until, None);
    rig.loosen("agent-keys");
    let over = rig.send(&under(3));
    assert_eq!(over.refusal, Some(Refusal::BreakGlassEnded("b-1".parse().unwrap())));
    let refused_grants = rig
        .records()
        .iter()
        .filter(|r| matches!(&r.body, Body::Refused(_, refused) if refused.order.is_none()))
        .count();
    assert_eq!(refused_grants, 5, "each grant that was refused is a record, once");
    let glasses: Vec<_> = rig
        .records()
        .into_iter()
        .filter_map(|r| match r.body {
            Body::BreakGlass(glass) => Some((glass.person.to_string(), glass.uses)),
            _ => None,
        })
        .collect();
    assert_eq!(glasses, [("jane".to_owned(), 0), ("jane".to_owned(), 1)], "begun, and ended with its uses");
}

/// An order of the site's own, in line behind whatever holds its target.
fn in_line(rig: &Rig, incident: &str, after: Vec<contract::ids::RunbookId>) -> OrderId {
    let id: OrderId = format!("s-{incident}").parse().unwrap();
    let table = Digest::of(RULES.as_bytes());
    let made = Order {
        order: id.clone(),
        incident: incident.parse().unwrap(),
        provenance: contract::decision::Provenance::Rules { table, rule: None },
        counter: 0,
        ..order(&rig.runner.site(), "suture.agent-keys", 0)
    };
    let entry = crate::schedule::Entry {
        priority: contract::runbook::Priority::MIDDLE,
        when_urgent: contract::runbook::WhenUrgent::GoOn,
        targets: BTreeSet::new(),
        runbook: made.runbook.clone(),
        after,
        since: rig.clock.mono(),
    };
    let queued = Queued { envelope: serde_json::to_vec(&made).unwrap(), standing: true };
    let mut line = rig.runner.lock();
    assert!(line.schedule.enter(id.clone(), entry));
    line.envelopes.insert(id.clone(), queued);
    id
}

fn refusals(rig: &Rig) -> Vec<(Option<OrderId>, Refusal)> {
    let refused = rig.records().into_iter().filter_map(|r| match r.body {
        Body::Refused(_, refused) => Some((refused.order, refused.refusal)),
        _ => None,
    });
    refused.collect()
}

#[test]
fn what_stands_in_line_is_withdrawn_when_the_hub_is_back_before_it_begins() {
    let site = fixtures::site();
    let envelope = standing(&site, 1, &GRANTED);
    let rig = Rig::new(site);
    rig.runner.take_standing(rig.directory.path(), &envelope, RULES).unwrap();
    rig.loosen("agent-keys");
    rig.clock.advance_ms(SILENCE_MS);
    let id = in_line(&rig, "i-1", vec![]);
    // The hub is heard before its turn comes.
    let entries = rig.records().len() as u64;
    rig.runner
        .machine
        .with_log(|recorder| recorder.heard(&receipt(entries, rig.clock.utc()), rig.clock.mono()))
        .unwrap();
    rig.runner.dispatch();
    waiting::settled(&rig);
    assert!(rig.is_loose("agent-keys"), "it began though the hub is back");
    assert_eq!(refusals(&rig), [(Some(id), Refusal::HubHeard { ago_ms: 0 })]);
}

#[test]
fn an_interrupted_run_of_its_own_that_had_not_acted_is_put_off_and_may_be_made_again() {
    let site = fixtures::site();
    let envelope = standing(&site, 1, &GRANTED);
    let rig = Rig::new(site);
    rig.runner.take_standing(rig.directory.path(), &envelope, RULES).unwrap();
    rig.loosen("agent-keys");
    rig.clock.advance_ms(SILENCE_MS);
    assert_eq!(decide(&rig, "i-1", "suture.agent-keys").outcome, Outcome::Healed);
    // The same machine, whose log ends with the acceptance of another run: the power went.
    let accepted = rig.records().into_iter().find_map(|r| match r.body {
        Body::Accepted(accepted) => Some(accepted),
        _ => None,
    });
    let mut accepted = accepted.unwrap();
    accepted.order = "s-cut".parse().unwrap();
    rig.runner.machine.about_the_log(vec![Body::Accepted(accepted)]).unwrap();
    rig.loosen("agent-keys");
    // No cooldown keeps it.
    rig.clock.advance_ms(2000);
    let rig = rig.restarted(fixtures::site());
    assert!(rig.is_loose("agent-keys"), "it began though nobody knows of a silence");
    let kinds = rig.kinds();
    assert_eq!(kinds[kinds.len() - 3..], [Kind::Recovered, Kind::Refused, Kind::Ended], "nobody's trouble");
    let cut = "s-cut".parse().unwrap();
    let decided = rig.runner.machine.with_ledger(|l| (l.answer(&cut).is_some(), l.decided(&cut).is_some()));
    assert_eq!(decided.unwrap(), (true, false), "it can never be made again");
}

#[test]
fn a_dependency_that_failed_is_named_also_to_an_order_of_the_sites_own() {
    let rig = Rig::new(fixtures::site());
    let runbook: contract::ids::RunbookId = GRANTED[0].parse().unwrap();
    let first = in_line(&rig, "i-1", vec![]);
    let second = in_line(&rig, "i-2", vec![runbook.clone()]);
    {
        let mut line = rig.runner.lock();
        line.envelopes.remove(&first);
        line.schedule.leave(&first, false);
    }
    rig.runner.dispatch();
    assert_eq!(refusals(&rig), [(Some(second), Refusal::DependencyFailed(runbook))]);
}
