//! Why a question has no answer, by whose doing.

use contract::frame::FrameError;
use contract::ids::HostId;
use thiserror::Error;

/// Whatever sits there is not our executor. Going on would hand findings and orders to a stranger.
#[derive(Debug, Error)]
pub enum WrongExecutor {
    /// Another user listens on the socket.
    #[error(
        "the socket belongs to user {found}, not to the executor's user {expected}: nothing was said to it"
    )]
    Uid {
        /// The configured one.
        expected: u32,
        /// The one that listens.
        found: u32,
    },
    /// It acts for another host.
    #[error("the executor acts for host {found}; this agent was enrolled as {expected}")]
    Host {
        /// The pinned one.
        expected: HostId,
        /// The executor's.
        found: HostId,
    },
    /// It speaks another version.
    #[error("the executor {software} speaks protocol {found}; this agent speaks {expected}")]
    Protocol {
        /// Ours.
        expected: u32,
        /// Its.
        found: u32,
        /// Its version.
        software: String,
    },
}

/// Why a question has no answer.
#[derive(Debug, Error)]
pub enum Unanswered {
    /// The executor went away over it, again and again.
    #[error("the executor went away over the question, again and again")]
    Lost(#[source] LineError),
    /// The executor says that it cannot.
    #[error("the executor could not: {0}")]
    Sorry(String),
    /// It makes no record, now or later.
    #[error("the executor will not have it in the evidence: {0}")]
    NoRecord(String),
    /// The executor's log lacks entries: it does nothing until they were fetched back.
    #[error(
        "the executor's log lacks entries from {from} on, which have to be fetched back from the hub first"
    )]
    Restoring {
        /// The first that is wanted.
        from: u64,
    },
    /// The executor dropped the entries that were asked for: the hub had given its receipt for them.
    #[error(
        "the executor's first entry is {first}: those before it were dropped, since the hub had given its receipt for them"
    )]
    Pruned {
        /// The first that is still there.
        first: u64,
    },
    /// The executor was away for longer than the question could wait.
    #[error("the executor is away")]
    Late,
    /// The executor answered another question.
    #[error("the executor's answer does not fit the question")]
    Unfitting,
    /// The agent is stopping.
    #[error("the agent is stopping")]
    Stopping,
}

/// Why one connection did not carry a question and its answer.
#[derive(Debug, Error)]
pub enum LineError {
    /// The frame.
    #[error("the frame to or from the executor")]
    Frame(#[from] FrameError),
    /// The socket.
    #[error("the executor's socket cannot be reached")]
    Connect(#[source] std::io::Error),
    /// Too slow.
    #[error("the executor did not answer in time")]
    TimedOut,
    /// Not a welcome.
    #[error("the executor did not answer the greeting: {0}")]
    NoWelcome(String),
    /// Not ours: never tried again.
    #[error(transparent)]
    Wrong(#[from] WrongExecutor),
}
