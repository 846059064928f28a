//! Papers: what this hub signs for one host and may sign anew. The same text is the same bytes each time; another one has a higher number.

use contract::blob::Blob;
use contract::digest::Digest;
use contract::dsse::PayloadType;
use contract::paper::{Paper, PaperKind};
use contract::plane::{PaperNamed, PapersIssued};
use identity::Holder;

use crate::hub::Hub;
use crate::store::{Numbered, Said, StoreError};

/// What [`PapersIssued::says`] would be now. It is asked with each long poll, and writes nothing.
pub(crate) async fn says(hub: &Hub, holder: Holder) -> Result<Digest, StoreError> {
    let Said { allowlist, exceptions } = hub.store.said(holder).await?;
    let digest = |text: Option<String>| text.map(|text| Digest::of(text.as_bytes()));
    let said = (
        hub.library.baseline.digest(),
        hub.library.catalogue.digest(),
        digest(allowlist),
        digest(exceptions),
    );
    Ok(Digest::of(&serde_json::to_vec(&said).unwrap_or_default()))
}

/// Which papers the holder has, and under which numbers.
pub(crate) async fn issued(hub: &Hub, holder: Holder) -> Result<PapersIssued, StoreError> {
    // Before the papers: what is set in between differs from it, and is fetched with the next poll.
    let says = says(hub, holder.clone()).await?;
    let papers = numbered(hub, holder).await?;
    let named = papers.iter().map(|&Numbered { kind, number, .. }| PaperNamed { kind, number });
    Ok(PapersIssued { papers: named.collect(), says })
}

/// The holder's paper of one kind; none where it was never set.
pub(crate) async fn envelope(hub: &Hub, holder: Holder, kind: PaperKind) -> Result<Option<Blob>, StoreError> {
    let papers = numbered(hub, holder.clone()).await?;
    let found = papers.into_iter().find(|paper| paper.kind == kind);
    Ok(found.map(|Numbered { kind, number, issued, text }| {
        let Holder { tenant, site, host } = holder;
        let paper = Paper { kind, tenant, site, host, number, issued, text };
        let payload = serde_json::to_vec(&paper).unwrap_or_default();
        Blob(hub.keys.orders.sign(PayloadType::Paper, &payload))
    }))
}

async fn numbered(hub: &Hub, holder: Holder) -> Result<Vec<Numbered>, StoreError> {
    // Both were parsed from these bytes, so they are UTF-8.
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let library = [
        (PaperKind::Baseline, text(&hub.library.baseline_bytes)),
        (PaperKind::Catalogue, text(&hub.library.catalogue_bytes)),
    ];
    hub.store.papers(holder, library, edge::clock::utc()).await
}
