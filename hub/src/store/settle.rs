//! What verified evidence changes: the only way an incident is ever closed.

use contract::ids::{HostId, IncidentId, OrderId};
use contract::plane::IncidentState;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::columns::{count, parsed, signed};
use super::incidents::{by_id, open_for, set_state};
use super::{Store, StoreError};
use crate::consequence::{Consequence, Retry};

impl Store {
    /// How many of the host's records have had their consequences.
    pub(crate) async fn settled(&self, host: HostId) -> Result<u64, StoreError> {
        let sql = "SELECT settled FROM host WHERE host = ?1";
        self.run(move |c| c.prepare_cached(sql)?.query_row([host.as_str()], |row| count(row, 0))).await
    }

    /// Applies the consequences of the records up to `size`, all or none, and says which incidents are to be planned again, and when.
    pub(crate) async fn settle(
        &self,
        host: HostId,
        size: u64,
        consequences: Vec<Consequence>,
    ) -> Result<Vec<(IncidentId, Retry)>, StoreError> {
        self.run(move |c| {
            let mut again = Vec::new();
            for consequence in &consequences {
                again.extend(apply(c, &host, consequence)?);
            }
            c.execute("UPDATE host SET settled = ?2 WHERE host = ?1", params![host.as_str(), signed(size)?])?;
            Ok(again)
        })
        .await
    }
}

fn apply(
    c: &Connection,
    host: &HostId,
    consequence: &Consequence,
) -> rusqlite::Result<Option<(IncidentId, Retry)>> {
    match consequence {
        Consequence::Passes { order, record } => {
            if let Some((incident, state)) = of_order(c, host, order)?
                && !matches!(state, IncidentState::Closed { .. })
            {
                set_state(c, host, &incident, &IncidentState::Closed { record: *record })?;
            }
            Ok(None)
        }
        Consequence::NotHealed { order, outcome, record, retry } => match of_order(c, host, order)? {
            // An older order's end says nothing about the one that is out now.
            Some((incident, IncidentState::Ordered(current))) if current == *order => {
                set_state(c, host, &incident, &IncidentState::Open { outcome: *outcome, record: *record })?;
                Ok(retry.map(|retry| (incident, retry)))
            }
            _ => Ok(None),
        },
        Consequence::Passed { control, time, record } => {
            if let Some(row) = open_for(c, host, &format!("control:{control}"))?
                && row.found < *time
            {
                set_state(c, host, &row.incident, &IncidentState::Closed { record: *record })?;
            }
            Ok(None)
        }
    }
}

/// The incident that one of this host's own orders answers.
fn of_order(
    c: &Connection,
    host: &HostId,
    order: &OrderId,
) -> rusqlite::Result<Option<(IncidentId, IncidentState)>> {
    let incident: Option<IncidentId> = c
        .prepare_cached("SELECT incident FROM signed_order WHERE host = ?1 AND id = ?2")?
        .query_row([host.as_str(), order.as_str()], |row| parsed(row, 0))
        .optional()?;
    let Some(incident) = incident else { return Ok(None) };
    Ok(by_id(c, host, &incident)?.map(|row| (row.incident, row.state)))
}
