//! Why a server did not do what was asked.

use contract::ids::TenantId;
use edge::file::FileError;
use thiserror::Error;

/// Why NATS cannot be used, or did not do it.
#[derive(Debug, Error)]
pub enum NatsError {
    /// A file that settings or credentials name.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is nothing by which to be let into this tenant's account. The operator must provision it.
    #[error("tenant {0} has no credentials here: run suture-hub queue provision for it")]
    NoCredentials(TenantId),
    /// A file of credentials that is none.
    #[error("the credentials of {0} are no NATS credentials: run suture-hub queue provision again")]
    BadCredentials(String),
    /// A key that is none. Its text is not shown.
    #[error("a key for {0} is no nkey seed of the right kind")]
    BadKey(&'static str),
    /// No server let us in.
    #[error("no server lets {who} in")]
    Connect {
        /// The tenant, or `provisioning`.
        who: String,
        /// Why.
        #[source]
        source: async_nats::ConnectError,
    },
    /// A server that is known to keep tenants apart badly, or to be otherwise unsafe. The operator must upgrade it.
    #[error(
        "the server has version {0}, which has known holes between accounts: upgrade it to 2.11.16, 2.12.7, 2.14.0 or later"
    )]
    TooOld(String),
    /// No answer came in time, or none could come.
    #[error("no answer to {what}")]
    NoAnswer {
        /// What was asked.
        what: &'static str,
        /// Why.
        #[source]
        source: async_nats::client::RequestError,
    },
    /// Something could not even be asked.
    #[error("{what} could not be asked for")]
    NotAsked {
        /// What.
        what: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The server said no.
    #[error("{what} was refused: {description} (error {code})")]
    Refused {
        /// What was asked.
        what: &'static str,
        /// The server's own number for it; 0 where it gave none.
        code: u64,
        /// The server's words.
        description: String,
    },
    /// An answer that makes no sense.
    #[error("the answer to {what} makes no sense")]
    Nonsense {
        /// What was asked.
        what: &'static str,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// Not one tenant's account could be reached.
    #[error("none of {0} tenants' accounts can be reached")]
    Nobody(usize, #[source] Box<NatsError>),
}

impl NatsError {
    /// The server's own number of a refusal.
    pub(super) const fn refusal(&self) -> Option<u64> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            Self::File(_)
            | Self::NoCredentials(_)
            | Self::BadCredentials(_)
            | Self::BadKey(_)
            | Self::Connect { .. }
            | Self::TooOld(_)
            | Self::NoAnswer { .. }
            | Self::NotAsked { .. }
            | Self::Nonsense { .. }
            | Self::Nobody(..) => None,
        }
    }
}
