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
}

impl Measured {
    /// True where nothing is asked of it, or what is asked is so.
    pub(super) fn is_held(&self) -> bool {
        self.bar.is_none_or(|most| self.evaluation.total.wrong_action <= most)
    }

    fn json(&self) -> Value {
        let Evaluation { total, by_os, by_severity, confusion, answers } = &self.evaluation;
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
        })
    }
}

pub(super) fn run(set: Option<&Path>, sources: &Sources, json: bool) -> Result<(), Failure> {
    let voice = Voice::for_stdout();
    let files = Files::read(sources)?;
    let (file, text) = text(set, shipped::INCIDENTS)?;
    let set = LabelledSet::parse(&file, &text).map_err(refused)?;
    set.fit(&files.catalogue).map_err(refused)?;
    let measured = measure(&set, &files);
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
    let rules = evaluate(set, &files.baseline, |what, os| plan(what, os, &knowledge).choice);
    let nearest = evaluate(set, &files.baseline, |what, os| similarity.pick(what, os));
    vec![
        Measured { planner: "rules", bar: Some(0), evaluation: rules },
        // It is there to be compared with, and nothing is decided by it.
        Measured { planner: "similarity", bar: None, evaluation: nearest },
    ]
}
