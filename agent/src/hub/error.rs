//! Why the hub did not do what it was asked, and what to do about it.

use std::time::Duration;

use contract::heartbeat::Trouble;
use reqwest::StatusCode;
use thiserror::Error;

/// Why the hub did not do what it was asked.
#[derive(Debug, Error)]
pub enum HubError {
    /// TLS or HTTP could not be set up: ours to mend.
    #[error("the HTTP client cannot be set up")]
    Setup(#[source] reqwest::Error),
    /// Nobody answered, or the connection failed.
    #[error("{what}: the hub cannot be reached")]
    Unreachable {
        /// What was asked.
        what: &'static str,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// The hub answered, and did not do it.
    #[error("{what}: the hub answered {status}: {problem}")]
    Refused {
        /// What was asked.
        what: &'static str,
        /// Its status.
        status: StatusCode,
        /// Its explanation.
        problem: String,
        /// For how long it will not be asked the same again, since it said when to come.
        put_off: Option<Duration>,
    },
    /// The hub answered something else than was agreed.
    #[error("{what}: the hub's answer is not understood: {why}")]
    NotUnderstood {
        /// What was asked.
        what: &'static str,
        /// Why.
        why: String,
    },
}

/// What to do about a [`HubError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// Ask again later: the same request may succeed.
    Retry,
    /// This very request never will: put it aside.
    PutAside,
}

impl HubError {
    /// What to do about it.
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::Setup(_) | Self::Unreachable { .. } | Self::NotUnderstood { .. } => Disposition::Retry,
            Self::Refused { status, .. } => match *status {
                // The hub understood who asks and does not want these bytes. Everything else (a certificate that is not known yet, a hub that
                // is busy or broken) can pass.
                StatusCode::BAD_REQUEST
                | StatusCode::CONFLICT
                | StatusCode::PAYLOAD_TOO_LARGE
                | StatusCode::UNPROCESSABLE_ENTITY => Disposition::PutAside,
                _ => Disposition::Retry,
            },
        }
    }
}

impl HubError {
    /// What it says of the hub; none where it is ours.
    pub fn trouble(&self) -> Option<Trouble> {
        match self {
            Self::Setup(_) => None,
            Self::Unreachable { source, .. } if is_of_tls(source) => Some(Trouble::WrongCertificate),
            Self::Unreachable { .. } => Some(Trouble::Unreachable),
            Self::Refused { status, .. }
                if status.is_client_error() && *status != StatusCode::TOO_MANY_REQUESTS =>
            {
                Some(Trouble::Refused)
            }
            Self::Refused { .. } => Some(Trouble::Broken),
            Self::NotUnderstood { .. } => Some(Trouble::NotUnderstood),
        }
    }
}

/// Whether the other side's certificate was refused: that error lies within those of the layers above.
fn is_of_tls(error: &reqwest::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if matches!(error.downcast_ref(), Some(rustls::Error::InvalidCertificate(_))) {
            return true;
        }
        // An error of I/O hides what it was made of, and says the source of that instead.
        let within = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        cause = match within {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    false
}

impl HubError {
    /// True where the hub no longer waits for what it was told.
    pub fn is_settled(&self) -> bool {
        let settled = [StatusCode::NOT_FOUND, StatusCode::CONFLICT, StatusCode::GONE];
        matches!(self, Self::Refused { status, .. } if settled.contains(status))
    }
}
