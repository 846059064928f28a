//! Every decision can be made again from its line.

use contract::decision::{Choice, Escalation};
use planner::{Considered, Knowledge, LINE_MAX, Replayed, Verdict, consider, line, replay};

use super::seed::{Seed, case, everything};
use super::*;

#[derive(Debug, Default)]
struct Counted {
    followed: u32,
    ordered: u32,
    flapping: u32,
    to_people: u32,
    asked: u32,
}

impl Counted {
    fn count(&mut self, verdict: &Verdict) {
        let counter = match verdict {
            Verdict::Follow(_) => &mut self.followed,
            Verdict::Ask => &mut self.asked,
            Verdict::Decided(decision) => match decision.choice {
                Choice::Run(_) => &mut self.ordered,
                Choice::Escalate(Escalation::Flapping) => &mut self.flapping,
                Choice::Escalate(_) => &mut self.to_people,
            },
        };
        *counter += 1;
    }
}

#[test]
fn ten_thousand_decisions_are_made_again_from_their_lines() {
    let (rules, baseline, catalogue) = (rules(SHIPPED.1), baseline(), catalogue());
    let knowledge = Knowledge { rules: &rules, baseline: &baseline, catalogue: &catalogue };
    let (all, mut seed, mut counted) = (everything(), Seed(7), Counted::default());
    for number in 0..10_000 {
        let case = case(&mut seed, &all, number);
        let considered = consider(&case, &knowledge);
        counted.count(&considered.verdict);
        let why = considered.why.to_string();
        assert!(!why.is_empty() && why.chars().count() <= LINE_MAX, "{why}");
        let line = line(&case, &considered, &knowledge).unwrap();
        assert!(!line.contains('\n'));
        assert_eq!(replay(&line, &knowledge).unwrap(), Replayed::Same, "{line}");
    }
    // A generator that never comes to a stage would show nothing of it.
    let Counted { followed, ordered, flapping, to_people, asked } = counted;
    for (name, n) in [
        ("followed", followed),
        ("ordered", ordered),
        ("flapping", flapping),
        ("to people", to_people),
        ("asked", asked),
    ] {
        assert!(n > 200, "{name}: {n} of 10 000");
    }
}

#[test]
fn other_files_are_told_and_an_altered_answer_differs() {
    let (shipped, baseline, catalogue) = (rules(SHIPPED.1), baseline(), catalogue());
    let knowledge = Knowledge { rules: &shipped, baseline: &baseline, catalogue: &catalogue };
    let all = everything();
    let (case, considered) = (0..100)
        .map(|n| case(&mut Seed(n), &all, n))
        .map(|case| (case.clone(), consider(&case, &knowledge)))
        .find(|(_, c)| matches!(&c.verdict, Verdict::Decided(d) if seed::run(&d.choice).is_some()))
        .unwrap();
    let line = line(&case, &considered, &knowledge).unwrap();

    let other = rules(&format!("{}\n# as we like it\n", SHIPPED.1));
    let changed = Knowledge { rules: &other, ..knowledge };
    assert!(
        matches!(replay(&line, &changed).unwrap(), Replayed::OtherKnowledge { by } if by == knowledge.digests())
    );

    let mut altered = considered.clone();
    altered.verdict = Verdict::Ask;
    let forged = planner::line(&case, &altered, &knowledge).unwrap();
    let Replayed::Differs { said, now } = replay(&forged, &knowledge).unwrap() else { panic!("{forged}") };
    assert_eq!((*said, *now), (altered, considered.clone()));

    // The reason belongs to the answer.
    let Considered { verdict, .. } = considered;
    let why = planner::Why::of(&contract::decision::Decision {
        choice: Choice::Escalate(Escalation::NoRule),
        provenance: Provenance::Person("j-doe".parse().unwrap()),
    });
    let forged = planner::line(&case, &Considered { verdict, why: why.unwrap() }, &knowledge).unwrap();
    assert!(matches!(replay(&forged, &knowledge).unwrap(), Replayed::Differs { .. }));

    assert!(replay(&line.replacen("\"case\"", "\"extra\":1,\"case\"", 1), &knowledge).is_err());
}
