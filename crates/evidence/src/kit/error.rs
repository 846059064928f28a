//! What keeps a kit from being made.

use contract::ids::HostId;
use tlog::note::{KeyError, NoteError};
use tlog::tile::Tile;

use super::source::SourceError;
use super::zip::ZipError;

/// Why a kit cannot be sealed. Whoever calls has not kept to what a kit may hold; nothing here depends on a machine.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// There is no log to export.
    #[error("a kit holds at least one log")]
    NoLogs,
    /// One host's log was given twice.
    #[error("host {host} was given twice")]
    Twice {
        /// Which.
        host: HostId,
    },
    /// A head is not a signed checkpoint.
    #[error("the head of host {host}: {why}")]
    Head {
        /// Whose.
        host: HostId,
        /// What it is instead.
        why: String,
    },
    /// The bounds are not those of bundles of this log.
    #[error("host {host}: entries {first} to {end} of {size} do not begin and end with a bundle")]
    Range {
        /// Whose.
        host: HostId,
        /// The first entry.
        first: u64,
        /// The one after the last.
        end: u64,
        /// The log's size.
        size: u64,
    },
    /// A document has a name that is not a document's.
    #[error("{name:?} cannot be the name of a document in a kit")]
    Document {
        /// Its name.
        name: String,
    },
    /// The cover is larger than a reader accepts.
    #[error(
        "the kit's cover would have {bytes} bytes, and a reader takes no more than 4 MiB: ask for fewer hosts or a shorter period"
    )]
    Cover {
        /// Its length.
        bytes: usize,
    },
    /// The cover cannot be written as JSON, or is not the JSON that was written.
    #[error("the kit's cover is not what this program writes")]
    Json(#[from] serde_json::Error),
    /// The cover was made for other logs or documents.
    #[error("the kit's cover names other logs or documents than those at hand")]
    OtherCover,
    /// The key is not one for kits.
    #[error("the kit key cannot sign notes")]
    Key(#[from] KeyError),
    /// The note over the cover cannot be made.
    #[error("the note over the kit's cover")]
    Note(#[from] NoteError),
}

/// Why a sealed kit cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The container does not take it.
    #[error(transparent)]
    Zip(#[from] ZipError),
    /// A tile cannot be had.
    #[error("{tile} of host {host}'s log cannot be read")]
    Source {
        /// Whose.
        host: HostId,
        /// Which.
        tile: Tile,
        /// Why.
        #[source]
        source: SourceError,
    },
    /// A tile is not as wide as it must be, or a bundle does not hold what its hash tile says.
    #[error("{tile} of host {host}'s log does not fit the rest of the log: the copy is damaged; restore it")]
    Damaged {
        /// Whose.
        host: HostId,
        /// Which.
        tile: Tile,
    },
}
