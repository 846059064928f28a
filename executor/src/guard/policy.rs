//! Guardrail 10, the policy. It is asked last, about every access of every step with every field known, and what it was asked and answered goes into the
//! record: an acceptance or a refusal is durable before anything acts on it.

use std::collections::BTreeSet;
use std::convert::Infallible;

use contract::policy::{Asked, PolicyAnswer, PolicyDecided};
use contract::refusal::Refusal;
use contract::runbook::{Action, OwnDirectory, Verb};
use policy::{Answer, Ask, DecisionRecord, Pending, Recorded};

use super::access;
use super::{Bound, Site, Surroundings};

/// The most rules that a record names.
const RULES_MAX: usize = 8;

/// A decision that goes into the record of the run: the acceptance holds it, and a step is armed only after that is durable. So nothing acts on an
/// answer that nobody wrote down, and a failing log ends the process before any step.
struct CarriedByTheRun;

impl Recorded for CarriedByTheRun {
    fn holds(&self, _: &DecisionRecord) -> bool {
        true
    }
}

/// What the policy says of all accesses together: the worst answer counts.
pub(super) fn decide(
    bound: &Bound<'_>,
    site: &Site,
    around: &Surroundings,
) -> (PolicyDecided, Result<(), Refusal>) {
    let verified = &bound.approved.verified;
    let asked: Vec<Asked> = bound.actions().iter().flat_map(access::of).collect();
    let actor = access::actor(&verified.authority, &verified.order.provenance);
    let mut worst = (PolicyAnswer::Allow, bound.actions().first().map_or(Verb::Wait, Action::verb));
    let mut rules = BTreeSet::new();
    if asked.is_empty() {
        worst.0 = PolicyAnswer::Deny;
    }
    for access in &asked {
        let request = actor.as_ref().and_then(|actor| {
            access::request(access, &bound.runbook().id, actor, &site.tags, around.links.as_ref())
        });
        let answer = match request {
            Some(request) => {
                let pending = around.policy.decide(Ask::plain(&request, around.moment.mono));
                opened(pending, &mut rules)
            }
            None => PolicyAnswer::Deny,
        };
        if rank(answer) > rank(worst.0) {
            worst = (answer, access.verb);
        }
    }
    let decided = PolicyDecided {
        policy: around.policy.policy().digest(),
        asked,
        answer: worst.0,
        rules: rules.into_iter().take(RULES_MAX).collect(),
    };
    let answer = match worst {
        (PolicyAnswer::Allow, _) => Ok(()),
        // A person who signed the order's bytes has looked.
        (PolicyAnswer::Review, _) if !verified.approvals.is_empty() => Ok(()),
        (PolicyAnswer::Review, verb) => Err(Refusal::NeedsReview(verb)),
        (PolicyAnswer::Deny, verb) => Err(Refusal::NotAllowed(verb)),
    };
    (decided, answer)
}

fn opened(pending: Pending<'_, '_>, rules: &mut BTreeSet<String>) -> PolicyAnswer {
    let noted = |record: &DecisionRecord| {
        rules.extend(record.reasons.iter().map(|reason| reason.to_string().chars().take(80).collect()));
        Ok::<_, Infallible>(CarriedByTheRun)
    };
    match pending.open(noted).map(|decision| decision.answer()) {
        Ok(Answer::Allow) => PolicyAnswer::Allow,
        Ok(Answer::Review) => PolicyAnswer::Review,
        Ok(Answer::Deny) | Err(_) => PolicyAnswer::Deny,
    }
}

const fn rank(answer: PolicyAnswer) -> u8 {
    match answer {
        PolicyAnswer::Allow => 0,
        PolicyAnswer::Review => 1,
        PolicyAnswer::Deny => 2,
    }
}

/// The decisions of earlier runs, as the engine replays them: on a machine that is called what it is called now.
pub fn replayed(
    decided: &PolicyDecided,
    runbook: &contract::ids::RunbookId,
    actor: &policy::Actor,
    tags: &BTreeSet<policy::Tag>,
    links: &dyn policy::Links,
) -> Vec<DecisionRecord> {
    let answer = match decided.answer {
        PolicyAnswer::Allow => Answer::Allow,
        PolicyAnswer::Review => Answer::Review,
        PolicyAnswer::Deny => Answer::Deny,
    };
    let record = |request| DecisionRecord {
        request,
        answer,
        reasons: Vec::new(),
        more_reasons: 0,
        policy: decided.policy,
    };
    let requests =
        decided.asked.iter().filter_map(|asked| access::request(asked, runbook, actor, tags, links));
    requests.map(record).collect()
}

/// The mode that each of Suture's own directories has. The built-in policy allows no other.
pub const fn own_directory_mode(directory: OwnDirectory) -> u16 {
    match directory {
        OwnDirectory::Evidence | OwnDirectory::ExecutorKeys | OwnDirectory::AgentKeys => 0o700,
    }
}
