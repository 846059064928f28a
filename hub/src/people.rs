//! People at the operator plane: who they are, how they come in, what they may, and the hub's own record of it.
//!
//! Invariants:
//! - There is no default password. A hub without people prints an invitation, once; it works once and not for long.
//! - What opens the plane (a session, a key, an invitation) is drawn at random and kept as a digest; a password is kept as argon2id.
//! - A [`Scope`] says that whoever is logged in may have to do with what it holds. Only an admission makes one, and the store asks for it.
//! - What changes something is in the hub's own log before it is done, and before it is answered; so are logins and refusals. Where the log cannot be
//!   written it is not done.
//!
//! The decisions are pure and are handed clock and randomness; the shell is `entry`, `store` and `own_log`.
//!
//! | module | what it does |
//! |---|---|
//! | `identity` | who is logged in, and the scopes that come of it |
//! | `roles` | what a role may, right by right |
//! | `secrets` | what opens the plane: drawn, shown once, kept as a digest |
//! | `password`, `totp` | the two factors |
//! | `slow` | how long the next try has to wait |
//! | `ration` | how many refusals of strangers are written down each for itself |
//! | `terms` | how long sessions, keys and invitations last, and which roles there can be |
//! | `store` | the accounts, in a database of their own |
//! | `own_log`, `own_read` | the hub's own evidence log, written and read |
//! | `entry` | coming in: an invitation used, a login |
//! | `oidc` | coming in by a provider of identities |

mod entry;
mod identity;
mod oidc;
mod own_log;
mod own_read;
mod password;
mod ration;
mod roles;
mod secrets;
mod slow;
mod store;
mod terms;
mod totp;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use contract::record::{Acted, Body, DeviceNoted, NotAllowed, Stage};
use contract::time::UtcTime;
use queue::writer::OpenError;
use thiserror::Error;
use tokio::sync::{Semaphore, watch};

pub(crate) use entry::{EntryFault, Opened};
pub(crate) use identity::{Granted, Identity, Scope};
pub use oidc::OidcError;
pub(crate) use oidc::{Oidc, OidcFault, Returned, presented as oidc_invitation};
pub(crate) use own_log::OwnLog;
pub use own_log::OwnLogError;
pub(crate) use own_read::OwnReadError;
#[cfg(test)]
pub(crate) use roles::is_about_a_tenant;
pub(crate) use roles::may;
pub(crate) use secrets::{Secret, Sort, csrf};
pub use store::PeopleError;
pub(crate) use store::{Changed, KeyChange, PeopleStore, SCHEMA};
pub(crate) use terms::{DAY_MS, Unfit, fit, key_until};
pub(crate) use totp::base32;

use ration::Ration;

/// The name of the database, and of the log's directory.
pub(crate) const FILE: &str = "people.db";
/// Where the hub's own log lies.
pub(crate) const LOG: &str = "own-log";

/// Passwords that are hashed at a time.
const HASHING_MAX: usize = 2;

/// Everything about people.
#[derive(Debug)]
pub(crate) struct People {
    pub(crate) store: PeopleStore,
    pub(crate) log: OwnLog,
    ration: Mutex<Ration>,
    /// Who may hash a password: each takes 19 MiB and a core, and anybody may ask for it.
    hashing: Arc<Semaphore>,
    /// Counts what may have changed who somebody is.
    changes: watch::Sender<u64>,
}

/// Why a hub cannot tell people apart.
#[derive(Debug, Error)]
pub enum PeopleFault {
    /// The database cannot be opened.
    #[error("the accounts cannot be opened")]
    Database(#[source] OpenError),
    /// The log cannot be opened.
    #[error("the hub's own log cannot be opened")]
    Log(#[source] OwnLogError),
    /// The first invitation cannot be kept.
    #[error("the first invitation cannot be kept")]
    Store(#[source] PeopleError),
    /// The kernel gave no random bytes.
    #[error("this machine's random generator does not answer")]
    Random(#[source] std::io::Error),
}

/// A secret for a second factor.
pub(crate) fn totp_secret() -> std::io::Result<[u8; totp::SECRET_BYTES]> {
    edge::random::bytes()
}

impl People {
    /// Opens accounts and log in the hub's directory.
    pub(crate) fn open(directory: &Path, key: tlog::SigningKey, now: UtcTime) -> Result<Self, PeopleFault> {
        Ok(Self {
            store: PeopleStore::open(&directory.join(FILE)).map_err(PeopleFault::Database)?,
            log: OwnLog::open(&directory.join(LOG), key, now).map_err(PeopleFault::Log)?,
            ration: Mutex::default(),
            hashing: Arc::new(Semaphore::new(HASHING_MAX)),
            changes: watch::Sender::new(0),
        })
    }

    /// An invitation for whoever comes first, where there is nobody yet. The one before it counts no longer.
    pub(crate) async fn first_run(&self, now: UtcTime) -> Result<Option<Secret>, PeopleFault> {
        if !self.store.is_empty().await.map_err(PeopleFault::Store)? {
            return Ok(None);
        }
        let until = terms::invited_until(now);
        // One that lasts longer was made when the hub was: whoever made it holds the link.
        if self.store.is_first_invited(until).await.map_err(PeopleFault::Store)? {
            return Ok(None);
        }
        self.invite_first(until).await.map(Some)
    }

    /// An invitation for whoever comes first, where there is nobody yet, made on the hub's own machine.
    pub(crate) async fn first_of_all(&self, now: UtcTime) -> Result<Option<(Secret, UtcTime)>, PeopleFault> {
        if !self.store.is_empty().await.map_err(PeopleFault::Store)? {
            return Ok(None);
        }
        let until = now.plus_ms(terms::DAY_MS);
        Ok(Some((self.invite_first(until).await?, until)))
    }

    async fn invite_first(&self, until: UtcTime) -> Result<Secret, PeopleFault> {
        let secret = Secret::draw(Sort::Invitation).map_err(PeopleFault::Random)?;
        self.store.invite_first(secret.digest(), until).await.map_err(PeopleFault::Store)?;
        Ok(secret)
    }

    /// Somebody's account, role, session or key may be another than it was.
    pub(crate) fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    /// Wakes whenever it may be.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Writes that something was done, or will be, or was refused to somebody who is known.
    pub(crate) async fn write(&self, acted: Acted, now: UtcTime) -> Result<(), OwnLogError> {
        self.log.append(Body::Acted(acted), now).await.map(drop)
    }

    /// Writes something about a device.
    pub(crate) async fn write_device(&self, noted: DeviceNoted, now: UtcTime) -> Result<(), OwnLogError> {
        self.log.append(Body::Device(noted), now).await.map(drop)
    }

    /// Writes that somebody who is not known was refused, where the ration allows; what it does not is counted with the next.
    pub(crate) async fn write_stranger(&self, why: NotAllowed, now: UtcTime) -> Result<(), OwnLogError> {
        let due = self.ration.lock().unwrap_or_else(PoisonError::into_inner).refuse(now);
        let Some(times) = due else { return Ok(()) };
        let stage = Stage::Refused { why, times };
        let acted = Acted {
            person: None,
            machine_user: None,
            key: None,
            right: None,
            tenant: None,
            path: None,
            stage,
        };
        self.write(acted, now).await
    }
}
