//! What tells two policies apart, by what their rules mean: neither order nor spelling counts, nor the words of a reason.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::file::Policy;
use crate::rule::Rule;
use crate::word::RuleId;

/// One rule that is not in both as it is in the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleChange {
    /// The new policy has it, the old one has not.
    Added(RuleId),
    /// The old policy has it, the new one has not.
    Removed(RuleId),
    /// Both have it, and it does not say the same.
    Changed(RuleId),
}

/// All such rules, by id.
pub fn diff(old: &Policy, new: &Policy) -> Vec<RuleChange> {
    let (old, new) = (by_id(old), by_id(new));
    let mut ids: Vec<&RuleId> = old.keys().chain(new.keys()).copied().collect();
    ids.sort();
    ids.dedup();
    let change = |id: &RuleId| match (old.get(id), new.get(id)) {
        (None, _) => Some(RuleChange::Added(id.clone())),
        (_, None) => Some(RuleChange::Removed(id.clone())),
        (Some(old), Some(new)) if !old.same_meaning(new) => Some(RuleChange::Changed(id.clone())),
        (Some(_), Some(_)) => None,
    };
    ids.into_iter().filter_map(change).collect()
}

fn by_id(policy: &Policy) -> BTreeMap<&RuleId, &Rule> {
    policy.rules.iter().map(|rule| (rule.id(), rule)).collect()
}
