//! The figures of planners as words and columns.

use std::collections::BTreeMap;

use planner::eval::{Answered, Confused, Outcome, Tally};

use super::eval::{Measured, Took};
use crate::say::{Tone, Voice};

pub(super) fn print(voice: Voice, measured: &[Measured]) {
    voice.heading("Over the whole set");
    for Measured { planner, evaluation, took, .. } in measured {
        let total = &evaluation.total;
        let wrong = format!("{:<22}", total.wrong_actions().to_string());
        let tone = if total.wrong_action == 0 { Tone::Good } else { Tone::Bad };
        voice.line(planner);
        voice.line(&format!(
            "  as labelled           {:<22}  wrong actions      {}",
            total.accuracy().to_string(),
            voice.tone(tone, wrong.trim_end())
        ));
        voice.line(&format!(
            "  to a person           {:<22}  of these needless  {}",
            total.escalated().to_string(),
            total.escalated_needlessly()
        ));
        let Took { p50_us, p99_us, cost_micro } = took;
        let cost = cost_micro.map_or_else(String::new, |cost| format!(", cost {cost} millionths"));
        voice.line(&format!("  decided in            {p50_us} us, 99 of a hundred within {p99_us} us{cost}"));
    }
    for one in measured {
        voice.heading(&format!("{}, by system and severity", one.planner));
        voice.line(&voice.tone(Tone::Quiet, &row("", HEAD.map(str::to_owned))));
        tallies(voice, &one.evaluation.by_os);
        tallies(voice, &one.evaluation.by_severity);
        confusion(voice, one);
        wrong(voice, one);
    }
}

const HEAD: [&str; 5] = ["right", "acceptable", "wrong action", "missed", "rightly to a person"];

/// A name and five columns.
fn row(name: &str, columns: [String; 5]) -> String {
    let [right, acceptable, wrong, missed, person] = columns;
    format!("  {name:<10}{right:>7}{acceptable:>12}{wrong:>14}{missed:>8}{person:>21}")
}

fn tallies(voice: Voice, by: &BTreeMap<&'static str, Tally>) {
    for (name, tally) in by {
        let Tally { right, acceptable, wrong_action, missed, rightly_escalated } = tally;
        let columns = [right, acceptable, wrong_action, missed, rightly_escalated];
        voice.line(&row(name, columns.map(u32::to_string)));
    }
}

/// The cells beside the diagonal: what was taken for what.
fn confusion(voice: Voice, one: &Measured) {
    let (straight, aside): (Vec<_>, Vec<_>) =
        one.evaluation.confusion.iter().partition(|cell| is_straight(cell));
    let times = |cells: &[&Confused]| cells.iter().map(|cell| cell.times).sum::<u32>();
    let (straight, all) = (times(&straight), times(&straight) + times(&aside));
    voice.heading(&format!("{}, right area against picked: {straight} of {all} agree", one.planner));
    for Confused { right, picked, times } in aside {
        voice.line(&format!("  {right:<14} answered with {picked:<10}{times:>4}"));
    }
}

fn is_straight(cell: &Confused) -> bool {
    let escalated = cell.right == planner::eval::MUST_ESCALATE && cell.picked == planner::eval::ESCALATE;
    escalated || cell.right == cell.picked
}

fn wrong(voice: Voice, one: &Measured) {
    let wrong = one.evaluation.answers.iter().filter(|answer| answer.outcome == Outcome::WrongAction);
    let wrong: Vec<&Answered> = wrong.collect();
    if wrong.is_empty() {
        return;
    }
    voice.heading(&format!("{}, wrong actions", one.planner));
    for Answered { line, id, right, picked, outcome: _ } in wrong {
        voice.line(&format!(
            "  line {line}: {id}: {} in place of {right}",
            voice.tone(Tone::Bad, &picked.to_string())
        ));
    }
}
