//! `suture planner eval`.

use std::path::Path;

use planner::eval::{Evaluation, LabelledSet, evaluate};
use planner::similarity::{Similarity, THRESHOLD};
use planner::{plan, shipped};
use serde_json::{Value, json};

use super::knowledge::{Files, Sources, refused, text};
use super::table;
use crate::exit::{Failure, Status};
use crate::say::Voice;

/// One planner and its figures.
#[derive(Debug)]
pub(super) struct Measured {
    /// What it is called.
    pub(super) planner: &'static str,
    /// How many wrong actions it may take at most, where it is held to that.
    pub(super) bar: Option<u32>,
    pub(super) evaluation: Evaluation,
    /// How long its decisions took, and what they cost.
    pub(super) took: Took,
}

/// How long the decisions of a planner took, and what they cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub(super) struct Took {
    /// Half of them took no longer, in microseconds.
    pub(super) p50_us: u64,
    /// 99 of a hundred took no longer.
    pub(super) p99_us: u64,
    /// All together, in millionths of the currency of the prices; none where nothing is paid.
    pub(super) cost_micro: Option<u64>,
}

impl Took {
    pub(super) fn of(mut each_us: Vec<u64>, cost_micro: Option<u64>) -> Self {
        each_us.sort_unstable();
        let at =
            |percent: usize| each_us.get((each_us.len() * percent).div_ceil(100).saturating_sub(1)).copied();
        Self { p50_us: at(50).unwrap_or(0), p99_us: at(99).unwrap_or(0), cost_micro }
    }
}

/// Asks `pick`, and measures how long that takes.
pub(super) fn timed<T>(each_us: &mut Vec<u64>, pick: impl FnOnce() -> T) -> T {
    let began = std::time::Instant::now();
    let picked = pick();
    each_us.push(u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX));
    picked
}

impl Measured {
    /// True where nothing is asked of it, or what is asked is so.
    pub(super) fn is_held(&self) -> bool {
        self.bar.is_none_or(|most| self.evaluation.total.wrong_action <= most)
    }

    fn json(&self) -> Value {
        let Evaluation { total, by_os, by_severity, confusion, answers } = &self.evaluation;
        let Took { p50_us, p99_us, cost_micro } = self.took;
        json!({
            "planner": self.planner,
            "wrong_actions_at_most": self.bar,
            "held": self.is_held(),
            "accuracy": total.accuracy(),
            "wrong_actions": total.wrong_actions(),
            "escalated": total.escalated(),
            "escalated_needlessly": total.escalated_needlessly(),
            "total": total,
            "by_os": by_os,
            "by_severity": by_severity,
            "confusion": confusion,
            "answers": answers,
            "decided_in_us": { "p50": p50_us, "p99": p99_us },
            "cost_micro": cost_micro,
        })
    }
}

pub(super) fn run(
    set: Option<&Path>,
    sources: &Sources,
    models: Option<&Path>,
    json: bool,
) -> Result<(), Failure> {
    let voice = Voice::for_stdout();
    let files = Files::read(sources)?;
    let (file, text) = text(set, shipped::INCIDENTS)?;
    let set = LabelledSet::parse(&file, &text).map_err(refused)?;
    set.fit(&files.catalogue).map_err(refused)?;
    let mut measured = measure(&set, &files);
    if let Some(file) = models {
        measured.push(super::models::measure(file, &set, &files)?);
    }
    if json {
        let each: Vec<Value> = measured.iter().map(Measured::json).collect();
        voice.line(&json!({ "set": file, "incidents": set.iter().count(), "planners": each }).to_string());
    } else {
        voice.line(&format!("{} labelled incidents of {file}", set.iter().count()));
        table::print(voice, &measured);
    }
    let missed: Vec<&Measured> = measured.iter().filter(|one| !one.is_held()).collect();
    if missed.is_empty() {
        return Ok(());
    }
    let words = missed.iter().map(|one| {
        let most = one.bar.unwrap_or_default();
        format!("{}: {} wrong actions, at most {most} may be", one.planner, one.evaluation.total.wrong_action)
    });
    Err(Failure::new(Status::NotProven, words.collect::<Vec<_>>().join("; ")))
}

/// Every planner that there is, in the order in which they are shown.
fn measure(set: &LabelledSet, files: &Files) -> Vec<Measured> {
    let knowledge = files.knowledge();
    let similarity = Similarity::of(&files.catalogue, THRESHOLD);
    let (mut by_rules, mut by_similarity) = (Vec::new(), Vec::new());
    let rules =
        evaluate(set, &files.baseline, |what, os| timed(&mut by_rules, || plan(what, os, &knowledge).choice));
    let nearest =
        evaluate(set, &files.baseline, |what, os| timed(&mut by_similarity, || similarity.pick(what, os)));
    let (by_rules, by_similarity) = (Took::of(by_rules, None), Took::of(by_similarity, None));
    vec![
        Measured { planner: "rules", bar: Some(0), evaluation: rules, took: by_rules },
        // It is there to be compared with, and nothing is decided by it.
        Measured { planner: "similarity", bar: None, evaluation: nearest, took: by_similarity },
    ]
}
