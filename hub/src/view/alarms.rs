//! A machine's alarms, as they are shown.

use contract::time::UtcTime;
use serde::Serialize;
use utoipa::ToSchema;

use crate::store::{AlarmAbout, AlarmRaised};

/// One alarm of a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct AlarmView {
    /// What it is about.
    pub(crate) about: AlarmAbout,
    /// Its own word.
    pub(crate) kind: String,
    /// What exactly: sizes and hashes, never a record's content.
    pub(crate) detail: String,
    /// Whether somebody has to look; it is a note otherwise, or over.
    pub(crate) stands: bool,
    pub(crate) first: UtcTime,
    pub(crate) last: UtcTime,
    pub(crate) times: u64,
}

impl AlarmView {
    pub(crate) fn of(raised: AlarmRaised, now: UtcTime) -> Self {
        let AlarmRaised { host: _, site: _, kind, detail, first, last, times } = raised;
        let about = AlarmAbout::of(&kind);
        Self { about, stands: about.stands(&kind, last, now), kind, detail, first, last, times }
    }
}
