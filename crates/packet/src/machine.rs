//! What the month of one machine came to.

use std::collections::{BTreeMap, BTreeSet};

use contract::digest::Digest;
use contract::finding::Verdict;
use contract::grant::Reason;
use contract::ids::{ControlId, GrantId, HostId, OperatorId, SiteId, TenantId};
use contract::paper::PaperKind;
use contract::record::{PaperState, Signalled};
use contract::score::{Held, Score};
use contract::time::UtcTime;
use serde::{Deserialize, Serialize};

use crate::clocks::Clocks;
use crate::episodes::Episode;
use crate::gaps::{Broken, Silence};
use crate::month::Span;
use crate::runs::{Run, TurnedAway};
use crate::witnessed::Witnessed;

/// A record: its index in the log of its machine, and the time in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct At {
    /// Its index.
    pub seq: u64,
    /// When it was written, by the machine's clock.
    pub time: UtcTime,
}

/// Whose log it is: what its first record has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whose {
    /// The tenant.
    pub tenant: TenantId,
    /// The site.
    pub site: SiteId,
    /// The machine.
    pub host: HostId,
}

/// What one machine's log says of a month. There is no way to have one but [`crate::Walk::end`].
#[derive(Debug)]
#[non_exhaustive]
pub struct Machine {
    /// Whose log it is.
    pub whose: Whose,
    /// The month.
    pub span: Span,
    /// How many entries the log had.
    pub size: u64,
    /// How many of them are of the month, and the first and the last of those.
    pub records: u64,
    /// The first and the last record of the month, as they stand in the log; none where the month has none.
    pub bounds: Option<(At, At)>,
    /// How often a record bears an earlier time than the one before it, in the month.
    pub steps_back: u64,
    /// Records of kinds that this release does not know.
    pub unread: u64,
    /// The last word of each control before the month was over.
    pub held: BTreeMap<ControlId, Held>,
    /// The score at each of the instants that were asked for, over the controls that were asked for; none where the log had no record yet.
    pub scores: Vec<Option<Score>>,
    /// How many entries of the log had been written at each of those instants.
    pub sizes: Vec<u64>,
    /// What each control came to in each week of the month, weeks from its first day on.
    pub weeks: BTreeMap<ControlId, BTreeMap<u8, Week>>,
    /// The log's first record, where it is of the month or later: before, there was no machine to look at.
    pub since: Option<At>,
    /// The baselines that records of the month were made under.
    pub baselines: BTreeSet<Digest>,
    /// Controls that failed, from the first failure to the end of it, as far as any of it lies in the month.
    pub episodes: Vec<Episode>,
    /// Repairs that were begun, or ended, in the month.
    pub runs: Vec<Run>,
    /// Orders that were not carried out.
    pub turned_away: Vec<TurnedAway>,
    /// What was not observed or not kept, by the log's own word.
    pub broken: Vec<Broken>,
    /// Stretches without any record.
    pub silences: Vec<Silence>,
    /// What detectors told in the month, each incident once.
    pub signals: Vec<SignalSeen>,
    /// Whether any record of the log, of whatever time, is about signals: whoever wrote it knows how to tell of them.
    pub tells_signals: bool,
    /// How long its records waited for a witness.
    pub witnessed: Witnessed,
    /// How far the clock could be trusted.
    pub clocks: Clocks,
    /// Break-glass in the month.
    pub glass: Vec<Glass>,
    /// The papers that came in the month, and the last of each kind before it.
    pub papers: Vec<PaperSeen>,
}

/// The looks of one week at one control.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Week {
    /// Looks that found it in order.
    pub passed: u32,
    /// Looks that found it out of order.
    pub failed: u32,
    /// Looks that found it out of order, and accepted.
    pub excepted: u32,
    /// Looks at which nothing was seen.
    pub unseen: u32,
    /// The first and the last of them.
    pub bounds: Option<(At, At)>,
}

impl Week {
    pub(crate) fn look(&mut self, verdict: &Verdict, at: At) {
        match verdict {
            Verdict::Pass(_) => self.passed += 1,
            Verdict::Fail(_) => self.failed += 1,
            Verdict::Excepted(_) => self.excepted += 1,
            Verdict::NotAssessed(_) => self.unseen += 1,
        }
        self.bounds = Some((self.bounds.map_or(at, |(first, _)| first), at));
    }

    /// All looks.
    pub const fn looks(&self) -> u32 {
        self.passed + self.failed + self.excepted + self.unseen
    }
}

/// A detector fired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignalSeen {
    /// What it told.
    pub signal: Signalled,
    /// The first record that tells it.
    pub at: At,
}

/// A break-glass grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glass {
    /// Which.
    pub grant: GrantId,
    /// Who asked for it.
    pub person: OperatorId,
    /// Why.
    pub reason: Reason,
    /// When it took hold.
    pub began: At,
    /// When it ended, and how many repairs had made use of it; none where no record says so yet.
    pub ended: Option<(At, u32)>,
}

/// A paper that the hub signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaperSeen {
    /// What it is.
    pub kind: PaperKind,
    /// What became of it.
    pub state: PaperState,
    /// The digest of its text; none where what was before is taken back.
    pub text: Option<Digest>,
    /// When it came.
    pub at: At,
}
