//! What changes a hub from its own machine: made anew, people let back in, a machine enrolled or shut out, the own log's key changed.
//!
//! Each act holds the hub's lock, and stands in the own log before it is done and once it is, with the machine's own name of who did it.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use contract::digest::{Digest, hex};
use contract::ids::{HostId, OperatorId, SiteId, TenantId};
use contract::people::{NewPerson, PersonView, Reach};
use contract::plane::EnrolmentSheet;
use contract::record::{Acted, Body, Stage};
use contract::time::UtcTime;
use edge::file::{FileError, Lock, private_directory, write_durably};
use queue::writer::OpenError;
use thiserror::Error;

use crate::config::HubName;
use crate::enrolment::{self, Maker, SheetError};
use crate::heads::HeadsError;
use crate::keys::{Keys, KeysError, Which};
use crate::kit::Kits;
use crate::library::Library;
use crate::packets::{Packets, Profiles, Typesetter};
use crate::people::{
    self, Changed, OwnLogError, People, PeopleError, PeopleFault, Scope, Secret, Sort, Unfit,
};
use crate::store::Store;

/// Why something was not done on the hub's machine.
#[derive(Debug, Error)]
pub enum ActError {
    /// There is a hub already.
    #[error("{}: there is something in it already, and nothing is written over: name another directory", .0.display())]
    Taken(PathBuf),
    /// The directory cannot be used.
    #[error("the hub's directory cannot be used")]
    Directory(#[source] FileError),
    /// A hub runs in it.
    #[error(
        "a hub is running in this directory: do this at its operator plane (suture, or the console), or stop it first"
    )]
    Locked(#[source] FileError),
    /// The secrets cannot be used.
    #[error("the hub's secrets cannot be used")]
    Keys(#[from] KeysError),
    /// A database cannot be opened.
    #[error("a database cannot be opened")]
    Database(#[from] OpenError),
    /// The log of heads cannot be opened.
    #[error("the log of heads cannot be opened")]
    Heads(#[from] HeadsError),
    /// Accounts or own log cannot be opened.
    #[error("the hub cannot tell people apart")]
    People(#[from] PeopleFault),
    /// The accounts do not answer.
    #[error(transparent)]
    Accounts(#[from] PeopleError),
    /// The act cannot be written down, and so was not done; or what came of it cannot.
    #[error("the hub's own log cannot be written")]
    Log(#[from] OwnLogError),
    /// What was named is not there.
    #[error("{0}")]
    NothingThere(String),
    /// It is not allowed to anybody.
    #[error("{0}")]
    Unfit(String),
    /// The kernel gave no random bytes.
    #[error("this machine's random generator does not answer")]
    Random(#[from] io::Error),
    /// The store did not answer.
    #[error("the hub's database did not {doing}")]
    Store {
        /// What.
        doing: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No sheet was made.
    #[error(transparent)]
    Sheet(#[from] SheetError),
}

fn store(doing: &'static str) -> impl FnOnce(crate::store::StoreError) -> ActError {
    move |source| ActError::Store { doing, source: Box::new(source) }
}

/// An invitation, to be shown once.
#[derive(Debug, Clone)]
pub struct Invitation {
    /// What the link ends in.
    pub secret: String,
    /// Until when it can be used.
    pub until: UtcTime,
}

/// Makes a hub: its keys, its databases, its own log, and the invitation of the first of all.
pub async fn init(
    directory: &Path,
    name: &HubName,
    authority: Option<(&Path, &Path)>,
    user: String,
    now: UtcTime,
) -> Result<Invitation, ActError> {
    let taken = match std::fs::read_dir(directory) {
        Ok(mut entries) => entries.next().is_some(),
        Err(e) if e.kind() == io::ErrorKind::NotFound => false,
        Err(source) => {
            let path = directory.to_owned();
            return Err(ActError::Directory(FileError { path, action: "look at it", source }));
        }
    };
    if taken {
        return Err(ActError::Taken(directory.to_owned()));
    }
    private_directory(directory).map_err(ActError::Directory)?;
    let lock = locked(directory)?;
    if let Some(authority) = authority {
        Keys::adopt(directory, name, authority)?;
    }
    drop(Keys::open(directory, name)?);
    drop(queue::Embedded::open(&directory.join("queue.db"), queue::Limits::default(), now).await?);
    drop(Kits::open(directory)?);
    drop(Packets::open(directory, Profiles::default(), Typesetter::beside_us())?);
    crate::heads::Heads::open(
        directory,
        std::sync::Arc::new(Keys::there(directory)?.0),
        &crate::config::Outside::default(),
    )?;
    let machine = Machine::within(directory, lock, user, now)?;
    let first = machine.people.first_of_all(now).await?;
    machine.write("suture-hub init", None, Stage::Ended { status: 200 }, now).await?;
    match first {
        Some((secret, until)) => Ok(Invitation { secret: secret.reveal().to_owned(), until }),
        None => Err(ActError::Taken(directory.to_owned())),
    }
}

fn locked(directory: &Path) -> Result<Lock, ActError> {
    edge::file::lock(&directory.join("lock")).map_err(|e| match e.source.kind() {
        io::ErrorKind::WouldBlock => ActError::Locked(e),
        _ => ActError::Directory(e),
    })
}

/// A hub that is not running, held.
#[derive(Debug)]
pub struct Machine {
    directory: PathBuf,
    keys: Keys,
    which: Which,
    people: People,
    store: Store,
    user: String,
    _lock: Lock,
}

impl Machine {
    /// Takes hold of the hub in `directory`.
    pub fn open(directory: &Path, user: String, now: UtcTime) -> Result<Self, ActError> {
        crate::keys::which(directory)?;
        let lock = locked(directory)?;
        Self::within(directory, lock, user, now)
    }

    fn within(directory: &Path, lock: Lock, user: String, now: UtcTime) -> Result<Self, ActError> {
        settle_rotation(directory)?;
        let (keys, which) = Keys::there(directory)?;
        let people = People::open(directory, Keys::own_log(directory)?, now)?;
        let store = Store::open(&directory.join(super::parts::MAIN))?;
        Ok(Self { directory: directory.to_owned(), keys, which, people, store, user, _lock: lock })
    }

    async fn write(
        &self,
        command: &str,
        tenant: Option<&TenantId>,
        stage: Stage,
        now: UtcTime,
    ) -> Result<(), ActError> {
        let acted = Acted {
            person: None,
            machine_user: Some(self.user.clone()),
            key: None,
            right: None,
            tenant: tenant.cloned(),
            path: Some(command.to_owned()),
            stage,
        };
        self.people.log.append(Body::Acted(acted), now).await?;
        Ok(())
    }

    /// Does something between the record that it is about to be done and the one that it was.
    async fn act<T>(
        &self,
        command: String,
        tenant: Option<&TenantId>,
        now: UtcTime,
        work: impl Future<Output = Result<T, ActError>>,
    ) -> Result<T, ActError> {
        self.write(&command, tenant, Stage::Begun, now).await?;
        let done = work.await;
        let status = match &done {
            Ok(_) => 200,
            Err(ActError::NothingThere(_)) => 404,
            Err(ActError::Unfit(_)) => 422,
            Err(_) => 500,
        };
        self.write(&command, tenant, Stage::Ended { status }, edge::clock::utc()).await?;
        done
    }

    /// Everybody. Looking is not written down.
    pub async fn people(&self) -> Result<Vec<PersonView>, ActError> {
        Ok(self.people.store.people().await?)
    }

    /// Invites the first of all, where there is nobody.
    pub async fn invite_first(&self, now: UtcTime) -> Result<Invitation, ActError> {
        let command = "suture-hub user first".to_owned();
        let work = async {
            match self.people.first_of_all(now).await? {
                Some((secret, until)) => Ok(Invitation { secret: secret.reveal().to_owned(), until }),
                None => Err(ActError::Unfit("there are people already: invite somebody by name".to_owned())),
            }
        };
        self.act(command, None, now, work).await
    }

    /// Invites somebody, new or known: their password and second factor are set anew by it.
    pub async fn invite(&self, new: NewPerson, now: UtcTime) -> Result<Invitation, ActError> {
        let unfit = |why: Unfit| ActError::Unfit(why.to_string());
        people::fit(new.role, &new.reach, new.until, now).map_err(unfit)?;
        let command = format!("suture-hub user invite {} as {}", new.person, new.role.word());
        let work = async {
            let secret = Secret::draw(Sort::Invitation)?;
            let until = now.plus_ms(people::DAY_MS);
            self.people.store.invite(new, secret.digest(), until).await?;
            Ok(Invitation { secret: secret.reveal().to_owned(), until })
        };
        self.act(command, None, now, work).await
    }

    /// Closes an account or opens it again.
    pub async fn disable(&self, person: OperatorId, disabled: bool, now: UtcTime) -> Result<(), ActError> {
        let what = if disabled { "disable" } else { "enable" };
        let work = async {
            match self.people.store.disable(person.clone(), disabled).await? {
                Changed::Done => Ok(()),
                Changed::Nobody => Err(ActError::NothingThere(format!("there is no {person}"))),
                Changed::LastAdmin => {
                    Err(ActError::Unfit(format!("{person} is the last MSP admin: make another one first")))
                }
            }
        };
        self.act(format!("suture-hub user {what} {person}"), None, now, work).await
    }

    /// Takes somebody's second factor away.
    pub async fn forget_second_factor(&self, person: OperatorId, now: UtcTime) -> Result<(), ActError> {
        let command = format!("suture-hub user reset {person}");
        let work = async {
            if self.people.store.forget_second_factor(person.clone()).await? {
                Ok(())
            } else {
                Err(ActError::NothingThere(format!("there is no {person}")))
            }
        };
        self.act(command, None, now, work).await
    }

    /// Makes an enrolment sheet for one new machine at a site, which is added where it is not there.
    pub async fn enrolment(
        &self,
        tenant: TenantId,
        site: SiteId,
        library: &Library,
        device_port: u16,
        now: UtcTime,
    ) -> Result<EnrolmentSheet, ActError> {
        let command = format!("suture-hub token {tenant} {site}");
        let whose = tenant.clone();
        let work = async {
            self.store.add_tenant(tenant.clone(), now).await.map_err(store("take the tenant"))?;
            let scope = Scope::at_the_machine(tenant);
            self.store.add_site(scope.clone(), site.clone(), now).await.map_err(store("take the site"))?;
            let maker =
                Maker { store: &self.store, keys: &self.keys, library, name: &self.which.name, device_port };
            Ok(enrolment::sheet(maker, scope, site, now).await?)
        };
        self.act(command, Some(&whose), now, work).await
    }

    /// Revokes one certificate. It counts from the hub's next start.
    pub async fn revoke(&self, fingerprint: Digest, now: UtcTime) -> Result<HostId, ActError> {
        let work = async {
            let everywhere = Scope::at_the_machine(Reach::Everywhere);
            let revoked = self.store.revoke(everywhere, fingerprint, now).await;
            // No hub runs, so there is no connection to cut.
            let revoked = revoked.map_err(store("revoke it"))?.map(|(host, _)| host);
            revoked.ok_or_else(|| {
                ActError::NothingThere(format!("this hub issued no certificate {fingerprint}"))
            })
        };
        self.act(format!("suture-hub revoke {fingerprint}"), None, now, work).await
    }

    /// Revokes every certificate of a host.
    pub async fn revoke_host(&self, host: HostId, now: UtcTime) -> Result<usize, ActError> {
        let command = format!("suture-hub revoke host {host}");
        let work = async {
            let all =
                self.store.fingerprints_of(host.clone()).await.map_err(store("list its certificates"))?;
            if all.is_empty() {
                return Err(ActError::NothingThere(format!("there is no host {host}")));
            }
            let everywhere = Scope::at_the_machine(Reach::Everywhere);
            for fingerprint in &all {
                let revoked = self.store.revoke(everywhere.clone(), *fingerprint, now).await;
                revoked.map_err(store("revoke it"))?;
            }
            Ok(all.iter().collect::<BTreeSet<_>>().len())
        };
        self.act(command, None, now, work).await
    }

    /// Hands the own log over to a new key; answers its public half.
    pub async fn rotate_own_log(self, now: UtcTime) -> Result<String, ActError> {
        let secrets = self.directory.join(super::parts::KEYS);
        self.write("suture-hub rotate own-log", None, Stage::Begun, now).await?;
        let drawn = edge::random::bytes::<32>()?;
        write_durably(&secrets.join(NEXT), hex(&drawn).as_bytes()).map_err(ActError::Directory)?;
        let next = Keys::own_log_of(&self.which, &drawn)?;
        let public = next.verifier().to_string();
        self.people.log.rotate(next, now).await?;
        self.write("suture-hub rotate own-log", None, Stage::Ended { status: 200 }, edge::clock::utc())
            .await?;
        self.people.log.close();
        settle_rotation(&self.directory)?;
        Ok(public)
    }
}

/// The own log's next key, until the log is signed by it.
const NEXT: &str = "own.seed.next";

/// After a rotation that was interrupted: the key that signed the newest head is the one in force.
pub(crate) fn settle_rotation(directory: &Path) -> Result<(), ActError> {
    let secrets = directory.join(super::parts::KEYS);
    let (next, own) = (secrets.join(NEXT), secrets.join("own.seed"));
    if !next.exists() {
        return Ok(());
    }
    let which = crate::keys::which(directory)?;
    let key = Keys::own_log_at(&which, &next)?;
    let opened = evidence::LogWriter::open(&directory.join(people::LOG), key, |_| ());
    let settled = match opened {
        Ok((writer, _)) if writer.size() > 0 => {
            drop(writer);
            std::fs::rename(&next, &own)
        }
        Ok(_) | Err(evidence::OpenError::OtherKey { .. }) => std::fs::remove_file(&next),
        Err(e) => return Err(OwnLogError::Open(e).into()),
    };
    let failed = |source| ActError::Directory(FileError { path: next.clone(), action: "settle it", source });
    settled.map_err(failed)?;
    edge::file::sync_directory(&secrets).map_err(ActError::Directory)
}
