//! How much a queue holds, and for how long.

use std::time::Duration;

/// The bounds of a queue. Every one has a default that a hub of ten thousand machines was measured with.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Messages that one tenant may have waiting, in hand or dead.
    pub pending_max: usize,
    /// Acknowledged messages of one tenant that are kept: so a late repetition is not worked on again, and they can be replayed.
    pub remembered_max: u32,
    /// Bytes in one message.
    pub body_bytes_max: usize,
    /// How long a message stays with who fetched it, unless it is extended.
    pub lease: Duration,
    /// How often a message is handed out, not counting what was released, before it is given up by itself.
    pub deliveries_max: u32,
    /// How often a message may be released without that counting. A store that fails for hours must not kill what waits for it, and yet nothing
    /// may go round for ever.
    pub releases_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            pending_max: 10_000,
            remembered_max: 10_000,
            body_bytes_max: 64 * 1024,
            lease: Duration::from_secs(30),
            deliveries_max: 5,
            releases_max: 1_000,
        }
    }
}
