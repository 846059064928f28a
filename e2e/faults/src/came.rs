//! What came of a fault: what the page and the labelled incidents are made of.

use std::collections::BTreeMap;

use contract::digest::Digest;
use contract::incident::What;
use contract::time::UtcTime;
use serde::{Deserialize, Serialize};

use crate::catalogue::{Ends, Fault};
use crate::peers::Peer;
use crate::runs::Stage;

/// What came of a fault.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Came {
    /// Which.
    pub id: String,
    /// The digest of what was done and how it was judged: [`Fault::digest`].
    #[serde(default)]
    pub fault: Option<Digest>,
    /// When it was done.
    pub at: UtcTime,
    /// What had to come of it.
    pub wanted: Ends,
    /// The incident that was first, as the machine told of it.
    pub what: Option<What>,
    /// What came of it, in a word.
    pub ended: String,
    /// From the injection until an incident was kept, in milliseconds of the machine's monotonic clock.
    pub detected_ms: Option<u64>,
    /// From the injection until the right repair, or the last of them, first found it whole again, likewise: what other programs are timed by. The hold-down
    /// comes after it.
    #[serde(default)]
    pub whole_ms: Option<u64>,
    /// From the injection until it was verified, recorded and durable, likewise.
    pub ended_ms: Option<u64>,
    /// What was said on the way, and when: where the time went.
    pub course: Vec<(u64, String)>,
    /// The same repair by a bare script in the same machine.
    pub bare_ms: Option<u64>,
    /// Other programs in the same machine, from the injection until it was whole again; none where it was not.
    pub beside: BTreeMap<Peer, Option<u64>>,
    /// Runbooks that acted and were none of the right ones; and what was touched that had to be left alone.
    pub wrong: Vec<String>,
    /// Said to be healed, and the proof says otherwise.
    pub unverified: bool,
    /// How far the repair had come when the power was cut, by the machine's evidence.
    #[serde(default)]
    pub was_cut_in: Option<Stage>,
    /// Runs that were undone.
    pub rollbacks: usize,
    /// What an outsider's verifier says of the evidence.
    pub evidence: String,
    /// Why it is not as it had to be.
    pub failed: Option<String>,
}

impl Came {
    /// It could not be done: an error of the lab's own.
    pub fn not_run(fault: &Fault, why: String) -> Self {
        Self {
            id: fault.id.clone(),
            fault: fault.digest().ok(),
            at: edge::clock::utc(),
            wanted: fault.ends,
            what: None,
            ended: "not run".to_owned(),
            detected_ms: None,
            whole_ms: None,
            ended_ms: None,
            course: Vec::new(),
            bare_ms: None,
            beside: BTreeMap::new(),
            wrong: Vec::new(),
            unverified: false,
            was_cut_in: None,
            rollbacks: 0,
            evidence: "not looked at".to_owned(),
            failed: Some(why),
        }
    }

    /// From permitted to acted: the steps alone, in milliseconds.
    pub fn acting_ms(&self) -> Option<u64> {
        let at = |word: &str| self.course.iter().find(|(_, said)| said == word).map(|(ms, _)| *ms);
        at("acted")?.checked_sub(at("permitted")?)
    }

    /// Whether all of it is as it had to be.
    pub fn is_good(&self) -> bool {
        self.failed.is_none() && self.wrong.is_empty()
    }
}
