//! `suture policy explain`: what would it answer, and why?

use std::path::PathBuf;

use policy::{Answer, Effect, Explanation, Phase, RuleAnswer, RuleSaid};

use super::{ask::Access, policy_of, print, protected};
use crate::exit::Failure;
use crate::say::{Tone, Voice};

/// What it is told.
#[derive(Debug, clap::Args)]
pub(super) struct Explain {
    /// The policy.
    file: PathBuf,
    #[command(flatten)]
    access: Access,
    /// Show the rules that do not match, too, each with the field that does not.
    #[arg(long)]
    all: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(told: &Explain) -> Result<(), Failure> {
    let voice = Voice::for_stdout();
    let policy = policy_of(&told.file)?;
    let request = told.access.request();
    let explained = policy.explain(&protected(), &request);
    if told.json {
        let policy = policy.digest();
        print(voice, &serde_json::json!({ "policy": policy, "request": request, "explanation": explained }));
        return Ok(());
    }
    let Explanation { answer, phase, reasons, rules } = explained;
    voice.line(&format!(
        "{}  {} of {}",
        voice.tone(tone(answer), &answer.to_string()),
        request.operation.word(),
        request.resource
    ));
    voice.line(&format!("  {}", ended(phase)));
    for reason in &reasons {
        voice.line(&format!("  because: {reason}"));
    }
    let shown = rules.iter().filter(|rule| told.all || !matches!(rule.effect, Effect::NoMatch(_)));
    for rule in shown {
        voice.line(&one_line(voice, &told.file.display().to_string(), rule));
    }
    let silent = rules.iter().filter(|rule| matches!(rule.effect, Effect::NoMatch(_))).count();
    if !told.all && silent > 0 {
        voice.line(&voice.tone(
            Tone::Quiet,
            &format!("  {silent} of {} rules do not match (--all shows them)", rules.len()),
        ));
    }
    Ok(())
}

const fn tone(answer: Answer) -> Tone {
    match answer {
        Answer::Allow => Tone::Good,
        Answer::Review => Tone::Unsure,
        Answer::Deny => Tone::Bad,
    }
}

const fn ended(phase: Phase) -> &'static str {
    match phase {
        Phase::Question => "ended before any rule: the question itself is denied",
        Phase::BuiltIns => "ended by a built-in, which nothing overrides (Suture's usual places are assumed)",
        Phase::Rules => "ended by a rule that denies",
        Phase::Sum => {
            "all rules were asked: any review is a review, else any allow an allow, else it is denied"
        }
    }
}

fn one_line(voice: Voice, file: &str, said: &RuleSaid) -> String {
    let answer = match said.answer {
        RuleAnswer::Allow => "allow",
        RuleAnswer::Deny => "deny",
        RuleAnswer::RequireReview => "require_review",
    };
    let RuleSaid { rule, line, effect, why, .. } = said;
    match effect {
        Effect::Answers => format!("  {file}:{line}: {rule} answers {answer}: {why}"),
        Effect::Abstains(n) => {
            format!("  {file}:{line}: {rule} matches and abstains: exception {n} matches too")
        }
        Effect::NoMatch(field) => {
            voice.tone(Tone::Quiet, &format!("  {file}:{line}: {rule} does not match: {field}"))
        }
    }
}
