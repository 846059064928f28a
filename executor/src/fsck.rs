//! `suture-executor fsck`: reads the whole log and says in plain words whether it is what was signed, and what to do where it is not.
//!
//! It takes the log's lock, so it refuses while the executor runs: what grows under a reader looks torn.

use std::io::{IsTerminal as _, Write as _};

use evidence::{Fsck, OpenError};
use serde::Serialize;
use tlog::VerifierKey;

use crate::config::Config;
use crate::receipt::Receipts;

/// What was found, for machines. One JSON object.
#[derive(Debug, Serialize)]
pub struct Found {
    /// True where every entry is as it was signed.
    whole: bool,
    /// Entries that the newest head covers.
    size: u64,
    /// The first that is on this machine; those before it were pruned.
    first: u64,
    /// Entries that were read and checked.
    read: u64,
    /// Bytes above the newest head, which the next start cuts off.
    torn_bytes: u64,
    /// The size that the hub's receipt covers, where there is one that verifies.
    receipted: Option<u64>,
    /// The first fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<Fault>,
}

/// The first thing that is not as it was signed.
#[derive(Debug, Serialize)]
struct Fault {
    /// The entry, where it is one.
    index: Option<u64>,
    /// What is wrong.
    what: String,
    /// What to do.
    advice: &'static str,
}

impl Found {
    /// True where every entry is as it was signed, and as many as the hub has a receipt for.
    pub const fn is_whole(&self) -> bool {
        self.whole
    }

    /// In plain words.
    pub fn words(&self) -> String {
        let Self { whole: _, size, first, read, torn_bytes, receipted, fault } = self;
        let mut lines = vec![match fault {
            None => format!("whole: {read} of {size} entries read, each as it was signed"),
            Some(Fault { index: Some(index), what, .. }) => format!("NOT WHOLE: entry {index}: {what}"),
            Some(Fault { index: None, what, .. }) => format!("NOT WHOLE: {what}"),
        }];
        if *first > 0 {
            lines.push(format!("entries 0 to {} were pruned here; the hub holds them", first - 1));
        }
        if *torn_bytes > 0 {
            lines.push(format!(
                "{torn_bytes} bytes of an unfinished write follow; the next start cuts them off"
            ));
        }
        lines.push(receipted.map_or_else(
            || "no receipt of the hub is kept here".to_owned(),
            |size| format!("the hub's receipt covers {size} entries"),
        ));
        lines.extend(fault.iter().map(|f| f.advice.to_owned()));
        lines.join("\n")
    }
}

/// Reads the log of `config`, whose own keys are `keys`, the one in force first.
pub fn check(config: &Config, receipts: &Receipts) -> Result<Found, OpenError> {
    let keys: Vec<VerifierKey> = receipts.log.iter().rev().cloned().collect();
    let mut progress = Progress::new();
    let found = evidence::fsck(&config.evidence(), &keys, |done, of| progress.tell(done, of))?;
    progress.end();
    let receipt = receipts.kept();
    let Fsck { size, first, torn_bytes, read, fault, by_a_given_key, head: _ } = found;
    let fault = fault.or_else(|| match &receipt {
        Ok(Some(receipt)) if receipt.size.get() > size => {
            Some(OpenError::Shortened { size, receipt: receipt.size.get() })
        }
        Ok(_) | Err(_) => None,
    });
    let receipted = receipt.ok().flatten().map(|r| r.size.get());
    let fault =
        fault.map(|e| Fault { index: index(&e), what: chain(&e), advice: advice(&e) }).or_else(|| {
            let what = "the newest head is signed by none of this machine's keys".to_owned();
            (size > 0 && !by_a_given_key).then_some(Fault { index: None, what, advice: DAMAGED })
        });
    Ok(Found { whole: fault.is_none(), size, first, read, torn_bytes, receipted, fault })
}

/// What to do about a log that is not what was signed.
const DAMAGED: &str = "do not delete anything. Compare with the hub's copy (`suture kit`); put this directory back from a copy of the disk, or have \
    the hub's operator enrol the machine anew and open a successor log: `suture-executor init --succeeds <this directory> --reason log_damaged`";

/// The entry that a fault is about.
const fn index(e: &OpenError) -> Option<u64> {
    match e {
        OpenError::EntryDiffers { index }
        | OpenError::EntryMissing { index, .. }
        | OpenError::Record { index, .. }
        | OpenError::Misplaced { index, .. }
        | OpenError::Pruned { index } => Some(*index),
        OpenError::TailAltered { from, .. } => Some(*from),
        OpenError::Shortened { size, .. } => Some(*size),
        _ => None,
    }
}

const fn advice(e: &OpenError) -> &'static str {
    match e {
        OpenError::Shortened { .. } => {
            "start the executor while the agent can reach the hub: it fetches the missing entries back before it does anything else"
        }
        _ => DAMAGED,
    }
}

fn chain(e: &dyn std::error::Error) -> String {
    let mut words = e.to_string();
    let mut source = e.source();
    while let Some(cause) = source {
        words = format!("{words}: {cause}");
        source = cause.source();
    }
    words
}

/// On a terminal, how far it is: a line that is written over. Elsewhere nothing.
struct Progress {
    shown: bool,
    last: u64,
}

impl Progress {
    fn new() -> Self {
        Self { shown: std::io::stderr().is_terminal(), last: u64::MAX }
    }

    fn tell(&mut self, done: u64, of: u64) {
        let percent = (done * 100).checked_div(of).unwrap_or(100);
        if self.shown && percent != self.last {
            self.last = percent;
            let _ = write!(std::io::stderr(), "\r{percent:3} % of {of} entries");
        }
    }

    fn end(&self) {
        if self.shown && self.last != u64::MAX {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}
