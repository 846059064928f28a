//! What runs teach, as far as this hub knows them: runs that ended, incidents that are over, what was proposed of them, and each step that took.

use contract::decision::Decision;
use contract::fact::FactValue;
use contract::ids::RunbookId;
use contract::incident::What;
use contract::outcome::Outcome;
use contract::runbook::TargetOs;
use contract::time::UtcTime;
use planner::RuleId;
use planner::learn::stage::{Proposal, Proposer, Step};
use planner::learn::{Evidence, Past, Picker, Place, Ran, Rehearsal};
use rusqlite::{Connection, Row, params};
use serde::{Deserialize, Serialize};

use super::columns::{count, instant, json, parsed, parsed_or_none, signed, to_json};
use super::{Store, StoreError};

/// So many runs are counted, and so many incidents asked about: the newest.
const HISTORY_MAX: u64 = 10_000;

/// A proposal as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) number: u64,
    pub(crate) at: UtcTime,
    pub(crate) said: Said,
    pub(crate) steps: Vec<Step>,
}

/// What was proposed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Said {
    pub(crate) proposal: Proposal,
    pub(crate) by: Proposer,
    pub(crate) rehearsal: Rehearsal,
    /// A value that the control was found with, where a rule is to be added.
    pub(crate) seen: Option<FactValue>,
}

/// A run, when this hub heard of its end, and with what its control was found.
#[derive(Debug, Clone)]
pub(crate) struct RanAt {
    pub(crate) at: UtcTime,
    pub(crate) ran: Ran,
    pub(crate) seen: FactValue,
}

impl Store {
    /// The runs that ended, of all tenants, the newest first: for the hub itself. `system` says for which systems a runbook is written.
    pub(crate) async fn runs(
        &self,
        system: impl Fn(&RunbookId) -> Option<TargetOs> + Send + 'static,
    ) -> Result<Vec<RanAt>, StoreError> {
        let sql = "SELECT rule, model, runbook, what, host.tenant, host.site, said -> '$.ended.outcome', decided.host, record, coalesce(received, moment.at)
                   FROM decided JOIN host USING (host)
                        JOIN incident ON incident.host = decided.host AND incident.incident = decided.incident
                        JOIN moment ON moment.host = decided.host AND moment.order_id = decided.order_id
                   WHERE decided.order_id IS NOT NULL AND (rule IS NOT NULL OR model IS NOT NULL)
                         AND said ->> '$.ended.outcome' IS NOT NULL
                   ORDER BY coalesce(received, moment.at) DESC LIMIT ?1";
        self.run(move |c| {
            let mut all = c.prepare_cached(sql)?;
            let rows = all.query_map([signed(HISTORY_MAX)?], |row| ran(row, &system))?;
            rows.filter_map(Result::transpose).collect()
        })
        .await
    }

    /// Incidents that are over, with what was decided: for the hub itself.
    pub(crate) async fn over(
        &self,
        system: impl Fn(&RunbookId) -> Option<TargetOs> + Send + 'static,
    ) -> Result<Vec<Past>, StoreError> {
        let sql = "SELECT what, incident.decision, said ->> '$.ended.outcome', runbook
                   FROM incident
                        LEFT JOIN moment ON moment.host = incident.host AND moment.record = state ->> '$.closed.record'
                        LEFT JOIN decided ON decided.order_id = moment.order_id
                   WHERE closed = 1 AND incident.decision IS NOT NULL ORDER BY found DESC LIMIT ?1";
        self.run(move |c| {
            let mut all = c.prepare_cached(sql)?;
            let rows = all.query_map([signed(HISTORY_MAX)?], |row| {
                let Decision { choice, provenance: _ } = json(row, 1)?;
                let healed = row.get::<_, Option<String>>(2)?.as_deref() == Some(Outcome::Healed.word());
                let healed_by: Option<RunbookId> = parsed_or_none(row, 3)?.filter(|_| healed);
                let os = healed_by.as_ref().and_then(&system).unwrap_or(TargetOs::Linux);
                Ok(Past { what: json(row, 0)?, os, choice, healed_by })
            })?;
            rows.collect()
        })
        .await
    }

    /// What was proposed, in its order, with the steps.
    pub(crate) async fn learnt(&self) -> Result<Vec<Kept>, StoreError> {
        self.run(|c| {
            let mut all = c.prepare_cached("SELECT number, at, said FROM learnt ORDER BY number")?;
            let rows = all.query_map([], |row| Ok((count(row, 0)?, instant(row, 1)?, json(row, 2)?)))?;
            let rows: Vec<(u64, UtcTime, Said)> = rows.collect::<rusqlite::Result<_>>()?;
            rows.into_iter()
                .map(|(number, at, said)| Ok(Kept { number, at, said, steps: steps(c, number)? }))
                .collect()
        })
        .await
    }

    /// Keeps proposals.
    pub(crate) async fn learn_of(&self, new: Vec<(RuleId, Said)>, now: UtcTime) -> Result<(), StoreError> {
        self.run(move |c| {
            for (rule, said) in &new {
                c.prepare_cached("INSERT INTO learnt (rule, at, said) VALUES (?1, ?2, ?3)")?
                    .execute(params![rule.to_string(), now.unix_ms(), to_json(said)?])?;
            }
            Ok(())
        })
        .await
    }

    /// Keeps steps that a proposal takes, after those that `after` of them were. `false` where it took others meanwhile.
    pub(crate) async fn learnt_goes_on(
        &self,
        number: u64,
        after: usize,
        taken: Vec<Step>,
    ) -> Result<bool, StoreError> {
        self.run(move |c| {
            if steps(c, number)?.len() != after {
                return Ok(false);
            }
            for step in &taken {
                c.prepare_cached("INSERT INTO learnt_step (learnt, step) VALUES (?1, ?2)")?
                    .execute(params![signed(number)?, to_json(step)?])?;
            }
            Ok(true)
        })
        .await
    }
}

fn steps(c: &Connection, number: u64) -> rusqlite::Result<Vec<Step>> {
    let mut all = c.prepare_cached("SELECT step FROM learnt_step WHERE learnt = ?1 ORDER BY rowid")?;
    all.query_map([signed(number)?], |row| json(row, 0))?.collect()
}

/// One run; none where it says nothing of a rule or a model, or was for something else than a control.
fn ran(row: &Row<'_>, system: &impl Fn(&RunbookId) -> Option<TargetOs>) -> rusqlite::Result<Option<RanAt>> {
    let rule = row.get::<_, Option<String>>(0)?.and_then(|rule| RuleId::try_from(rule).ok());
    let picked_by = match (rule, parsed_or_none(row, 1)?) {
        (_, Some(model)) => Picker::Model(model),
        (Some(rule), None) => Picker::Rule(rule),
        (None, None) => return Ok(None),
    };
    let (runbook, what): (RunbookId, What) = (parsed(row, 2)?, json(row, 3)?);
    let What::Drift { control, fact: _, observed: seen } = what else { return Ok(None) };
    let Some(os) = system(&runbook) else { return Ok(None) };
    let outcome: Outcome = json(row, 6)?;
    let ran = Ran {
        picked_by,
        runbook,
        control,
        os,
        place: Place { tenant: parsed(row, 4)?, site: parsed(row, 5)? },
        outcome,
        evidence: Evidence { host: parsed(row, 7)?, record: count(row, 8)? },
    };
    Ok(Some(RanAt { at: instant(row, 9)?, ran, seen }))
}
