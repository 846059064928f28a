//! Decisions and orders: each durable before it is handed out, each counter above the last.

use contract::decision::{Choice, Decision, Provenance};
use contract::digest::Digest;
use contract::ids::{HostId, IncidentId, ModelId, OrderId, TenantId};
use contract::incident::What;
use contract::outcome::Outcome;
use contract::plane::{DecisionView, IncidentState, OrderWaiting};
use contract::time::UtcTime;
use identity::Holder;
use planner::model::{History, Question};
use planner::{Case, NoLine};
use rusqlite::{Connection, Row, params};

use super::around::{self, Looked};
use super::columns::{count, instant, json_or_none, parsed, parsed_or_none, signed, to_json};
use super::incidents::{by_id, set_state};
use super::knowledge::pass;
use super::{Store, StoreError};
use crate::people::Scope;
use crate::planning::{Comes, Thought};

/// An order that was signed for a counter.
#[derive(Debug)]
pub(crate) struct NewOrder {
    pub(crate) id: OrderId,
    pub(crate) expires: UtcTime,
    pub(crate) envelope: Vec<u8>,
}

/// A question to a model, as it is kept.
#[derive(Debug)]
pub(crate) struct KeptAsked {
    pub(crate) at: UtcTime,
    pub(crate) model: ModelId,
    pub(crate) prompt: Digest,
    /// None where no answer came.
    pub(crate) answer: Option<Digest>,
    /// In millionths.
    pub(crate) cost: u64,
    /// Question and answer in full, where they are to be kept.
    pub(crate) full: Option<(String, Option<String>)>,
}

/// What became of a person's decision.
#[derive(Debug)]
pub(crate) enum ByPerson {
    /// The order is durable.
    Ordered(OrderId),
    /// This host has no such incident.
    NoSuchIncident,
    /// It is closed: there is nothing to repair.
    Closed,
    /// The runbook cannot be bound to what was found.
    Unfit,
}

impl Store {
    /// Decides an incident that waits for the planner, and keeps decision and order in one transaction; `None` where it does not wait any more.
    ///
    /// `decide` is handed the case and the counter that its order must bear. It may be called in a transaction that fails afterwards: what
    /// it returns means nothing until this answers.
    pub(crate) async fn decide<F>(
        &self,
        holder: Holder,
        incident: IncidentId,
        looked: Looked,
        decide: F,
    ) -> Result<Option<Came>, StoreError>
    where
        F: FnOnce(&Case, u64) -> Result<Thought, NoLine> + Send + 'static,
    {
        self.run(move |c| {
            let (host, now) = (&holder.host, looked.now);
            let Some(row) = by_id(c, host, &incident)? else { return Ok(None) };
            if row.state != IncidentState::Drifted {
                return Ok(None);
            }
            let counter = next_counter(c, host, now)?;
            let case = around::case(c, &holder, &row, looked)?;
            let thought = decide(&case, counter).map_err(unwritable)?;
            let Thought { comes, why, line } = thought;
            let mut gathered = Vec::new();
            let decided = match comes {
                Comes::Asks(question) => return Ok(Some(Came::Asks(question))),
                Comes::Follows(root) => {
                    around::keep_cause(c, host, &incident, &root, &why)?;
                    None
                }
                Comes::Decided(decision, order) => {
                    keep(c, host, &incident, counter, &decision, order.as_ref())?;
                    say_why(c, host, &incident, &why)?;
                    gathered = around::gather(c, &holder, &case)?;
                    Some((decision, order.map(|order| order.id)))
                }
            };
            keep_line(c, &holder, &incident, now, decided.as_ref(), Some(&line))?;
            pass(c, host, &incident, "decided", now)?;
            Ok(Some(decided.map_or(Came::Follows, |(decision, order)| Came::Decided {
                decision,
                order,
                gathered,
            })))
        })
        .await
    }

    /// How often runbooks ran for the like of this, and healed: at the site and in the whole tenant.
    pub(crate) async fn history(&self, holder: Holder, subject: String) -> Result<Vec<History>, StoreError> {
        let sql = "SELECT runbook, sum(site = ?2 AND healed), sum(site = ?2), sum(healed), count(*)
                   FROM (SELECT runbook, site, said ->> '$.ended.outcome' = 'healed' AS healed
                         FROM incident JOIN host USING (host)
                              JOIN decided ON decided.host = incident.host AND decided.incident = incident.incident
                              JOIN moment ON moment.host = decided.host AND moment.order_id = decided.order_id
                         WHERE host.tenant = ?1 AND subject = ?3 AND runbook IS NOT NULL AND said ->> '$.ended.outcome' IS NOT NULL)
                   GROUP BY runbook ORDER BY runbook";
        self.run(move |c| {
            let number = |row: &Row<'_>, at| count(row, at).map(|n| u32::try_from(n).unwrap_or(u32::MAX));
            let one = |row: &Row<'_>| {
                Ok(History {
                    runbook: parsed(row, 0)?,
                    healed_here: number(row, 1)?,
                    runs_here: number(row, 2)?,
                    healed: number(row, 3)?,
                    runs: number(row, 4)?,
                })
            };
            let values = params![holder.tenant.as_str(), holder.site.as_str(), subject];
            c.prepare_cached(sql)?.query_map(values, one)?.collect()
        })
        .await
    }

    /// Keeps that a model was asked; what exactly, where that is said.
    pub(crate) async fn keep_asked(&self, host: HostId, kept: KeptAsked) -> Result<(), StoreError> {
        let KeptAsked { at, model, prompt, answer, cost, full } = kept;
        let sql = "INSERT INTO asked (prompt, answer, at, model, host, cost, question, said) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        self.run(move |c| {
            let (question, said) = full.unzip();
            let (prompt, answer) = (prompt.to_string(), answer.map(|answer| answer.to_string()));
            let cost = signed(cost)?;
            c.prepare_cached(sql)?
                .execute(params![
                    prompt,
                    answer,
                    at.unix_ms(),
                    model.as_str(),
                    host.as_str(),
                    cost,
                    question,
                    said
                ])
                .map(drop)
        })
        .await
    }

    /// What was spent on asking since then, question by question: for the hub's own budgets, at its start.
    pub(crate) async fn asked_within(
        &self,
        from: UtcTime,
        to: UtcTime,
    ) -> Result<Vec<(TenantId, u64, UtcTime)>, StoreError> {
        let sql = "SELECT tenant, cost, at FROM asked JOIN host USING (host) WHERE at BETWEEN ?1 AND ?2 ORDER BY at";
        self.run(move |c| {
            let mut all = c.prepare_cached(sql)?;
            all.query_map([from.unix_ms(), to.unix_ms()], |row| {
                Ok((parsed(row, 0)?, count(row, 1)?, instant(row, 2)?))
            })?
            .collect()
        })
        .await
    }

    /// The decisions about a tenant's incidents, oldest first: so many of those after a place.
    pub(crate) async fn decisions(
        &self,
        tenant: Scope<TenantId>,
        after: Option<u64>,
        rows: usize,
    ) -> Result<Vec<(u64, DecisionView)>, StoreError> {
        self.run(move |c| {
            let mut all = c.prepare_cached(
                "SELECT number, host, incident, at, order_id, line, decision FROM decided
                 WHERE tenant = ?1 AND number > ?2 ORDER BY number LIMIT ?3",
            )?;
            let view = |row: &Row<'_>| {
                let view = DecisionView {
                    number: count(row, 0)?,
                    host: parsed(row, 1)?,
                    incident: parsed(row, 2)?,
                    at: instant(row, 3)?,
                    order: parsed_or_none(row, 4)?,
                    line: row.get(5)?,
                    decision: json_or_none(row, 6)?,
                };
                Ok((view.number, view))
            };
            let (after, rows) = (signed(after.unwrap_or(0))?, signed(rows as u64)?);
            all.query_map(params![tenant.as_str(), after, rows], view)?.collect()
        })
        .await
    }

    /// Keeps what a person decides about an incident that is not closed. `decide` is called as in [`Store::decide`], and answers nothing where the
    /// runbook does not fit what was found.
    pub(crate) async fn decide_by_person<F>(
        &self,
        holder: Scope<Holder>,
        incident: IncidentId,
        now: UtcTime,
        decide: F,
    ) -> Result<ByPerson, StoreError>
    where
        F: FnOnce(&What, u64) -> Option<(Decision, NewOrder)> + Send + 'static,
    {
        self.run(move |c| {
            let host = &holder.host;
            let Some(row) = by_id(c, host, &incident)? else { return Ok(ByPerson::NoSuchIncident) };
            if row.state.is_over() {
                return Ok(ByPerson::Closed);
            }
            let counter = next_counter(c, host, now)?;
            let Some((decision, order)) = decide(&row.what, counter) else { return Ok(ByPerson::Unfit) };
            keep(c, host, &incident, counter, &decision, Some(&order))?;
            pass(c, host, &incident, "decided", now)?;
            let decided = (decision, Some(order.id.clone()));
            keep_word(c, &holder, &incident, now, &decided)?;
            Ok(ByPerson::Ordered(order.id))
        })
        .await
    }

    /// The host's orders that are neither answered nor over, by counter. One that waits there outlives its expiry: it was taken in time.
    pub(crate) async fn waiting(&self, host: HostId, now: UtcTime) -> Result<Vec<OrderWaiting>, StoreError> {
        self.run(move |c| {
            let mut all = c.prepare_cached(
                "SELECT id, envelope FROM signed_order WHERE host = ?1 AND answered IS NULL AND max(expires, coalesce(alive, 0)) > ?2 ORDER BY counter",
            )?;
            let rows = all.query_map(params![host.as_str(), now.unix_ms()], |row| {
                Ok(OrderWaiting { order: parsed(row, 0)?, envelope: contract::blob::Blob(row.get(1)?) })
            })?;
            rows.collect()
        })
        .await
    }

    /// Notes that the host answered one of its own orders by the record `seq`; `false` where it has none such.
    pub(crate) async fn answer(
        &self,
        host: HostId,
        order: OrderId,
        outcome: Outcome,
        seq: u64,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE signed_order SET answered = CASE WHEN ?4 < floor THEN answered ELSE coalesce(answered, ?3) END
                   WHERE host = ?1 AND id = ?2";
        self.run(move |c| {
            let seq = i64::try_from(seq).unwrap_or(i64::MAX);
            let changed = c.prepare_cached(sql)?.execute(params![
                host.as_str(),
                order.as_str(),
                outcome.word(),
                seq
            ])?;
            Ok(changed == 1)
        })
        .await
    }
}

/// What came of an incident that waited for the planner.
#[derive(Debug)]
pub(crate) enum Came {
    /// It follows from something else, for which it waits.
    Follows,
    /// It is decided.
    Decided {
        decision: Decision,
        /// Where one was signed.
        order: Option<OrderId>,
        /// What waited for people, and follows from it from now on.
        gathered: Vec<IncidentId>,
    },
    /// A model is to be asked first. Nothing was changed.
    Asks(Box<Question>),
}

/// A decision, with the order where one was signed.
pub(super) type Decided = (Decision, Option<OrderId>);

fn unwritable(e: NoLine) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(Box::new(e))
}

/// Why an incident stands as it does.
fn say_why(c: &Connection, host: &HostId, incident: &IncidentId, why: &str) -> rusqlite::Result<()> {
    c.prepare_cached("UPDATE incident SET why = ?3 WHERE host = ?1 AND incident = ?2")?.execute(params![
        host.as_str(),
        incident.as_str(),
        why
    ])?;
    Ok(())
}

/// Keeps what a person decided, which nothing can be made of again.
pub(super) fn keep_word(
    c: &Connection,
    holder: &Holder,
    incident: &IncidentId,
    now: UtcTime,
    decided: &Decided,
) -> rusqlite::Result<()> {
    if let Some(why) = planner::Why::of(&decided.0) {
        say_why(c, &holder.host, incident, &why.to_string())?;
    }
    keep_line(c, holder, incident, now, Some(decided), None)
}

/// Keeps all that a decision was made of.
fn keep_line(
    c: &Connection,
    holder: &Holder,
    incident: &IncidentId,
    now: UtcTime,
    decided: Option<&Decided>,
    line: Option<&str>,
) -> rusqlite::Result<()> {
    let (mut rule, mut model, mut runbook) = (None, None, None);
    if let Some((Decision { choice, provenance }, _)) = decided {
        match provenance {
            Provenance::Rules { rule: by, table: _ } => rule.clone_from(by),
            Provenance::Model(asked) => model = Some(asked.model.to_string()),
            Provenance::Person(_) => {}
        }
        if let Choice::Run(chosen) = choice {
            runbook = Some(chosen.to_string());
        }
    }
    let order = decided.and_then(|(_, order)| order.as_ref().map(OrderId::as_str));
    let decision = decided.map(|(decision, _)| to_json(decision)).transpose()?;
    let (tenant, host) = (holder.tenant.as_str(), holder.host.as_str());
    c.prepare_cached(
        "INSERT INTO decided (tenant, host, incident, at, decision, rule, model, runbook, order_id, line)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?
    .execute(params![
        tenant,
        host,
        incident.as_str(),
        now.unix_ms(),
        decision,
        rule,
        model,
        runbook,
        order,
        line
    ])?;
    Ok(())
}

/// Keeps decision and order, and what the incident becomes by them.
fn keep(
    c: &Connection,
    host: &HostId,
    incident: &IncidentId,
    counter: u64,
    decision: &Decision,
    order: Option<&NewOrder>,
) -> rusqlite::Result<()> {
    let state = match order {
        Some(order) => {
            insert(c, host, incident, order, counter)?;
            IncidentState::Ordered(order.id.clone())
        }
        None => IncidentState::Escalated,
    };
    set_state(c, host, incident, &state)?;
    c.prepare_cached("UPDATE incident SET decision = ?3 WHERE host = ?1 AND incident = ?2")?
        .execute(params![host.as_str(), incident.as_str(), to_json(decision)?])?;
    Ok(())
}

/// One more than the last counter, and never below the clock: a hub that was restored from an old backup still counts above what it signed since.
fn next_counter(c: &Connection, host: &HostId, now: UtcTime) -> rusqlite::Result<u64> {
    let last = c
        .prepare_cached("SELECT counter FROM host WHERE host = ?1")?
        .query_row([host.as_str()], |row| count(row, 0))?;
    Ok((last + 1).max(now.unix_ms().unsigned_abs()))
}

fn insert(
    c: &Connection,
    host: &HostId,
    incident: &IncidentId,
    order: &NewOrder,
    counter: u64,
) -> rusqlite::Result<()> {
    let counter = signed(counter)?;
    c.prepare_cached("UPDATE host SET counter = ?2 WHERE host = ?1")?
        .execute(params![host.as_str(), counter])?;
    let NewOrder { id, expires, envelope } = order;
    c.prepare_cached("INSERT INTO signed_order (id, host, incident, counter, expires, envelope) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
        .execute(params![id.as_str(), host.as_str(), incident.as_str(), counter, expires.unix_ms(), envelope])?;
    Ok(())
}
