//! Jobs: asked for, and waited for until systemd says what became of them. The listening begins before the asking, so no end is missed.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use zbus::MatchRule;
use zbus::blocking::MessageIterator;
use zbus::zvariant::OwnedObjectPath;

use super::{MANAGER, MANAGER_PATH, Systemd, Unit, said};
use crate::error::HandError;
use crate::place::Place;

/// How often the deadline is looked at while a job runs.
const LOOK: Duration = Duration::from_millis(20);

/// What systemd can be asked to do with a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Job {
    /// Start it.
    Start,
    /// Stop it.
    Stop,
    /// Restart it; start it where it does not run.
    Restart,
    /// Have it read its settings anew where it runs and can, and restart it where it runs and cannot.
    Reload,
}

impl Job {
    const fn method(self) -> &'static str {
        match self {
            Self::Start => "StartUnit",
            Self::Stop => "StopUnit",
            Self::Restart => "RestartUnit",
            Self::Reload => "ReloadOrTryRestartUnit",
        }
    }

    /// For messages.
    pub(crate) const fn what(self) -> &'static str {
        match self {
            Self::Start => "start it",
            Self::Stop => "stop it",
            Self::Restart => "restart it",
            Self::Reload => "reload it",
        }
    }
}

/// The ends of jobs as they come: which, and what became of it.
pub(super) type Ended = Receiver<(OwnedObjectPath, String)>;

impl Systemd {
    fn ended(&self, unit: &Unit) -> Result<&Ended, HandError> {
        if self.ended.get().is_none() {
            let listening = self.listen().map_err(|e| said(&unit.name, "listen for the ends of jobs", &e))?;
            let _ = self.ended.set(listening);
        }
        self.ended
            .get()
            .ok_or_else(|| unit.said("listen for the ends of jobs", "it listens already".to_owned()))
    }

    fn listen(&self) -> zbus::Result<Ended> {
        let rule = MatchRule::builder()
            .msg_type(zbus::message::Type::Signal)
            .sender(self.owner.as_str())?
            .path(MANAGER_PATH)?
            .interface(MANAGER)?
            .member("JobRemoved")?
            .build();
        // Not an iterator with the rule as its own: that one asks the bus to forget the rule when it is dropped, over a connection that is closed by
        // then, and waits for the answer for as long as a call may take.
        zbus::blocking::fdo::DBusProxy::new(&self.bus)?.add_match_rule(rule)?;
        let signals = MessageIterator::from(self.bus.clone());
        let owner = self.owner.clone();
        let nothing = &();
        self.bus.call_method(Some(self.owner.as_str()), MANAGER_PATH, Some(MANAGER), "Subscribe", nothing)?;
        let (tell, told) = mpsc::channel();
        thread::Builder::new().name("jobs".to_owned()).spawn(move || {
            for signal in signals {
                let Ok(signal) = signal else { break };
                if !is_an_end(&signal.header(), &owner) {
                    continue;
                }
                let Ok((_, path, _, result)) =
                    signal.body().deserialize::<(u32, OwnedObjectPath, String, String)>()
                else {
                    continue;
                };
                if tell.send((path, result)).is_err() {
                    break;
                }
            }
        })?;
        Ok(told)
    }
}

/// Whether a message is the manager's own word that a job ended.
fn is_an_end(header: &zbus::message::Header<'_>, owner: &str) -> bool {
    header.message_type() == zbus::message::Type::Signal
        && header.sender().is_some_and(|sender| sender.as_str() == owner)
        && header.path().is_some_and(|path| path.as_str() == MANAGER_PATH)
        && header.interface().is_some_and(|interface| interface.as_str() == MANAGER)
        && header.member().is_some_and(|member| member.as_str() == "JobRemoved")
}

impl Unit {
    /// Asks for a job and does not wait for it.
    pub(crate) fn request(&self, job: Job) -> Result<OwnedObjectPath, HandError> {
        self.ask(job.what(), job.method(), &(self.name.as_str(), "replace"))
    }

    /// Has a job done. A job whose time is over, or that is not wanted any longer, is cancelled: systemd does not finish it behind our back.
    pub(crate) fn job(&self, job: Job, place: &Place<'_>) -> Result<(), HandError> {
        place.go_on()?;
        let ended = self.systemd.ended(self)?;
        let path = self.request(job)?;
        loop {
            match ended.recv_timeout(LOOK) {
                Ok((of, result)) if of == path => {
                    return if result == "done" { Ok(()) } else { Err(self.badly(job, &result)) };
                }
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => {
                    if let Err(why) = place.go_on() {
                        self.cancel(&path);
                        return Err(why);
                    }
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(self.said(job.what(), "the bus went away".to_owned()));
                }
            }
        }
    }

    fn badly(&self, job: Job, result: &str) -> HandError {
        // A unit that is no service has no result of its own.
        let of_service = self.of_kind::<String>("Result").unwrap_or_default();
        self.said(job.what(), format!("the job is {result}, the unit says {of_service:?}"))
    }

    fn cancel(&self, job: &OwnedObjectPath) {
        let id = job.as_str().rsplit('/').next().and_then(|id| id.parse::<u32>().ok());
        if let Some(id) = id {
            // One that has ended meanwhile cannot be cancelled, and need not be.
            let cancelled = self.ask::<_, ()>("cancel its job", "CancelJob", &id);
            tracing::debug!(unit = %self.name, id, ?cancelled, "a job was not waited for");
        }
    }
}
