//! A timestamp a day over the newest head, kept as it came beside the bytes that were stamped.
//!
//! ```text
//! <dir>/heads/timestamps/<size>.checkpoint   the bytes: the head's note as it stood then
//!                       /<size>.tsr          the authority's answer, DER
//! ```

use std::sync::Arc;

use contract::time::UtcTime;
use edge::file::{FileError, private_directory, write_durably};
use reqwest::Url;
use thiserror::Error;

use super::ask::ask;
use super::index::{IndexError, Mark};
use super::stamp::{StampError, StampRequest, Stamped};
use super::{Heads, view};
use crate::hub::Hub;
use crate::problem::chain;

/// Days without a timestamp after which a person must hear of it.
const DAYS_MAX: u64 = 3;
/// RFC 3161 §3.4.
const QUERY: &str = "application/timestamp-query";
const REPLY: &str = "application/timestamp-reply";

/// Why there is no timestamp today.
#[derive(Debug, Error)]
pub(super) enum Missed {
    #[error(transparent)]
    Stamp(#[from] StampError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Index(#[from] IndexError),
    #[error("this machine's random generator does not answer")]
    Random(#[source] std::io::Error),
}

/// Asks once a day until the hub stops.
pub(super) async fn run(hub: Arc<Hub>, url: Url) {
    let (heads, mut stop) = (&hub.heads, hub.stop.clone());
    loop {
        tokio::select! {
            () = stop.requested() => return,
            done = look(heads, &url, edge::clock::utc()) => if let Err(e) = done {
                tracing::error!(cause = chain(&e), "timestamps cannot be kept track of");
            },
        }
        tokio::select! {
            () = stop.requested() => return,
            () = tokio::time::sleep(heads.pace.day / 24) => {}
        }
    }
}

/// Asks where it is time to; what fails is tried again a day later, and is an alarm when it has failed for three.
async fn look(heads: &Heads, url: &Url, now: UtcTime) -> Result<(), IndexError> {
    let day = u64::try_from(heads.pace.day.as_millis()).unwrap_or(u64::MAX);
    if heads.state().newest().is_none() {
        return Ok(());
    }
    let asked = heads.index.mark(Mark::Asked).await?;
    if asked.is_some_and(|asked| now.ms_since(asked) < day) {
        return Ok(());
    }
    let stamped = match heads.index.mark(Mark::Stamped).await? {
        Some(stamped) => stamped,
        None => {
            heads.index.set_mark(Mark::Stamped, now).await?;
            now
        }
    };
    // First, so that a hub that ends amid it does not ask at every start.
    heads.index.set_mark(Mark::Asked, now).await?;
    match stamp(heads, url).await {
        Ok(_) => {
            heads.index.set_mark(Mark::Stamped, now).await?;
            heads.heard(view::AUTHORITY, None);
        }
        Err(e) => {
            tracing::warn!(cause = chain(&e), "no timestamp today");
            heads.heard(view::AUTHORITY, Some(chain(&e)));
            if now.ms_since(stamped) >= DAYS_MAX.saturating_mul(day) {
                heads.raise("heads_not_stamped", format!("no timestamp since {stamped}")).await;
            }
        }
    }
    Ok(())
}

/// Has the newest head stamped. One that was stamped already stays so: there is nothing newer to say.
async fn stamp(heads: &Heads, url: &Url) -> Result<Option<Stamped>, Missed> {
    let (size, note) = {
        let state = heads.state();
        (state.size(), state.newest().map(ToString::to_string).unwrap_or_default())
    };
    let directory = heads.timestamps();
    private_directory(&directory)?;
    let kept = directory.join(format!("{size}.tsr"));
    if kept.exists() {
        return Ok(None);
    }
    let nonce = edge::random::bytes::<8>().map_err(Missed::Random)?;
    let request = StampRequest::new(note.as_bytes(), nonce);
    let said = ask(&heads.told.client, url, QUERY, request.der()).await.map_err(StampError::Unreachable)?;
    if said.status != 200 || said.content_type != REPLY {
        let what = format!("it answered with status {} and {:?}", said.status, said.content_type);
        return Err(StampError::Unreachable(what).into());
    }
    let stamped = request.check(&said.body)?;
    // The answer goes last: where it is there, so are its bytes.
    write_durably(&directory.join(format!("{size}.checkpoint")), note.as_bytes())?;
    write_durably(&kept, &said.body)?;
    tracing::info!(size, time = stamped.time, "the log of heads was stamped");
    Ok(Some(stamped))
}
