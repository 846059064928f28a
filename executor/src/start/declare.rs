//! What a start has to say in the log before anything else is written there.

use contract::record::{Body, Gap, GapReason, Lost, Opened, Restored, RootHash};
use contract::time::UtcTime;
use tlog::VerifiedCheckpoint;

use super::{Ground, StartError};
use crate::config::Config;
use crate::recorder::Recorder;

/// So long without a record is a gap: the agent has the whole baseline written down far more often.
const QUIET_MAX_MS: u64 = 2 * 60 * 60 * 1000;

impl Ground {
    /// What the log itself has to say at once: its beginning, or what was fetched back.
    pub(super) fn to_declare(&self, recorder: &Recorder, now: UtcTime) -> Result<Vec<Body>, StartError> {
        if recorder.last().is_none() {
            return self.beginning(now);
        }
        let mut bodies = Vec::new();
        if let Some(head) = recorder.head().map(VerifiedCheckpoint::checkpoint)
            && let Some(from) = self.restoring().from()?.filter(|from| *from < head.size.get())
        {
            let root = RootHash(*head.root.as_bytes());
            bodies.push(Body::Restored(Restored { from, size: head.size.get(), root }));
        }
        Ok(bodies)
    }

    /// How long nobody wrote, where that was long.
    pub(super) fn silence(recorder: &Recorder, until: UtcTime) -> Option<Body> {
        let from = recorder.last()?;
        let gap = Gap { reason: GapReason::NotRunning, from, until, lost: Lost::Unknown };
        (until.ms_since(from) > QUIET_MAX_MS).then_some(Body::Gap(gap))
    }

    fn beginning(&self, now: UtcTime) -> Result<Vec<Body>, StartError> {
        let Config { tenant, site, host, .. } = self.config.clone();
        let software = env!("CARGO_PKG_VERSION").to_owned();
        let key = self.receipts.log.first().map(ToString::to_string).unwrap_or_default();
        let succession = crate::succession::read(&self.config.directory)?;
        let succeeds = succession.as_ref().map(|s| s.succeeds.clone());
        let mut bodies = vec![Body::Opened(Opened { tenant, site, host, key, software, succeeds })];
        if let Some(from) = succession.map(|s| s.known_until) {
            let until = now.max(from);
            bodies.push(Body::Gap(Gap { reason: GapReason::LogLost, from, until, lost: Lost::Unknown }));
        }
        Ok(bodies)
    }
}
