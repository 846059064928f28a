//! Reasons for `fork`.

use tlog::note::KeyLabel;

/// Somebody outside the log who saw a state of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Outsider {
    /// Whoever kept the earlier head.
    #[error("the earlier head")]
    Head,
    /// A witness.
    #[error("the witness {0}")]
    Witness(KeyLabel),
    /// The hub's log of heads.
    #[error("the log of heads {0}")]
    LogOfHeads(KeyLabel),
}

/// Two heads that cannot both be of one log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{who} has another root for the first {size} records: there are two histories of this log")]
pub struct Contradiction {
    /// Who saw the other history.
    pub who: Outsider,
    /// The size at which they disagree.
    pub size: u64,
    /// Whether the log's own key signed both: then it is proof for third parties.
    pub signed_by_key: bool,
}

impl Contradiction {
    /// Its stable code.
    pub const fn code(&self) -> &'static str {
        if self.signed_by_key { "two_heads_signed" } else { "outside_head_differs" }
    }
}
