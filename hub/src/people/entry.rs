//! Coming in: an invitation that is used, a login. Each is in the log before it is answered, and where it cannot be nobody comes in.

use std::sync::Arc;

use contract::ids::OperatorId;
use contract::people::{Join, Login, SessionOpened};
use contract::record::{Body, Entry, LoggedIn, NotAllowed};
use contract::time::UtcTime;
use thiserror::Error;
use tokio::task::JoinError;

use super::slow::Slowed;
use super::{OwnLogError, People, PeopleError, Secret, Sort, csrf, password, terms, totp};

/// Somebody came in.
pub(crate) struct Opened {
    pub(crate) secret: Secret,
    pub(crate) until: UtcTime,
}

impl Opened {
    /// What is answered.
    pub(crate) fn told(&self) -> SessionOpened {
        SessionOpened {
            session: self.secret.reveal().to_owned(),
            csrf: csrf(&self.secret),
            until: self.until,
        }
    }
}

/// Why nobody came in.
#[derive(Debug, Error)]
pub(crate) enum EntryFault {
    /// Account, password or code are not right, or the account is closed. Which, is nobody's business.
    #[error("the name, the password or the code is not right")]
    Refused,
    /// There were too many tries.
    #[error("there were too many tries")]
    Slowed(Slowed),
    /// The invitation is none.
    #[error("this invitation was used, has run out, or is for somebody else")]
    NoInvitation,
    /// It is too short or too long.
    #[error("a password has {} to {} bytes", password::LENGTH_MIN, password::LENGTH_MAX)]
    Password,
    /// Ours.
    #[error(transparent)]
    Store(#[from] PeopleError),
    /// Ours.
    #[error(transparent)]
    Log(#[from] OwnLogError),
    /// Ours.
    #[error("this machine's random generator does not answer")]
    Random(#[from] std::io::Error),
    /// Ours.
    #[error("the password cannot be hashed")]
    Hash,
    /// Ours.
    #[error("the password was not waited for")]
    Thread(#[from] JoinError),
}

impl People {
    /// Uses an invitation.
    pub(crate) async fn join(&self, join: Join, source: String, now: UtcTime) -> Result<Opened, EntryFault> {
        let Join { secret, person, password } = join;
        if !password::fits(&password) {
            return Err(EntryFault::Password);
        }
        let secret = Secret::presented(&secret).filter(|secret| secret.sort() == Sort::Invitation);
        let invitation = match secret.as_ref().map(Secret::digest) {
            Some(digest) if self.store.is_invited(digest, person.clone(), now).await? => digest,
            _ => {
                self.write_stranger(NotAllowed::NotKnown, now).await?;
                return Err(EntryFault::NoInvitation);
            }
        };
        let salt = edge::random::bytes()?;
        let hashed = self.in_turn(move || password::hash(&password, salt)).await?;
        let hashed = hashed.ok_or(EntryFault::Hash)?;
        self.write_entry(&person, Entry::Invitation, now).await?;
        if !self.store.join(invitation, person.clone(), hashed, now).await? {
            // Somebody else was faster with it.
            self.write_entry(&person, Entry::NoInvitation, now).await?;
            return Err(EntryFault::NoInvitation);
        }
        self.let_in(person, source, None, now).await
    }

    /// Logs somebody in.
    pub(crate) async fn log_in(
        &self,
        login: Login,
        source: String,
        now: UtcTime,
    ) -> Result<Opened, EntryFault> {
        let Login { person, password, code } = login;
        let account = match self.store.begin_try(person.clone(), source.clone(), now).await? {
            Ok(account) => account,
            Err(slowed) => {
                self.write_stranger(NotAllowed::NotKnown, now).await?;
                return Err(EntryFault::Slowed(slowed));
            }
        };
        let (kept, factor) = account.map_or((None, None), |account| (account.password, account.totp));
        let right = self.in_turn(move || password::is(&password, kept.as_deref())).await?;
        let used = match (factor, code) {
            (None, _) => Some(None),
            (Some(_), None) => None,
            (Some((secret, step)), Some(code)) => totp::step_of(&secret, &code, now, step).map(Some),
        };
        match used {
            Some(used) if right => {
                self.write_entry(&person, Entry::Password, now).await?;
                self.let_in(person, source, used, now).await
            }
            _ => {
                self.write_entry(&person, Entry::Refused, now).await?;
                Err(EntryFault::Refused)
            }
        }
    }

    /// Hashes when it is its turn. Whoever asked may be gone meanwhile: the turn is the work's, and ends with it.
    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        // Nobody closes it.
        let turn = Arc::clone(&self.hashing).acquire_owned().await;
        tokio::task::spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        })
        .await
    }

    pub(super) async fn let_in(
        &self,
        person: OperatorId,
        source: String,
        used: Option<u64>,
        now: UtcTime,
    ) -> Result<Opened, EntryFault> {
        let secret = Secret::draw(Sort::Session)?;
        if self.store.open_session(person.clone(), source, used, secret.digest(), now).await? {
            return Ok(Opened { secret, until: now.plus_ms(terms::SESSION_MS) });
        }
        // The same code a moment ago, or the account was closed meanwhile.
        self.write_entry(&person, Entry::Refused, now).await?;
        Err(EntryFault::Refused)
    }

    pub(super) async fn write_entry(
        &self,
        person: &OperatorId,
        entry: Entry,
        now: UtcTime,
    ) -> Result<(), OwnLogError> {
        self.log.append(Body::LoggedIn(LoggedIn { person: person.clone(), entry }), now).await.map(drop)
    }
}
