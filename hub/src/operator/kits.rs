//! Kits: made, found again, fetched.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, ETAG};
use contract::exception::Person;
use contract::kit::{KitRequest, KitView};
use contract::people::Right;

use super::BODY_MAX_BYTES;
use super::answers::{Made, Zip};
use super::route::{Route, changes, reads};
use super::tenants::known_tenant;
use crate::hub::Hub;
use crate::kit::{self, Download, KitFault, MakeError};
use crate::people::Granted;
use crate::problem::{Fault, Strict};
use crate::seats::NoSeat;

pub(super) fn routes() -> Vec<Route> {
    vec![
        changes(
            "/api/v1/tenants/{tenant}/kits",
            Right::KitsMake,
            "Export a period of evidence as a kit",
            add,
        )
        .refuses(&[StatusCode::CONFLICT, StatusCode::UNPROCESSABLE_ENTITY]),
        reads("/api/v1/tenants/{tenant}/kits/{id}", Right::KitsFetch, "Fetch a kit", fetch)
            .refuses(&[StatusCode::TOO_MANY_REQUESTS]),
    ]
}

/// `POST /api/v1/tenants/{tenant}/kits`: 201 where an export was made, 200 where it was there before or nothing is to be kept.
async fn add(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path(tenant): Path<String>,
    Strict(mut request): Strict<KitRequest, BODY_MAX_BYTES>,
) -> Result<Made<KitView>, Fault> {
    let tenant = known_tenant(&hub, &granted, &tenant).await?;
    request.by = by(&granted, &request.by)?;
    // In a task of its own: an export that was begun is finished and kept, also where whoever asked went away.
    let exporting = tokio::spawn(async move { kit::export(&hub, tenant, request).await });
    let view = match exporting.await {
        Ok(exported) => exported.map_err(|e| fault(&e))?,
        Err(e) => std::panic::resume_unwind(e.into_panic()),
    };
    let new = view.id.is_some() && !view.again;
    Ok(Made::or_there(new, view))
}

/// `GET /api/v1/tenants/{tenant}/kits/{id}`: the zip.
async fn fetch(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path((tenant, id)): Path<(String, String)>,
) -> Result<Zip, Fault> {
    let tenant = known_tenant(&hub, &granted, &tenant).await?;
    let name = format!("attachment; filename=\"kit-{}-{id}.zip\"", *tenant);
    let seat = hub.downloads.take(granted.identity().person()).map_err(no_seat)?;
    let download = kit::download(&hub, tenant.clone(), id.clone(), seat).await.map_err(|e| fault(&e))?;
    let Some(Download { body, bytes, digest }) = download else {
        let problem = format!(
            "tenant {0} has no export of this id: make one with POST /api/v1/tenants/{0}/kits",
            *tenant
        );
        return Err(Fault::theirs(StatusCode::NOT_FOUND, problem));
    };
    let headers =
        [(CONTENT_LENGTH, bytes.to_string()), (CONTENT_DISPOSITION, name), (ETAG, format!("\"{digest}\""))];
    Ok(Zip { body, headers })
}

/// After so long somebody's download may be over.
const SEAT_AGAIN_S: u64 = 30;

pub(super) fn no_seat(why: NoSeat) -> Fault {
    let problem = match why {
        NoSeat::Theirs(many) => {
            format!("you download {many} kits already: wait until one is there, or end it")
        }
        NoSeat::All(many) => format!("{many} kits are being downloaded, and more at once there cannot be"),
    };
    Fault::slowed(problem, SEAT_AGAIN_S)
}

fn fault(fault: &KitFault) -> Fault {
    let KitFault::Make(cause) = fault else { return Fault::ours("export evidence", fault) };
    match cause {
        MakeError::NoEvidence | MakeError::NoRecords { .. } => {
            Fault::theirs(StatusCode::CONFLICT, cause.to_string())
        }
        MakeError::Backwards | MakeError::TooLarge(_) => {
            Fault::theirs(StatusCode::UNPROCESSABLE_ENTITY, cause.to_string())
        }
        MakeError::File(_)
        | MakeError::Head { .. }
        | MakeError::Root { .. }
        | MakeError::Survey(_)
        | MakeError::Document(_)
        | MakeError::Seal(_)
        | MakeError::Write(_)
        | MakeError::Random(_) => Fault::ours("export evidence", fault),
    }
}

/// Who exports, as the kit's cover says it and this hub signs it: whoever is here, and for whom where another one is named.
fn by(granted: &Granted, named: &Person) -> Result<Person, Fault> {
    let here = granted.identity().person().as_str();
    let said =
        if named.as_str() == here { here.to_owned() } else { format!("{here}, for {}", named.as_str()) };
    said.try_into().map_err(|_| {
        Fault::theirs(StatusCode::UNPROCESSABLE_ENTITY, "`by` is too long: it stands behind your own name")
    })
}
