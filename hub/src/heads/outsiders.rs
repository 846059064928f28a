//! Asking the outside witnesses (<https://c2sp.org/tlog-witness>): each by itself, so that none waits for another.

use std::sync::Arc;
use std::time::Duration;

use tlog::note::NoteSignature;
use tlog::tree::TreeSize;
use tlog::witness::AddCheckpoint;
use tlog::{SignedNote, VerifierKey, cosignature};

use super::ask::{Said, ask};
use super::told::Outsider;
use super::{Heads, HeadsFault};
use crate::hub::Hub;
use crate::problem::chain;

/// How often one head is offered before the witness is left alone for a while: with the size that is believed, and with the size that it said.
const OFFERS_MAX: usize = 3;

/// Why a witness did not cosign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trouble {
    /// The alarm's word, where what happened must never happen.
    pub(super) alarm: Option<&'static str>,
    /// For people.
    pub(super) text: String,
}

/// What follows from an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// It cosigned: its own line.
    Take(NoteSignature),
    /// It says that it cosigned another size last.
    From(TreeSize),
    /// It will not.
    Stop(Trouble),
}

/// Brings every new head to one witness until the hub stops.
pub(super) async fn run(hub: Arc<Hub>, outsider: Outsider) {
    let (heads, mut stop) = (&hub.heads, hub.stop.clone());
    let mut newest = heads.newest.subscribe();
    let mut pause = heads.pace.retry;
    loop {
        let size = TreeSize::new(*newest.borrow_and_update());
        let offered = tokio::select! {
            () = stop.requested() => return,
            offered = offer(heads, &outsider, size) => offered,
        };
        let failed = match offered {
            Ok(trouble) => trouble,
            Err(e) => Some(Trouble { alarm: None, text: chain(&e) }),
        };
        if let Some(Trouble { alarm: Some(kind), text }) = &failed {
            heads.raise(kind, format!("witness {}: {text}", outsider.name)).await;
        }
        heads.heard(&outsider.name, failed.as_ref().map(|trouble| trouble.text.clone()));
        if failed.is_none() {
            pause = heads.pace.retry;
            tokio::select! {
                () = stop.requested() => return,
                _ = newest.changed() => {}
            }
        } else {
            tracing::warn!(witness = outsider.name, ?failed, "an outside witness did not cosign");
            tokio::select! {
                () = stop.requested() => return,
                () = tokio::time::sleep(pause) => {}
            }
            pause = longer(pause, heads.pace.day);
        }
    }
}

fn longer(pause: Duration, day: Duration) -> Duration {
    (pause * 2).min(day / 24)
}

/// Offers the head of `size` until the witness has cosigned it, or says why it will not.
async fn offer(heads: &Heads, outsider: &Outsider, size: TreeSize) -> Result<Option<Trouble>, HeadsFault> {
    let Some(note) = heads.state().head(size).cloned() else { return Ok(None) };
    if cosignature::verify(&note, &outsider.key).is_ok() {
        return Ok(None);
    }
    let key = outsider.key.to_string();
    let mut old = TreeSize::new(heads.index.known(key.clone()).await?);
    for _ in 0..OFFERS_MAX {
        // A witness that knows more than there is: asked from nothing, it says so itself.
        old = if old > size { TreeSize::EMPTY } else { old };
        let proof = heads.with_state(move |state| state.log().consistency(old, size)).await?;
        let request = AddCheckpoint { old, proof, checkpoint: note.clone() };
        let said =
            ask(&heads.told.client, &outsider.url, "text/plain", request.to_string().into_bytes()).await;
        let said = match said {
            Ok(said) => said,
            Err(text) => return Ok(Some(Trouble { alarm: None, text })),
        };
        match next(&said, old, size, &note, &outsider.key) {
            Next::Take(line) => {
                heads.with_state(move |state| state.take(size, line)).await?;
                heads.index.set_known(key, size.get()).await?;
                return Ok(None);
            }
            Next::From(told) => {
                heads.index.set_known(key.clone(), told.get()).await?;
                old = told;
            }
            Next::Stop(trouble) => return Ok(Some(trouble)),
        }
    }
    let text = "it names another size each time it is asked".to_owned();
    Ok(Some(Trouble { alarm: None, text }))
}

/// What an answer to the head of `size`, offered from `old`, means. Pure.
pub(super) fn next(said: &Said, old: TreeSize, size: TreeSize, note: &SignedNote, key: &VerifierKey) -> Next {
    let stop = |alarm, text: String| Next::Stop(Trouble { alarm, text });
    match said.status {
        200 => match own_line(&said.body, note, key) {
            Some(line) => Next::Take(line),
            None => stop(None, "it answered without a cosignature by its key".to_owned()),
        },
        409 => match told_size(said) {
            None => stop(None, "it answered 409 without the size that it knows".to_owned()),
            Some(told) if told > size => {
                let text =
                    format!("it cosigned {told} entries, and the log has {size}: the log was cut short");
                stop(Some("heads_rolled_back"), text)
            }
            Some(told) if told == old && old == size => {
                let text = format!("it cosigned another root for {size} entries: the log was rewritten");
                stop(Some("heads_forked"), text)
            }
            Some(told) if told == old => stop(None, format!("it was asked from {told} and says {told}")),
            Some(told) => Next::From(told),
        },
        422 => {
            let text = format!(
                "it cosigned {old} entries, and they are not the first {old} of the {size} that there are: the log was rewritten"
            );
            stop(Some("heads_forked"), text)
        }
        403 => stop(None, "it trusts another key for this log: give it this log's key".to_owned()),
        404 => stop(None, "it does not know this log, or the URL is not its submission prefix".to_owned()),
        status => stop(None, format!("it answered with status {status}")),
    }
}

/// The size in a 409: `text/x.tlog.size`, one decimal number and a newline.
fn told_size(said: &Said) -> Option<TreeSize> {
    let text = str::from_utf8(&said.body).ok().filter(|_| said.content_type == "text/x.tlog.size")?;
    let digits = text.strip_suffix('\n')?;
    let number = digits.parse().ok().map(TreeSize::new)?;
    // Written again it must be the same: no sign, no leading zeros.
    (number.to_string() == digits).then_some(number)
}

/// The line of the answer that is this witness's cosignature on this very head. Others are ignored.
fn own_line(body: &[u8], note: &SignedNote, key: &VerifierKey) -> Option<NoteSignature> {
    let lines = str::from_utf8(body).ok()?.strip_suffix('\n')?;
    lines.split('\n').filter_map(|line| NoteSignature::parse(line).ok()).find(|line| {
        let mut cosigned = note.clone();
        line.label() == key.label()
            && cosigned.add(line.clone()).is_ok()
            && cosignature::verify(&cosigned, key).is_ok()
    })
}
