//! Where the bytes of a log come from: a directory, or its folder in a kit.

use std::io::ErrorKind;

/// The name of the checkpoint in every source.
pub(crate) const CHECKPOINT: &str = "checkpoint";
/// The name of the proof that the hub's log of heads holds a head of this log.
pub(crate) const HEADS_PROOF: &str = "head.tlog-proof";

/// The published files of one log, by the names that `tlog-tiles` gives them. Read only.
pub trait Source: Sync {
    /// The exact bytes of the file `name`, of which there may be at most `bytes_max`.
    fn read(&self, name: &str, bytes_max: usize) -> Result<Vec<u8>, ReadError>;

    /// The same, in a buffer that is used again for the next file. What was in it is gone, whatever happens.
    fn read_into(&self, name: &str, bytes_max: usize, buffer: &mut Vec<u8>) -> Result<(), ReadError> {
        buffer.clear();
        *buffer = self.read(name, bytes_max)?;
        Ok(())
    }

    /// Hands over the name of every file under `tile/`, in no particular order.
    fn visit_tiles(&self, visit: &mut dyn FnMut(&str)) -> Result<(), ReadError>;
}

/// Why a file of a log could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// There is no such file.
    #[error("it is not there")]
    Missing,
    /// A directory, a link, a pipe: the bytes of evidence lie in plain files.
    #[error("it is not a plain file")]
    NotAFile,
    /// Longer than any file of this name can be.
    #[error("it is longer than {bytes_max} bytes")]
    TooLong {
        /// The most it may have.
        bytes_max: usize,
    },
    /// The system refused.
    #[error("the system says: {0}")]
    System(ErrorKind),
}
