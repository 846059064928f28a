//! The system bus: systemd says which unit changed its state, and timedated that the clock is kept otherwise.
//!
//! What is heard there is only a reason to look: nothing of a message is believed but which unit it is about.

use std::collections::{BTreeSet, HashMap};
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use zbus::Message;
use zbus::blocking::{Connection, MessageIterator, connection};
use zbus::zvariant::OwnedValue;

use changes::{Interests, Stir};

/// Where the bus is.
pub(super) const SOCKET: &str = "/run/dbus/system_bus_socket";

const LIMIT: Duration = Duration::from_secs(10);
const SYSTEMD: &str = "org.freedesktop.systemd1";
const MANAGER: &str = "org.freedesktop.systemd1.Manager";
const MANAGER_PATH: &str = "/org/freedesktop/systemd1";
const UNITS_PATH: &str = "/org/freedesktop/systemd1/unit/";
const TIMEDATE_PATH: &str = "/org/freedesktop/timedate1";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// What the bus is to carry to us.
const RULES: [&str; 3] = [
    "type='signal',sender='org.freedesktop.systemd1',interface='org.freedesktop.DBus.Properties',\
     path_namespace='/org/freedesktop/systemd1/unit',arg0='org.freedesktop.systemd1.Unit'",
    "type='signal',sender='org.freedesktop.systemd1',interface='org.freedesktop.systemd1.Manager',\
     member='UnitFilesChanged'",
    "type='signal',sender='org.freedesktop.timedate1',interface='org.freedesktop.DBus.Properties'",
];

/// What was heard, shared with the thread that hears it.
#[derive(Debug, Default)]
struct Heard {
    stirs: Mutex<BTreeSet<Stir>>,
    /// To end the thread by.
    connection: OnceLock<Connection>,
}

/// A connection that is listened to on a thread of its own.
#[derive(Debug)]
pub(super) struct Bus {
    heard: Arc<Heard>,
    bell: UnixStream,
}

impl AsFd for Bus {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}

impl Drop for Bus {
    /// Ends the thread.
    fn drop(&mut self) {
        if let Some(connection) = self.heard.connection.get() {
            let _ = connection.clone().close();
        }
    }
}

/// Whether `stir` is something that the bus tells of.
pub(super) fn is_told_there(stir: &Stir) -> bool {
    match stir {
        Stir::Unit(_) | Stir::Units | Stir::AllUnits | Stir::Clock => true,
        Stir::Mounts
        | Stir::Swaps
        | Stir::Sockets
        | Stir::Parameter(_)
        | Stir::Processes(_)
        | Stir::Firewall
        | Stir::Audit => false,
    }
}

/// All that may have happened while the bus was not heard.
pub(super) fn all_of(interests: &Interests) -> Vec<Stir> {
    interests.stirs().filter(|stir| is_told_there(stir)).cloned().collect()
}

impl Bus {
    /// Listens to the bus at `socket`. Whatever hangs there hangs the thread alone.
    pub(super) fn listen(socket: &Path) -> io::Result<Self> {
        let (bell, ring) = UnixStream::pair()?;
        bell.set_nonblocking(true)?;
        let heard = Arc::<Heard>::default();
        let (shared, socket) = (Arc::clone(&heard), socket.to_owned());
        let work = move || {
            if let Err(error) = follow(&socket, &shared, &ring) {
                tracing::warn!(%error, "the system bus is not heard: changes are found by the next full scan");
            }
        };
        std::thread::Builder::new().name("bus".to_owned()).spawn(work)?;
        Ok(Self { heard, bell })
    }

    /// What was heard since the last time; none where nothing is heard any more.
    pub(super) fn heard(&self) -> Option<Vec<Stir>> {
        let mut rings = [0; 64];
        let ended = loop {
            match (&self.bell).read(&mut rings) {
                Ok(0) => break true,
                Ok(_) => {}
                Err(_) => break false,
            }
        };
        let stirs = std::mem::take(&mut *self.heard.stirs.lock().unwrap_or_else(PoisonError::into_inner));
        (!ended).then(|| stirs.into_iter().collect())
    }
}

fn follow(socket: &Path, heard: &Heard, ring: &UnixStream) -> zbus::Result<()> {
    let stream = UnixStream::connect(socket).map_err(|e| zbus::Error::InputOutput(Arc::new(e)))?;
    let connection = connection::Builder::async_io_unix_stream(stream).method_timeout(LIMIT).build()?;
    let _ = heard.connection.set(connection.clone());
    let messages = MessageIterator::from(&connection);
    for rule in RULES {
        let bus = Some("org.freedesktop.DBus");
        connection.call_method(bus, "/org/freedesktop/DBus", bus, "AddMatch", &(rule))?;
    }
    // systemd is silent until somebody listens. Where it is not there, there is nothing to hear of it.
    let _ = connection.call_method(Some(SYSTEMD), MANAGER_PATH, Some(MANAGER), "Subscribe", &());
    // The units may have changed before we listened.
    tell(heard, ring, [Stir::AllUnits]);
    for message in messages {
        tell(heard, ring, stirs(&message?));
    }
    Ok(())
}

fn tell(heard: &Heard, mut ring: &UnixStream, stirs: impl IntoIterator<Item = Stir>) {
    let mut kept = heard.stirs.lock().unwrap_or_else(PoisonError::into_inner);
    let before = kept.len();
    kept.extend(stirs);
    if kept.len() > before {
        drop(kept);
        let _ = ring.write(&[1]);
    }
}

/// What a message is about.
fn stirs(message: &Message) -> Vec<Stir> {
    let header = message.header();
    let (Some(path), Some(interface)) = (header.path(), header.interface()) else { return Vec::new() };
    match (interface.as_str(), path.as_str()) {
        // Which units are enabled has changed.
        (MANAGER, MANAGER_PATH) => vec![Stir::AllUnits],
        (PROPERTIES, TIMEDATE_PATH) => vec![Stir::Clock],
        (PROPERTIES, path) => {
            let unit = path.strip_prefix(UNITS_PATH).filter(|_| tells_a_state(message));
            unit.map(|label| vec![Stir::Unit(unescaped(label)), Stir::Units]).unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

/// Whether one of the properties is a state: systemd tells of a timer's next elapse in the same way.
fn tells_a_state(message: &Message) -> bool {
    const STATES: [&str; 3] = ["ActiveState", "LoadState", "UnitFileState"];
    let body = message.body();
    match body.deserialize::<(String, HashMap<String, OwnedValue>, Vec<String>)>() {
        Ok((_, changed, invalid)) => {
            changed.keys().chain(&invalid).any(|name| STATES.contains(&name.as_str()))
        }
        Err(_) => false,
    }
}

/// A unit's name from its object's: what is neither letter nor digit stands there as `_` and two hexadecimal digits.
fn unescaped(label: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = label.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|d| std::str::from_utf8(d).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(|_| *first == b'_') {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_units_name_comes_back_from_its_objects() {
        for (label, unit) in
            [("ssh_2eservice", "ssh.service"), ("a_2db_40_2eservice", "a-b@.service"), ("x_", "x_")]
        {
            assert_eq!(unescaped(label), unit);
        }
    }
}
