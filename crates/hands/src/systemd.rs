//! systemd over D-Bus: a connection of one hand's own, its units, and jobs that are waited for to their end.
//!
//! Each call names the manager's method and nothing is cached: what a property said a moment ago is no observation. Only the manager's own
//! connection is believed when it says that a job has ended; on the system bus anybody may send a signal.

mod job;
mod needs;
mod run;
mod state;
mod unit;

use std::cell::OnceCell;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use contract::resource::UnitName;
use serde::Serialize;
use serde::de::DeserializeOwned;
use zbus::blocking::{Connection, connection};
use zbus::zvariant::{OwnedValue, Type};

use crate::error::HandError;
use crate::place::Place;

pub(crate) use job::Job;
pub use needs::dependants;
pub(crate) use state::State;
pub(crate) use unit::Unit;

const SYSTEMD: &str = "org.freedesktop.systemd1";
const MANAGER: &str = "org.freedesktop.systemd1.Manager";
const MANAGER_PATH: &str = "/org/freedesktop/systemd1";
const BUS: &str = "/run/dbus/system_bus_socket";

/// How long a question may take that is asked outside of a run.
const QUESTION: Duration = Duration::from_secs(5);
/// How long one call may take, whatever time is left: a `daemon-reload` on a slow disk takes seconds.
const CALL_MAX: Duration = Duration::from_secs(60);
/// And how long it may take at least: what has to be stopped after the deadline is stopped.
const CALL_MIN: Duration = Duration::from_secs(2);

/// The service manager, for as long as a hand needs it.
#[derive(Debug)]
pub(crate) struct Systemd {
    bus: Connection,
    /// The manager's own name on the bus.
    owner: String,
    ended: OnceCell<job::Ended>,
}

impl Systemd {
    /// Connects, within what is left of a place's time.
    pub(crate) fn at(place: &Place<'_>) -> Result<Self, HandError> {
        Self::connect(Duration::from_millis(place.left_ms()).clamp(CALL_MIN, CALL_MAX))
    }

    fn connect(call_limit: Duration) -> Result<Self, HandError> {
        let failed = |why: String| HandError::Unit { unit: SYSTEMD.to_owned(), action: "reach it", why };
        let stream = UnixStream::connect(BUS).map_err(|e| failed(e.to_string()))?;
        let builder = connection::Builder::async_io_unix_stream(stream).method_timeout(call_limit);
        let bus = builder.build().map_err(|e| failed(e.to_string()))?;
        let names = zbus::blocking::fdo::DBusProxy::new(&bus).map_err(|e| failed(e.to_string()))?;
        let name = SYSTEMD.try_into().map_err(|e: zbus::names::Error| failed(e.to_string()))?;
        let owner = names.get_name_owner(name).map_err(|e| failed(e.to_string()))?.to_string();
        Ok(Self { bus, owner, ended: OnceCell::new() })
    }

    /// Asks the manager. An error names the unit that it was about, and what was tried.
    pub(crate) fn ask<B, R>(
        &self,
        unit: &UnitName,
        action: &'static str,
        method: &str,
        body: &B,
    ) -> Result<R, HandError>
    where
        B: Serialize + zbus::zvariant::DynamicType,
        R: DeserializeOwned + Type,
    {
        let reply =
            self.bus.call_method(Some(self.owner.as_str()), MANAGER_PATH, Some(MANAGER), method, body);
        reply.and_then(|r| r.body().deserialize()).map_err(|e| said(unit, action, &e))
    }

    /// Has a unit kept in memory for as long as this connection is there.
    fn hold(&self, unit: &UnitName, path: &str) -> Result<(), HandError> {
        let held = self.bus.call_method(Some(self.owner.as_str()), path, Some(unit::UNIT), "Ref", &());
        held.map(drop).map_err(|e| said(unit, "hold it in memory", &e))
    }

    fn property<T: TryFrom<OwnedValue>>(
        &self,
        unit: &UnitName,
        path: &str,
        interface: &str,
        name: &'static str,
    ) -> Result<T, HandError> {
        let properties = Some("org.freedesktop.DBus.Properties");
        let reply =
            self.bus.call_method(Some(self.owner.as_str()), path, properties, "Get", &(interface, name));
        let value: OwnedValue =
            reply.and_then(|r| r.body().deserialize()).map_err(|e| said(unit, name, &e))?;
        T::try_from(value).map_err(|_| HandError::Unit {
            unit: unit.to_string(),
            action: name,
            why: "the answer has another type".to_owned(),
        })
    }
}

impl Drop for Systemd {
    fn drop(&mut self) {
        // The thread that listens for the ends of jobs holds the connection too, and ends with it.
        let _ = self.bus.clone().close();
    }
}

fn said(unit: &UnitName, action: &'static str, error: &zbus::Error) -> HandError {
    HandError::Unit { unit: unit.to_string(), action, why: error.to_string() }
}

/// Those of these units that do what `wanted` says. None where systemd does not run; one that it does not know does nothing. Of two names for one unit
/// the first.
pub(crate) fn those(names: &[&str], wanted: impl Fn(State) -> bool) -> Result<Vec<UnitName>, HandError> {
    if !runs_here() {
        return Ok(Vec::new());
    }
    let mut found: Vec<Unit> = Vec::new();
    for name in names.iter().filter_map(|name| name.parse().ok()) {
        let unit = Unit::look(Systemd::connect(QUESTION)?, &name)?;
        if wanted(unit.state()?) && !found.iter().any(|other| other.is(&unit)) {
            found.push(unit);
        }
    }
    Ok(found.into_iter().map(|unit| unit.name().clone()).collect())
}

/// Whether systemd is this machine's first process.
pub(crate) fn runs_here() -> bool {
    ["/run/systemd/system", BUS].iter().all(|path| Path::new(path).exists())
}

/// Whether the service manager has this unit, whole and not masked: for a runbook's preconditions.
pub fn knows(unit: &UnitName) -> Result<bool, HandError> {
    Ok(Unit::look(Systemd::connect(QUESTION)?, unit)?.load_state()? == "loaded")
}
