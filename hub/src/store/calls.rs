//! Calls to people, as they are kept: looked at as a whole, taken and handed over one by one.

use contract::baseline::Severity;
use contract::call::{CallStep, CallView, period_ms};
use contract::ids::{OperatorId, TenantId};
use contract::incident::What;
use contract::people::Reach;
use contract::plane::IncidentState;
use contract::time::UtcTime;
use identity::Holder;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::around;
use super::columns::{
    count, instant, instant_or_none, json, json_or_none, parsed, parsed_or_none, signed, to_json,
};
use super::incidents::{Plan, WAITS, set_state, waits_for_a_person};
use super::{Store, StoreError};
use crate::calls::{self, Open, Step, Waits};
use crate::people::Scope;

const VIEW: &str = "SELECT number, tenant, site, call.host, call.incident, what, why, call.severity,
        (SELECT count(*) FROM incident AS symptom WHERE symptom.cause_host = call.host AND symptom.cause = call.incident AND symptom.closed = 0),
        raised, due, again, holder, over
     FROM call JOIN host USING (host) JOIN incident ON incident.host = call.host AND incident.incident = call.incident";

impl Store {
    /// Raises, renews and ends calls by what waits for a person now. Answers whose calls changed.
    pub(crate) async fn look_at_calls(
        &self,
        severity: impl Fn(&What) -> Severity + Send + 'static,
        now: UtcTime,
    ) -> Result<Vec<TenantId>, StoreError> {
        self.run(move |c| {
            let steps = calls::look(&waiting(c, &severity)?, &open(c)?, now);
            let mut whose = Vec::new();
            for step in &steps {
                whose.push(take(c, step, now)?);
            }
            whose.sort();
            whose.dedup();
            Ok(whose)
        })
        .await
    }

    /// The calls that nobody has, or whose holder let their time go by: for the alerts.
    pub(crate) async fn calls_unheard(&self) -> Result<Vec<CallView>, StoreError> {
        self.run(|c| {
            let sql = format!(
                "{VIEW} WHERE over IS NULL AND (holder IS NULL OR again > 0) ORDER BY tenant, site, number"
            );
            c.prepare_cached(&sql)?.query_map([], view)?.collect()
        })
        .await
    }

    /// The calls within reach that are open, or were over only after `since`, in the order in which they were raised.
    pub(crate) async fn calls(
        &self,
        reach: Scope<Reach>,
        since: UtcTime,
    ) -> Result<Vec<CallView>, StoreError> {
        self.run(move |c| {
            let sql = format!("{VIEW} WHERE over IS NULL OR over > ?1 ORDER BY number");
            let all: Vec<CallView> = c
                .prepare_cached(&sql)?
                .query_map([since.unix_ms()], view)?
                .collect::<rusqlite::Result<_>>()?;
            Ok(all.into_iter().filter(|call| reach.holds(&call.tenant)).collect())
        })
        .await
    }

    /// One of them, with who had it and whose machine it is about; none where there is none such within reach.
    pub(crate) async fn call(
        &self,
        reach: Scope<Reach>,
        number: u64,
    ) -> Result<Option<(CallView, Vec<CallStep>, Scope<Holder>)>, StoreError> {
        self.run(move |c| {
            let Some(call) = within(c, &reach, number)? else { return Ok(None) };
            let mut steps =
                c.prepare_cached("SELECT at, by, holder FROM call_step WHERE call = ?1 ORDER BY rowid")?;
            let step = |row: &Row<'_>| {
                Ok(CallStep { at: instant(row, 0)?, by: parsed(row, 1)?, holder: parsed(row, 2)? })
            };
            let steps = steps.query_map([signed(number)?], step)?.collect::<rusqlite::Result<_>>()?;
            let CallView { tenant, site, host, .. } = call.clone();
            Ok(Some((call, steps, reach.holding(Holder { tenant, site, host }))))
        })
        .await
    }

    /// Somebody has a call from now on: by their own word, or handed over by whoever it was asked by. Its time begins anew. `None` where there is no such
    /// call within reach, or it is over.
    pub(crate) async fn hold_call(
        &self,
        reach: Scope<Reach>,
        number: u64,
        by: OperatorId,
        holder: OperatorId,
        now: UtcTime,
    ) -> Result<Option<CallView>, StoreError> {
        self.run(move |c| {
            let open = |call: CallView| if call.over.is_none() { Some(call) } else { None };
            let Some(call) = within(c, &reach, number)?.and_then(open) else { return Ok(None) };
            let due = now.plus_ms(period_ms(call.severity));
            c.prepare_cached("UPDATE call SET holder = ?2, due = ?3, again = 0 WHERE number = ?1")?
                .execute(params![signed(number)?, holder.as_str(), due.unix_ms()])?;
            c.prepare_cached("INSERT INTO call_step (call, at, by, holder) VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![signed(number)?, now.unix_ms(), by.as_str(), holder.as_str()])?;
            within(c, &reach, number)
        })
        .await
    }

    /// Somebody looked after what a detector saw: the incident is over, and its call with it. Answers whose it was, and what followed from it.
    pub(crate) async fn end_call(
        &self,
        reach: Scope<Reach>,
        number: u64,
        by: OperatorId,
        now: UtcTime,
    ) -> Result<Ending, StoreError> {
        self.run(move |c| {
            let open = |call: CallView| if call.over.is_none() { Some(call) } else { None };
            let Some(call) = within(c, &reach, number)?.and_then(open) else { return Ok(Ending::NoneSuch) };
            match call.what {
                What::Drift { .. } => return Ok(Ending::Measured),
                What::Signal(_) => {}
            }
            set_state(c, &call.host, &call.incident, &IncidentState::LookedAfter(by.clone()))?;
            take(c, &Step::End { number }, now)?;
            c.prepare_cached("INSERT INTO call_step (call, at, by, holder) VALUES (?1, ?2, ?3, ?3)")?
                .execute(params![signed(number)?, now.unix_ms(), by.as_str()])?;
            let freed = around::free(c, &call.host, &call.incident)?;
            Ok(Ending::Ended(Box::new(call), freed))
        })
        .await
    }
}

/// What came of somebody's word that a call is done.
#[derive(Debug)]
pub(crate) enum Ending {
    /// There is none such within reach, or it is over.
    NoneSuch,
    /// Whether its control passes, the machine's evidence says, and nobody's word.
    Measured,
    /// It is over, and what followed from it is to be planned for itself.
    Ended(Box<CallView>, Vec<Plan>),
}

fn within(c: &Connection, reach: &Reach, number: u64) -> rusqlite::Result<Option<CallView>> {
    // No call has a number that the database cannot hold.
    let Ok(number) = i64::try_from(number) else { return Ok(None) };
    let sql = format!("{VIEW} WHERE number = ?1");
    let call = c.prepare_cached(&sql)?.query_row([number], view).optional()?;
    Ok(call.filter(|call| reach.holds(&call.tenant)))
}

fn view(row: &Row<'_>) -> rusqlite::Result<CallView> {
    Ok(CallView {
        call: count(row, 0)?,
        tenant: parsed(row, 1)?,
        site: parsed(row, 2)?,
        host: parsed(row, 3)?,
        incident: parsed(row, 4)?,
        what: json(row, 5)?,
        why: row.get(6)?,
        severity: json(row, 7)?,
        symptoms: count(row, 8)?,
        raised: instant(row, 9)?,
        due: instant(row, 10)?,
        again: row.get(11)?,
        holder: parsed_or_none(row, 12)?,
        over: instant_or_none(row, 13)?,
    })
}

/// What waits for a person. What follows from something else does not.
fn waiting(c: &Connection, severity: &impl Fn(&What) -> Severity) -> rusqlite::Result<Vec<Waits>> {
    let mut open = c.prepare_cached(&format!(
        "SELECT host, incident, what, state, {WAITS} FROM incident WHERE closed = 0"
    ))?;
    let mut rows = open.query([])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        if waits_for_a_person(&json(row, 3)?, json_or_none(row, 4)?.as_ref()) {
            all.push(Waits { place: (parsed(row, 0)?, parsed(row, 1)?), severity: severity(&json(row, 2)?) });
        }
    }
    Ok(all)
}

fn open(c: &Connection) -> rusqlite::Result<Vec<Open>> {
    let mut all =
        c.prepare_cached("SELECT number, host, incident, severity, due, again FROM call WHERE over IS NULL")?;
    let one = |row: &Row<'_>| {
        Ok(Open {
            number: count(row, 0)?,
            place: (parsed(row, 1)?, parsed(row, 2)?),
            severity: json(row, 3)?,
            due: instant(row, 4)?,
            again: row.get(5)?,
        })
    };
    all.query_map([], one)?.collect()
}

/// Does one step, and answers whose it was.
fn take(c: &Connection, step: &Step, now: UtcTime) -> rusqlite::Result<TenantId> {
    let number = match step {
        Step::Raise { place: (host, incident), severity, due } => {
            c.prepare_cached(
                "INSERT INTO call (host, incident, severity, raised, due) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                host.as_str(),
                incident.as_str(),
                to_json(severity)?,
                now.unix_ms(),
                due.unix_ms()
            ])?;
            c.last_insert_rowid()
        }
        Step::Again { number, due } => {
            c.prepare_cached("UPDATE call SET due = ?2, again = again + 1 WHERE number = ?1")?
                .execute(params![signed(*number)?, due.unix_ms()])?;
            signed(*number)?
        }
        Step::End { number } => {
            c.prepare_cached("UPDATE call SET over = ?2 WHERE number = ?1")?
                .execute(params![signed(*number)?, now.unix_ms()])?;
            signed(*number)?
        }
    };
    c.prepare_cached("SELECT tenant FROM call JOIN host USING (host) WHERE number = ?1")?
        .query_row([number], |row| parsed(row, 0))
}
