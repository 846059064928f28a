//! Runbooks: one that is taken keeps its promises (a verification, a rollback, an inverse for what somebody would notice), asks for exactly the verbs
//! that it uses, can be carried out with any value that its parameters admit, and means the same when it is written again. One that is refused is
//! refused with a place that is in the file.

use contract::runbook::{
    Approved, CatalogueError, Inverse, ParameterValue, Rollback, Runbook, Step, Values, Verb,
};

/// Holds for any bytes.
pub(crate) fn holds(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    // The name follows the id, so that the one rule about names does not hide all others.
    let id = text.lines().find_map(|l| l.strip_prefix("id: ")).unwrap_or("RB-X-001-x").trim();
    match Approved::read(&format!("{id}.yaml"), text) {
        Ok(approved) => promises(&approved.runbook),
        Err(faults) => {
            assert!(!faults.is_empty(), "refused for nothing");
            for fault in &faults {
                place(fault, text);
            }
        }
    }
}

fn place(fault: &CatalogueError, text: &str) {
    assert!(!fault.to_string().is_empty());
    let CatalogueError::Runbook { line, .. } = fault else { return };
    let lines = text.lines().count() as u64;
    assert!((1..=lines.max(1)).contains(line), "line {line} of {lines}: {fault}");
}

fn promises(r: &Runbook) {
    assert!(r.verification.is_some(), "no verification");
    let rollback = r.rollback.expect("no rollback");
    let verbs: Vec<Verb> = r.steps.iter().map(Step::verb).collect();
    assert!(!verbs.is_empty() && !r.triggers.is_empty() && !r.citations.is_empty());
    if r.disruptive {
        assert_eq!(rollback, Rollback::Inverse, "noticed and not undone");
        assert!(verbs.iter().all(|v| v.inverse() != Inverse::None), "noticed and without an inverse");
    }
    let sorted = |verbs: &[Verb]| {
        let mut verbs = verbs.to_vec();
        verbs.sort_unstable();
        verbs.dedup();
        verbs
    };
    assert_eq!(sorted(&verbs), sorted(&r.permissions), "it asks for other verbs than it uses");
    let written = serde_json::to_string(r).expect("a runbook cannot be written");
    let again: Runbook = serde_json::from_str(&written).unwrap_or_else(|e| panic!("{e}: {written}"));
    assert_eq!(again, *r, "the meaning changed");
    // Every value of every parameter has its turn, beside the first of each other.
    let first: Values = r
        .parameters
        .iter()
        .filter_map(|(n, p)| Some((n.clone(), p.kind.examples().into_iter().next()?)))
        .collect();
    for (name, parameter) in &r.parameters {
        for value in parameter.kind.examples() {
            parameter.kind.admits(&value).expect("an example is not admitted");
            let mut values = first.clone();
            values.insert(name.clone(), value);
            acts(r, &values, rollback);
        }
    }
    acts(r, &first, rollback);
}

fn acts(r: &Runbook, values: &Values, rollback: Rollback) {
    let shown: Vec<String> = values.values().map(ParameterValue::to_string).collect();
    let actions = r.actions(values).unwrap_or_else(|e| panic!("{e}: {shown:?}"));
    for (step, action) in r.steps.iter().zip(&actions) {
        assert_eq!(step.verb(), action.verb());
        let locks_out = action.touches_access() && rollback == Rollback::Escalate;
        assert!(!locks_out, "people may be locked out by {action:?}");
    }
}
