//! Packets: made, previewed, listed, fetched, read and said to be read.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contract::digest::Digest;
use contract::packet::{PacketMaking, PacketRequest, PacketView};
use contract::people::{Right, Role};
use packet::Month;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

use super::BODY_MAX_BYTES;
use super::answers::{Bytes, Found, Made};
use super::me::in_person;
use super::route::{Route, changes, reads};
use super::tenants::known_tenant;
use crate::hub::Hub;
use crate::packets::{self, Asked, PacketFault};
use crate::people::Granted;
use crate::problem::{Fault, Strict, Unasked};

/// The files that a packet can have, each with its media type.
const FILES: [(&str, &str); 8] = [
    ("packet.pdf", "application/pdf"),
    ("packet.html", "text/html; charset=utf-8"),
    ("packet.json", "application/json"),
    ("proofs.ndjson", "application/x-ndjson"),
    ("incidents.csv", "text/csv; charset=utf-8"),
    ("ocsf.ndjson", "application/x-ndjson"),
    ("assessment-results.json", "application/json"),
    ("plan-of-action-and-milestones.json", "application/json"),
];

/// Nothing from anywhere, in nobody's frame.
const STRICT: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) fn routes() -> Vec<Route> {
    vec![
        reads("/api/v1/packets", Right::StatusRead, "The newest packets within reach", newest),
        reads("/api/v1/tenants/{tenant}/packets", Right::PacketsRead, "A tenant's packets", list),
        changes(
            "/api/v1/tenants/{tenant}/packets",
            Right::PacketsMake,
            "Make the packet of a month, or correct it",
            make,
        )
        .refuses(&[StatusCode::CONFLICT, StatusCode::UNPROCESSABLE_ENTITY]),
        reads(
            "/api/v1/tenants/{tenant}/packets/progress",
            Right::PacketsRead,
            "How far a packet that is being made has come",
            progress,
        ),
        reads(
            "/api/v1/tenants/{tenant}/packets/preview/{file}",
            Right::PacketsMake,
            "A file of what the packet of this month would be now",
            preview,
        )
        .refuses(&[StatusCode::CONFLICT, StatusCode::TOO_MANY_REQUESTS]),
        reads(
            "/api/v1/tenants/{tenant}/packets/{packet}/{file}",
            Right::PacketsRead,
            "Fetch a file of a packet",
            fetch,
        ),
        changes(
            "/api/v1/tenants/{tenant}/packets/{packet}/acknowledge",
            Right::PacketsAcknowledge,
            "Say that one has read a packet",
            acknowledge,
        ),
    ]
}

/// `GET /api/v1/tenants/{tenant}/packets`, and of all tenants.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PacketsView {
    /// The newest first.
    pub(crate) packets: Vec<PacketView>,
}

/// `GET /api/v1/packets`.
pub(crate) async fn newest(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
) -> Result<Found<PacketsView>, Fault> {
    let packets = hub.packets.within(granted.reach()).await;
    Ok(Found(PacketsView { packets: packets.map_err(|e| Fault::ours("list packets", &e))? }))
}

/// `GET /api/v1/tenants/{tenant}/packets`.
pub(crate) async fn list(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path(tenant): Path<String>,
) -> Result<Found<PacketsView>, Fault> {
    let tenant = known_tenant(&hub, &granted, &tenant).await?;
    let packets = hub.packets.of_tenant(tenant).await;
    Ok(Found(PacketsView { packets: packets.map_err(|e| Fault::ours("list packets", &e))? }))
}

/// `POST /api/v1/tenants/{tenant}/packets`: 201 where one was made, 200 where it was there before.
async fn make(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path(tenant): Path<String>,
    Strict(PacketRequest { month, corrects }): Strict<PacketRequest, BODY_MAX_BYTES>,
) -> Result<Made<PacketView>, Fault> {
    let tenant = known_tenant(&hub, &granted, &tenant).await?;
    let month: Month = month
        .parse()
        .map_err(|e: packet::BadMonth| Fault::theirs(StatusCode::UNPROCESSABLE_ENTITY, e.to_string()))?;
    // What is corrected is what a clinic is told instead: that is for those who work for it.
    if corrects.is_some() && granted.identity().role() == Role::Auditor {
        let problem = "an auditor may have a packet made, and not one that stands in another's place";
        return Err(Fault::theirs(StatusCode::FORBIDDEN, problem));
    }
    let asked = Asked { month, corrects, by: Some(granted.identity().person().clone()) };
    // In a task of its own: a packet that was begun is finished and kept, also where whoever asked went away.
    let making = tokio::spawn(async move { packets::of_month(&hub, tenant, asked).await });
    let view = match making.await {
        Ok(made) => made.map_err(|e| fault(&e))?,
        Err(e) => std::panic::resume_unwind(e.into_panic()),
    };
    Ok(Made::or_there(!view.again, view))
}

/// `GET /api/v1/tenants/{tenant}/packets/progress`.
async fn progress(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path(tenant): Path<String>,
) -> Result<Found<PacketMaking>, Fault> {
    let tenant = known_tenant(&hub, &granted, &tenant).await?;
    Ok(Found(PacketMaking { making: hub.packets.progress(&tenant) }))
}

/// `GET /api/v1/tenants/{tenant}/packets/preview/{file}`.
async fn preview(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path((tenant, file)): Path<(String, String)>,
) -> Result<Bytes, Fault> {
    let tenant = known_tenant(&hub, &granted, &tenant).await?;
    let (name, kind) = known_file(&file)?;
    let seat = hub.downloads.take(granted.identity().person()).map_err(super::kits::no_seat)?;
    let bytes = packets::preview(&hub, tenant, name).await.map_err(|e| fault(&e))?;
    drop(seat);
    let bytes = bytes.ok_or_else(|| no_such_file(name))?;
    Ok(answered(&format!("preview-{name}"), kind, Digest::of(&bytes), bytes))
}

/// `GET /api/v1/tenants/{tenant}/packets/{packet}/{file}`: the same bytes each time.
async fn fetch(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path((tenant, id, file)): Path<(String, String, String)>,
) -> Result<Bytes, Fault> {
    let tenant = known_tenant(&hub, &granted, &tenant).await?;
    let (name, kind) = known_file(&file)?;
    let found = hub.packets.file(tenant, id.clone(), name.to_owned()).await;
    let found = found.map_err(|e| Fault::ours("look up a packet", &e))?;
    let (digest, bytes) = found.ok_or_else(|| no_such_file(name))?;
    let leaves = (name.to_owned(), bytes);
    packets::borne_out(&hub, &id, std::slice::from_ref(&leaves)).await.map_err(|e| fault(&e))?;
    let (_, bytes) = leaves;
    Ok(answered(&format!("{id}-{name}"), kind, digest, bytes))
}

/// `POST /api/v1/tenants/{tenant}/packets/{packet}/acknowledge`.
async fn acknowledge(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path((tenant, id)): Path<(String, String)>,
    _: Unasked<BODY_MAX_BYTES>,
) -> Result<Found<PacketView>, Fault> {
    let tenant = known_tenant(&hub, &granted, &tenant).await?;
    in_person(&granted)?;
    let person = granted.identity().person().clone();
    let read = packets::acknowledge(&hub, tenant, id, person).await.map_err(|e| fault(&e))?;
    read.map(Found).ok_or_else(|| Fault::theirs(StatusCode::NOT_FOUND, "the tenant has no such packet"))
}

fn known_file(file: &str) -> Result<(&'static str, &'static str), Fault> {
    FILES.into_iter().find(|(name, _)| *name == file).ok_or_else(|| no_such_file(file))
}

fn no_such_file(file: &str) -> Fault {
    let problem = format!(
        "there is no {}: ask for the tenant's packets, which list their files",
        file.chars().take(60).collect::<String>()
    );
    Fault::theirs(StatusCode::NOT_FOUND, problem)
}

fn answered(name: &str, kind: &'static str, digest: Digest, bytes: Vec<u8>) -> Bytes {
    // A page of a packet is read in place: it has nothing that could run, and may load nothing.
    let place =
        if kind.starts_with("text/html") || kind == "application/pdf" { "inline" } else { "attachment" };
    // A browser shows no PDF within a sandbox. A page has one style of its own, which is named by its digest.
    let policy = match style_digest(&bytes).filter(|_| kind.starts_with("text/html")) {
        Some(style) => format!("{STRICT}; style-src 'sha256-{style}'; img-src data:; sandbox"),
        None if kind == "application/pdf" => STRICT.to_owned(),
        None => format!("{STRICT}; sandbox"),
    };
    let headers = [
        (CONTENT_TYPE, kind.to_owned()),
        (CONTENT_DISPOSITION, format!("{place}; filename=\"{name}\"")),
        (ETAG, format!("\"{digest}\"")),
        (CACHE_CONTROL, "no-store".to_owned()),
        (CONTENT_SECURITY_POLICY, policy),
    ];
    Bytes { body: Body::from(bytes), headers }
}

/// The digest of a page's style, in base64 (Content Security Policy 3, section 2.3.1); none where it has none.
fn style_digest(page: &[u8]) -> Option<String> {
    let page = std::str::from_utf8(page).ok()?;
    let style = page.split_once("<style>")?.1.split_once("</style>")?.0;
    Some(STANDARD.encode(Sha256::digest(style.as_bytes())))
}

fn fault(fault: &PacketFault) -> Fault {
    match fault {
        PacketFault::NotOver { .. } | PacketFault::NothingToCorrect(_) | PacketFault::NoEvidence => {
            Fault::theirs(StatusCode::CONFLICT, fault.to_string())
        }
        PacketFault::Altered(_)
        | PacketFault::OwnLog(_)
        | PacketFault::Make(_)
        | PacketFault::Kept(_)
        | PacketFault::Log(_)
        | PacketFault::Random(_) => Fault::ours("make or give out a packet", fault),
    }
}
