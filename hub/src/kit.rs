//! Kits: a period of a tenant's evidence as one zip, the same bytes each time it is fetched (`docs/evidence-format.md` §8).
//!
//! An export is made once and kept: the heads as they stood, and every file that is not a tile. The zip is never stored: it is written again for each
//! download from what is kept and from the mirror's copy, whose entries below a pinned head never change. What it comes to is kept too, and a
//! download that would come to anything else ends before its end.
//!
//! | module | what it does |
//! |---|---|
//! | `exports` | the exports that were made |
//! | `pin` | the heads that an export stands on |
//! | `make` | one export: survey, documents, seal, dry write |
//! | `documents` | what only the hub can tell |
//! | `copy` | the mirror's copy as a source of tiles |
//! | `stream` | the zip as a response's body |

mod copy;
mod documents;
mod exports;
mod make;
mod pin;
mod stream;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use contract::dsse::PayloadType;
use contract::ids::TenantId;
use contract::kit::{KitRequest, KitView};
use contract::time::UtcTime;
use queue::writer::OpenError;
use thiserror::Error;

pub(crate) use copy::Tiles;
pub(crate) use exports::{ExportsError, FILE, SCHEMA};
pub(crate) use make::MakeError;
pub(crate) use stream::Download;

use crate::heads::HeadsFault;
use crate::hub::Hub;
use crate::keys::Keys;
use crate::library::Library;
use crate::people::Scope;
use crate::store::StoreError;
use exports::Exports;

/// The exports, and who is making one.
#[derive(Debug)]
pub(crate) struct Kits {
    exports: Exports,
    /// One export of a tenant at a time, so that two that ask for the same get the same.
    turns: Mutex<HashMap<TenantId, Arc<tokio::sync::Mutex<()>>>>,
}

/// Why there is no kit.
#[derive(Debug, Error)]
pub(crate) enum KitFault {
    /// It cannot be made.
    #[error(transparent)]
    Make(#[from] MakeError),
    /// The exports did not answer.
    #[error(transparent)]
    Exports(#[from] ExportsError),
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log of heads did not answer.
    #[error(transparent)]
    Heads(#[from] HeadsFault),
}

impl Kits {
    /// Opens the exports in the hub's directory.
    pub(crate) fn open(directory: &Path) -> Result<Self, OpenError> {
        Ok(Self { exports: Exports::open(directory)?, turns: Mutex::default() })
    }

    /// Keeps the baseline that this hub hands out, so that it is there when a kit needs it, also after the next one came.
    pub(crate) async fn keep_baseline(
        &self,
        library: &Library,
        keys: &Keys,
        now: UtcTime,
    ) -> Result<(), ExportsError> {
        let envelope = keys.orders.sign(PayloadType::Baseline, &library.baseline_bytes);
        self.exports.keep_baseline(library.baseline.digest(), envelope, now).await
    }

    fn turn(&self, tenant: &TenantId) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(turns.entry(tenant.clone()).or_default())
    }
}

/// Makes an export of a tenant that is there, or finds the one that was made before.
///
/// It is found where the same person asked for the same period once it was over, and no log has gained a record since that could be of the period.
pub(crate) async fn export(
    hub: &Arc<Hub>,
    tenant: Scope<TenantId>,
    request: KitRequest,
) -> Result<KitView, KitFault> {
    let turn = hub.kits.turn(&tenant);
    let _held = turn.lock().await;
    let now = edge::clock::utc();
    let hosts = hub.store.logs_of(tenant.clone()).await?;
    let (pinned, silent) = pin::all(hub, hosts, now).await?;
    let KitRequest { from, to, by, dry_run } = &request;
    if let Some(kept) = hub.kits.exports.newest(tenant.clone(), *from, *to, by.clone()).await?
        && pin::nothing_new(&pinned, &kept)
    {
        return Ok(kept.view);
    }
    let proofs = pin::proofs(hub, &pinned).await?;
    let heads = pin::alarms_of_heads(hub).await?;
    let known = documents::Known {
        heads,
        actions: hub.store.actions(tenant.clone()).await?,
        alarms: hub.store.alarms_of(tenant.clone()).await?,
        earlier: hub.kits.exports.history(tenant.clone()).await?,
        silent,
    };
    let held = hub.kits.exports.baselines().await?;
    let work =
        make::Work { tenant: (*tenant).clone(), request: request.clone(), now, pinned, proofs, known, held };
    let made = make::make(Arc::clone(&hub.keys), work).await?;
    let mut view = made.view();
    if *dry_run {
        view.id = None;
    } else {
        tracing::info!(tenant = %view.tenant, id = view.id, "evidence was exported");
        hub.kits.exports.keep(made).await?;
    }
    Ok(view)
}

/// The zip of an export of the tenant; none where the tenant has no such export.
pub(crate) async fn download(
    hub: &Arc<Hub>,
    tenant: Scope<TenantId>,
    id: String,
    seat: crate::seats::Seat<contract::ids::OperatorId>,
) -> Result<Option<Download>, KitFault> {
    let Some((kit, bytes, digest)) = hub.kits.exports.kit(tenant.clone(), id).await? else { return Ok(None) };
    let hosts = hub.store.logs_of(tenant).await?;
    let source = pin::copies(hub, &hosts);
    Ok(Some(stream::start(kit, source, bytes, digest, seat)))
}
