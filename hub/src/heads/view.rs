//! What the operator sees of the log of heads.

use std::sync::PoisonError;

use contract::time::UtcTime;
use serde::Serialize;
use utoipa::ToSchema;

use super::index::{HeadsAlarm, IndexError, Mark};
use super::{Heads, HeadsFault};

/// The name of the authority among those who were heard: no witness's, since those hold no space.
pub(super) const AUTHORITY: &str = "the authority";

/// What an outsider said last.
#[derive(Debug, Clone)]
pub(super) struct Said {
    at: UtcTime,
    trouble: Option<String>,
}

/// The log of heads, in `GET /api/v1/status`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HeadsView {
    /// The log's verifier key, for witnesses and auditors; its name is the log's origin.
    key: String,
    /// Entries.
    size: u64,
    /// Whether it takes up anything: after an error of the disk it does not, until the hub is started again.
    stopped: bool,
    /// The newest size that enough outsiders cosigned; none where that was never so, or where the hub was told of no outsiders.
    witnessed: Option<u64>,
    /// Whether that is the newest; none where the hub was told of no outsiders.
    quorum_met: Option<bool>,
    witnesses: Vec<WitnessView>,
    timestamps: Option<TimestampsView>,
    alarms: Vec<HeadsAlarm>,
}

impl HeadsView {
    /// What is wrong with the log of heads, or was in the last `within_ms`: one line for each kind.
    pub(crate) fn faults(&self, now: UtcTime, within_ms: u64) -> impl Iterator<Item = (&str, String)> {
        let stopped = self.stopped.then(|| ("heads_stopped", "the log of heads takes up nothing".to_owned()));
        let recent = self.alarms.iter().filter_map(move |alarm| alarm.recent(now, within_ms));
        stopped.into_iter().chain(recent)
    }

    /// How many entries the log has, and whether enough outsiders cosigned the newest.
    pub(crate) const fn standing(&self) -> (u64, Option<bool>) {
        (self.size, self.quorum_met)
    }
}

/// One outside witness.
#[derive(Debug, Serialize, ToSchema)]
struct WitnessView {
    name: String,
    url: String,
    /// The size that it cosigned last, as far as the hub knows.
    cosigned: u64,
    /// When it was last heard of, or tried.
    at: Option<UtcTime>,
    /// Why it did not cosign then.
    trouble: Option<String>,
}

/// The timestamps.
#[derive(Debug, Serialize, ToSchema)]
struct TimestampsView {
    url: String,
    /// When the last one was had; when the first was wanted, where there is none.
    since: Option<UtcTime>,
    /// Why there was none the last time.
    trouble: Option<String>,
}

impl Heads {
    /// Remembers what an outsider said, for the status alone.
    pub(super) fn heard(&self, name: &str, trouble: Option<String>) {
        let said = Said { at: edge::clock::utc(), trouble };
        self.said.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), said);
    }

    fn said(&self, name: &str) -> Option<Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// How the log stands.
    pub(crate) async fn view(&self) -> Result<HeadsView, HeadsFault> {
        let (size, stopped, witnessed, met) = {
            let state = self.state();
            (state.size(), state.is_stopped(), state.witnessed(), state.is_met())
        };
        let mut outsiders = Vec::new();
        for outsider in &self.told.outsiders {
            let cosigned = self.index.known(outsider.key.to_string()).await?;
            let said = self.said(&outsider.name);
            outsiders.push(WitnessView {
                name: outsider.name.clone(),
                url: outsider.url.to_string(),
                cosigned,
                at: said.as_ref().map(|said| said.at),
                trouble: said.and_then(|said| said.trouble),
            });
        }
        Ok(HeadsView {
            key: self.keys.heads.verifier().to_string(),
            size,
            stopped,
            witnessed: witnessed.map(tlog::TreeSize::get),
            quorum_met: self.told.policy.as_ref().map(|_| met || size == 0),
            witnesses: outsiders,
            timestamps: self.timestamps_view().await?,
            alarms: self.index.alarms().await?,
        })
    }

    async fn timestamps_view(&self) -> Result<Option<TimestampsView>, IndexError> {
        let Some(url) = &self.told.timestamps else { return Ok(None) };
        let since = self.index.mark(Mark::Stamped).await?;
        let trouble = self.said(AUTHORITY).and_then(|said| said.trouble);
        Ok(Some(TimestampsView { url: url.to_string(), since, trouble }))
    }
}
