//! Enrolment sheets: each makes one new host, with an opaque id.

use contract::blob::Blob;
use contract::digest::{Digest, hex};
use contract::dsse::PayloadType;
use contract::ids::{BadId, SiteId, TenantId, TokenId};
use contract::plane::EnrolmentSheet;
use contract::time::UtcTime;
use identity::Holder;
use thiserror::Error;

use crate::config::HubName;
use crate::keys::Keys;
use crate::library::Library;
use crate::people::Scope;
use crate::store::{NewHost, Store};

/// How long a token waits for its first use. The machine that used it may ask again for as long as its bootstrap certificate is good, since an answer
/// can be lost.
const TOKEN_MS: u64 = 15 * 60 * 1000;

/// The parts of a hub that make a sheet.
#[derive(Debug)]
pub(crate) struct Maker<'a> {
    pub(crate) store: &'a Store,
    pub(crate) keys: &'a Keys,
    pub(crate) library: &'a Library,
    pub(crate) name: &'a HubName,
    pub(crate) device_port: u16,
}

/// No sheet was made. Ours.
#[derive(Debug, Error)]
#[error("the hub could not {doing}")]
pub struct SheetError {
    /// What it was about to do.
    pub doing: &'static str,
    /// Why not.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

fn ours<E: std::error::Error + Send + Sync + 'static>(doing: &'static str) -> impl FnOnce(E) -> SheetError {
    move |source| SheetError { doing, source: Box::new(source) }
}

/// Makes a new host at a site that is there, and its sheet.
pub(crate) async fn sheet(
    maker: Maker<'_>,
    scope: Scope<TenantId>,
    site: SiteId,
    now: UtcTime,
) -> Result<EnrolmentSheet, SheetError> {
    let Maker { store, keys, library, name, device_port } = maker;
    let host = drawn("h")?.parse().map_err(ours::<BadId>("draw a host id"))?;
    let token: TokenId = drawn("t")?.parse().map_err(ours::<BadId>("draw a token"))?;
    let secret = hex(&edge::random::bytes::<32>().map_err(ours("draw a secret"))?);
    let holder = Holder { tenant: (*scope).clone(), site, host };
    let origin = format!("{name}/{}", holder.host);
    // A host that was never there has no list of its own: what counts is its site's.
    let said = store.said(holder.clone()).await.map_err(ours("look up the allowlist"))?;
    let bootstrap = keys.authority.bootstrap(&holder, now);
    let bootstrap = bootstrap.map_err(ours("issue a bootstrap certificate"))?;
    let new = NewHost {
        holder: holder.clone(),
        origin: origin.clone(),
        token: token.clone(),
        secret: Digest::of(secret.as_bytes()),
        token_until: now.plus_ms(TOKEN_MS),
        bootstrap: bootstrap.issued.clone(),
    };
    store.add_host(scope, new).await.map_err(ours("keep the enrolment"))?;
    let Holder { tenant, site, host } = holder;
    let signed = |kind, bytes: &[u8]| Blob(keys.orders.sign(kind, bytes));
    Ok(EnrolmentSheet {
        hub: format!("https://{name}:{device_port}"),
        hub_authority: keys.authority.certificate_pem().to_owned(),
        hub_key: keys.orders.public(),
        witness_key: keys.witness.verifier().to_string(),
        tenant,
        site,
        host,
        origin,
        token,
        secret,
        bootstrap_certificate: bootstrap.issued.certificate_pem,
        bootstrap_key: bootstrap.key_pem,
        baseline: signed(PayloadType::Baseline, &library.baseline_bytes),
        catalogue: signed(PayloadType::Catalogue, &library.catalogue_bytes),
        allowlist: said.allowlist.map(|text| signed(PayloadType::Allowlist, text.as_bytes())),
    })
}

fn drawn(prefix: &str) -> Result<String, SheetError> {
    Ok(format!("{prefix}-{}", edge::random::opaque().map_err(ours("draw an id"))?))
}
