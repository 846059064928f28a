//! What was handed out to sites, and the exceptions that wait for a second person.

use contract::digest::Digest;
use contract::ids::{OperatorId, TenantId};
use contract::paper::PaperKind;
use contract::time::UtcTime;
use rusqlite::{OptionalExtension as _, Row, params};

use super::columns::{instant, json, parsed, to_json};
use super::{Store, StoreError};
use crate::people::Scope;
use crate::view::exceptions::ProposalView;
use crate::view::library::HandedOut;

impl Store {
    /// Notes what is handed out from now on, where it is not what was handed out before.
    pub(crate) async fn hand_out(
        &self,
        kind: PaperKind,
        digest: Digest,
        now: UtcTime,
    ) -> Result<(), StoreError> {
        let last = "SELECT digest FROM handed_out WHERE kind = ?1 ORDER BY rowid DESC LIMIT 1";
        self.run(move |c| {
            let last: Option<String> = c.query_row(last, [kind.word()], |row| row.get(0)).optional()?;
            if last.as_deref() == Some(digest.to_string().as_str()) {
                return Ok(());
            }
            let new = params![kind.word(), digest.to_string(), now.unix_ms()];
            c.execute("INSERT INTO handed_out VALUES (?1, ?2, ?3)", new).map(drop)
        })
        .await
    }

    /// What was handed out, the newest first.
    pub(crate) async fn handed_out(&self, kind: PaperKind) -> Result<Vec<HandedOut>, StoreError> {
        self.run(move |c| {
            let mut all =
                c.prepare("SELECT digest, since FROM handed_out WHERE kind = ?1 ORDER BY rowid DESC")?;
            let one = |row: &Row<'_>| Ok(HandedOut { digest: parsed(row, 0)?, since: instant(row, 1)? });
            all.query_map([kind.word()], one)?.collect()
        })
        .await
    }

    /// A tenant's exceptions as they were set; none where there are none.
    pub(crate) async fn exceptions(&self, tenant: Scope<TenantId>) -> Result<Option<String>, StoreError> {
        let sql = "SELECT text FROM exceptions WHERE tenant = ?1";
        self.run(move |c| c.query_row(sql, [tenant.as_str()], |row| row.get(0)).optional()).await
    }

    /// Keeps a proposal.
    pub(crate) async fn propose(
        &self,
        tenant: Scope<TenantId>,
        proposal: ProposalView,
    ) -> Result<(), StoreError> {
        self.run(move |c| {
            let ProposalView { id, proposer, time, proposed } = proposal;
            c.execute(
                "INSERT INTO proposal VALUES (?1, ?2, ?3, ?4, ?5)",
                params![id, tenant.as_str(), proposer.as_str(), time.unix_ms(), to_json(&proposed)?],
            )
            .map(drop)
        })
        .await
    }

    /// A tenant's proposals, the oldest first.
    pub(crate) async fn proposals(&self, tenant: Scope<TenantId>) -> Result<Vec<ProposalView>, StoreError> {
        self.run(move |c| {
            let mut all = c.prepare(
                "SELECT id, proposer, time, proposed FROM proposal WHERE tenant = ?1 ORDER BY time, id",
            )?;
            all.query_map([tenant.as_str()], proposal)?.collect()
        })
        .await
    }

    /// Puts a text of exceptions in the place of `before`, and ends a proposal with it; `false` where either was changed meanwhile.
    pub(crate) async fn accept(
        &self,
        tenant: Scope<TenantId>,
        id: String,
        before: Option<String>,
        text: String,
        now: UtcTime,
    ) -> Result<bool, StoreError> {
        self.run(move |c| {
            let sql = "SELECT text FROM exceptions WHERE tenant = ?1";
            let there: Option<String> = c.query_row(sql, [tenant.as_str()], |row| row.get(0)).optional()?;
            let own = "DELETE FROM proposal WHERE tenant = ?1 AND id = ?2";
            if there != before || c.execute(own, [tenant.as_str(), &id])? == 0 {
                return Ok(false);
            }
            c.execute("DELETE FROM exceptions WHERE tenant = ?1", [tenant.as_str()])?;
            let kept = params![tenant.as_str(), text, now.unix_ms()];
            c.execute("INSERT INTO exceptions (tenant, text, since) VALUES (?1, ?2, ?3)", kept)?;
            Ok(true)
        })
        .await
    }

    /// Takes a proposal back; `false` where there is none.
    pub(crate) async fn withdraw(&self, tenant: Scope<TenantId>, id: String) -> Result<bool, StoreError> {
        let sql = "DELETE FROM proposal WHERE tenant = ?1 AND id = ?2";
        self.run(move |c| Ok(c.execute(sql, [tenant.as_str(), &id])? == 1)).await
    }
}

fn proposal(row: &Row<'_>) -> rusqlite::Result<ProposalView> {
    let proposer: OperatorId = parsed(row, 1)?;
    Ok(ProposalView { id: row.get(0)?, proposer, time: instant(row, 2)?, proposed: json(row, 3)? })
}
