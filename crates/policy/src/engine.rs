//! The evaluation: built-ins, token, rules, extension; then any review is a review, else any allow an allow, else it is denied.

use contract::ids::OrderId;
use contract::time::MonoNs;

use crate::builtin::{BuiltIn, Protected};
use crate::decision::{Answer, Ground, Judged, Pending};
use crate::extension::{Extension, Verdict, consult};
use crate::file::Policy;
use crate::in_force::InForce;
use crate::request::{Request, Resource};
use crate::rule::RuleAnswer;
use crate::token::{Mint, Process, Token};
use crate::word::VerbIndex;

/// The policy in force on one machine.
#[derive(Debug)]
pub struct Engine {
    policy: InForce,
    protected: Protected,
}

/// A token, as somebody shows it.
#[derive(Debug)]
pub struct Presented<'t> {
    /// Where it was minted, if it was.
    pub mint: &'t mut Mint,
    /// It.
    pub token: &'t Token,
    /// The process that shows it, by the kernel's word.
    pub bearer: Process,
    /// The run in which it is shown.
    pub run: &'t OrderId,
}

/// One question, with all that the answer depends on.
pub struct Ask<'p, 't> {
    /// The access.
    pub request: &'p Request,
    /// Now. It is read once, before the evaluation begins, and nothing looks at a clock again.
    pub now: MonoNs,
    /// The token, where one is shown.
    pub token: Option<Presented<'t>>,
    /// The pack's extension, where there is one.
    pub extension: Option<&'t mut dyn Extension>,
}

impl<'p> Ask<'p, '_> {
    /// A question without token and extension.
    pub const fn plain(request: &'p Request, now: MonoNs) -> Self {
        Self { request, now, token: None, extension: None }
    }
}

impl Engine {
    /// Takes up the policy that the evidence log names, and what is untouchable on this machine.
    pub const fn new(policy: InForce, protected: Protected) -> Self {
        Self { policy, protected }
    }

    /// The policy in force.
    pub const fn policy(&self) -> &Policy {
        self.policy.policy()
    }

    /// Decides. Nobody sees the answer before its record is durable: see [`Pending::open`].
    pub fn decide<'p, 't>(&'p self, ask: Ask<'p, 't>) -> Pending<'p, 't> {
        let Ask { request, now, token, extension } = ask;
        let policy = self.policy();
        let pending = |judged, spend| Pending { request, policy: policy.digest(), judged, spend, at: now };
        let (verb, built_in) = match first(policy, &self.protected, request) {
            Ok(passed) => passed,
            Err(ground) => return pending(Judged::deny(ground), None),
        };
        // A token that is not valid is as good as none: the whole evaluation follows.
        let valid = token.and_then(|shown| {
            let Presented { mint, token, bearer, run } = shown;
            mint.check(token, bearer, run, request, now).ok()
        });
        if let Some(spend) = valid {
            let judged = Judged { answer: Answer::Allow, grounds: vec![Ground::Token] };
            return pending(judged, Some(spend));
        }
        pending(rest(policy, verb, built_in, request, extension), None)
    }
}

/// The whole evaluation without token and extension: what the policy itself says.
pub(crate) fn judge<'a>(policy: &'a Policy, protected: &Protected, request: &Request) -> Judged<'a> {
    match first(policy, protected, request) {
        Ok((verb, built_in)) => rest(policy, verb, built_in, request, None),
        Err(ground) => Judged::deny(ground),
    }
}

/// Phase 0: what can be said of the question itself, and the built-ins.
pub(crate) fn first<'a>(
    policy: &Policy,
    protected: &Protected,
    request: &Request,
) -> Result<(VerbIndex, Option<BuiltIn>), Ground<'a>> {
    if let Resource::Unplaced(fault) = request.resource {
        return Err(Ground::Unplaced(fault));
    }
    let built_in = protected.judge(request);
    if let Some(denying) = built_in.filter(|rule| !rule.allows()) {
        return Err(Ground::BuiltIn(denying));
    }
    let verb = policy.verbs.find(&request.verb).ok_or(Ground::UnknownVerb)?;
    Ok((verb, built_in))
}

/// Phases 2 and 3, and what they come to.
fn rest<'a>(
    policy: &'a Policy,
    verb: VerbIndex,
    built_in: Option<BuiltIn>,
    request: &Request,
    extension: Option<&mut dyn Extension>,
) -> Judged<'a> {
    let mut matched = Vec::new();
    let denying = policy.index.candidates(verb, request, |index| {
        let rule = &policy.rules[index as usize];
        if !rule.answers(verb, request) {
            return None;
        }
        if rule.answer == RuleAnswer::Deny {
            return Some(rule);
        }
        matched.push(index);
        None
    });
    if let Some(rule) = denying {
        return Judged::deny(Ground::Rule(rule));
    }
    // A rule may be found twice, by two of its values.
    matched.sort_unstable();
    matched.dedup();
    let said = match extension.map(|extension| consult(extension, request)) {
        Some(Err(fault)) => return Judged::deny(Ground::ExtensionFailed(fault)),
        Some(Ok(denial @ Verdict::Deny(_))) => return Judged::deny(Ground::Extension(denial)),
        Some(Ok(said @ (Verdict::Allow(_) | Verdict::Review(_)))) => Some(said),
        Some(Ok(Verdict::Pass)) | None => None,
    };
    let rules = matched.iter().map(|index| &policy.rules[*index as usize]);
    let of = |answer| rules.clone().filter(move |rule| rule.answer == answer).map(Ground::Rule);
    let mut grounds: Vec<Ground<'a>> = of(RuleAnswer::RequireReview).collect();
    let mut answer = Answer::Review;
    grounds.extend(said.iter().filter(|s| matches!(s, Verdict::Review(_))).cloned().map(Ground::Extension));
    if grounds.is_empty() {
        answer = Answer::Allow;
        grounds.extend(built_in.map(Ground::BuiltIn));
        grounds.extend(of(RuleAnswer::Allow));
        grounds.extend(said.map(Ground::Extension));
    }
    if grounds.is_empty() { Judged::deny(Ground::NothingMatched) } else { Judged { answer, grounds } }
}

#[cfg(test)]
mod tests;
