//! Standing orders: what a site may do for itself while this hub cannot be reached, signed ahead of need and for a week.
//!
//! Granted is what the rule table names, as far as nobody at a clinic would notice it and nobody has to be asked. What is withheld is an order that
//! grants nothing: it takes back the one before.

use std::collections::BTreeSet;
use std::sync::Arc;

use contract::blob::Blob;
use contract::digest::Digest;
use contract::dsse::{HubSigner, PayloadType};
use contract::grant::{STANDING_LIFETIME_MS, StandingOrder};
use contract::ids::{GrantId, RunbookId};
use contract::plane::StandingIssued;
use contract::time::UtcTime;
use identity::Holder;
use planner::Answer;
use thiserror::Error;

use crate::hub::Hub;
use crate::library::Library;
use crate::store::StoreError;
use crate::tables::Table;

/// Why none could be issued: ours to mend.
#[derive(Debug, Error)]
pub(crate) enum StandingError {
    #[error("no id can be drawn")]
    Random(#[from] std::io::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Issues the holder's standing order, under a counter above all before.
pub(crate) async fn issue(hub: &Hub, holder: Holder) -> Result<StandingIssued, StandingError> {
    let now = edge::clock::utc();
    let grant: GrantId = format!("g-{}", edge::random::opaque()?).parse().map_err(std::io::Error::other)?;
    let (library, keys) = (Arc::clone(&hub.library), Arc::clone(&hub.keys));
    let table = hub.tables.of(&holder.tenant, &holder.site);
    let draft = Draft { grant, holder: holder.clone(), now };
    let write = move |withheld, counter| draft.sign((&library, &table), &keys.orders, withheld, counter);
    Ok(hub.store.standing(holder, now, write).await?)
}

/// What [`StandingIssued::says`] would be now.
pub(crate) async fn says(hub: &Hub, holder: Holder) -> Result<Digest, StoreError> {
    let table = hub.tables.of(&holder.tenant, &holder.site);
    let withheld = hub.store.is_withheld(holder).await?;
    Ok(mark(&hub.library, &table, &granted(&hub.library, &table, withheld)))
}

struct Draft {
    grant: GrantId,
    holder: Holder,
    now: UtcTime,
}

impl Draft {
    fn sign(
        self,
        (library, table): (&Library, &Table),
        signer: &HubSigner,
        withheld: bool,
        counter: u64,
    ) -> StandingIssued {
        let Self { grant, holder: Holder { tenant, site, host }, now } = self;
        let runbooks = granted(library, table, withheld);
        let says = mark(library, table, &runbooks);
        let order = StandingOrder {
            grant,
            tenant,
            site,
            host,
            catalogue_digest: library.catalogue.digest(),
            rules_digest: table.rules.digest(),
            runbooks,
            counter,
            issued: now,
            expires: now.plus_ms(STANDING_LIFETIME_MS),
        };
        let payload = serde_json::to_vec(&order).unwrap_or_default();
        let envelope = Blob(signer.sign(PayloadType::StandingOrder, &payload));
        StandingIssued { envelope, rules: table.text.clone(), says }
    }
}

/// The runbooks that the rules name and that disturb nobody, each once.
fn granted(library: &Library, table: &Table, withheld: bool) -> Vec<RunbookId> {
    let undisturbing = |id: &&RunbookId| {
        library
            .catalogue
            .runbook(id)
            .is_some_and(|a| !a.runbook.disruptive && a.runbook.approval.people() == 0)
    };
    let named: BTreeSet<&RunbookId> = table
        .rules
        .iter()
        .filter_map(|rule| match rule.answer() {
            Answer::Run(runbook) => Some(runbook),
            Answer::Person(_) => None,
        })
        .collect();
    if withheld { Vec::new() } else { named.into_iter().filter(undisturbing).cloned().collect() }
}

fn mark(library: &Library, table: &Table, runbooks: &[RunbookId]) -> Digest {
    let said = (library.catalogue.digest(), table.rules.digest(), runbooks);
    Digest::of(&serde_json::to_vec(&said).unwrap_or_default())
}
