//! Models, asked about labelled incidents as a hub asks them: with the same question, and held to the same list.

use std::path::Path;

use contract::decision::{Choice, Escalation};
use contract::ids::TenantId;
use models::{Micro, Models};
use planner::eval::{LabelledSet, evaluate};
use planner::model::{Question, candidates, conclude};

use super::eval::{Measured, Took, timed};
use super::knowledge::Files;
use crate::exit::{Failure, Status};

/// Whose budget is spent.
const TENANT: &str = "evaluation";

/// Asks the models of `file` about each incident that has something to choose from.
pub(super) fn measure(file: &Path, set: &LabelledSet, files: &Files) -> Result<Measured, Failure> {
    let refused = |e: &dyn std::error::Error| Failure::new(Status::Refused, e.to_string());
    let models = Models::read(file).map_err(|e| refused(&e))?;
    let tenant: TenantId = TENANT.parse().map_err(|e| refused(&e))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| Failure::new(Status::CannotCreate, e.to_string()))?;
    let (mut each_us, mut cost, mut asked) = (Vec::new(), Micro(0), 0_usize);
    let evaluation = evaluate(set, &files.baseline, |what, os| {
        let choices = candidates(what, os, &files.baseline, &files.catalogue);
        let Some(question) = Question::new(what.clone(), os, choices, Vec::new()) else {
            return Choice::Escalate(Escalation::NothingFits);
        };
        asked += 1;
        edge::trace::complain(&format!("asking a model: question {asked}"));
        let answer = timed(&mut each_us, || {
            runtime.block_on(models.ask(&tenant, &question.prompt(), edge::clock::utc()))
        });
        cost = cost.plus(answer.cost);
        let table = files.knowledge().rules.digest();
        conclude(&question, table, answer.model, &answer.reply, answer.threshold).choice
    });
    Ok(Measured { planner: "models", bar: None, evaluation, took: Took::of(each_us, Some(cost.0)) })
}
