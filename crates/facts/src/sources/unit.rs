//! systemd's units, over D-Bus: properties only. `LoadUnit` makes systemd read a unit's file and starts nothing.

use std::cell::OnceCell;
use std::io::ErrorKind;
use std::os::unix::net::UnixStream;
use std::path::Path;

use contract::fact::{Absence, FactValue, Observation};
use zbus::blocking::{Connection, connection};
use zbus::zvariant::{OwnedObjectPath, OwnedValue};

use super::FactSource;
use super::settings::word;
use crate::config::Config;
use crate::inputs::{self, Input};
use crate::processes::{lists, stands_still};

const SYSTEMD: &str = "org.freedesktop.systemd1";
const MANAGER: &str = "org.freedesktop.systemd1.Manager";
const MANAGER_PATH: &str = "/org/freedesktop/systemd1";
const BUS: &str = "/run/dbus/system_bus_socket";

/// What a site decides by itself to offer, or not to: one that is not enabled is not missed. The journal, the audit daemon and the timetable are no
/// such matter, and are missed wherever they are installed.
const OFFERED: [&str; 5] =
    ["chrony.service", "nftables.service", "nginx.service", "postgresql.service", "ssh.service"];
/// How the names of services end.
const SERVICE: &str = ".service";
/// What is said of a service whose processes all stand still.
const HALTED: &str = "halted";
/// Debian's unit for all of its databases.
const STANDS_FOR_OTHERS: &str = "postgresql.service";

/// systemd's units.
pub(crate) struct Unit<'a> {
    config: &'a Config,
    bus: OnceCell<Result<Connection, Absence>>,
}

impl<'a> Unit<'a> {
    pub(crate) fn new(config: &'a Config) -> Self {
        Self { config, bus: OnceCell::new() }
    }

    fn bus(&self) -> Result<&Connection, Absence> {
        self.bus.get_or_init(|| self.connect()).as_ref().map_err(|a| *a)
    }

    fn connect(&self) -> Result<Connection, Absence> {
        let root = &self.config.root;
        // systemd makes this directory where it is the first process, and only there.
        if !root.has("/run/systemd/system")? || !root.has(BUS)? {
            return Err(Absence::NotRunning);
        }
        let stream = UnixStream::connect(root.path(BUS)).map_err(|e| match e.kind() {
            ErrorKind::ConnectionRefused => Absence::NotRunning,
            _ => root.absence(&e),
        })?;
        let builder = connection::Builder::async_io_unix_stream(stream).method_timeout(self.config.limit);
        builder.build().map_err(|e| absence(&e))
    }

    fn property(&self, path: &str, interface: &str, name: &str) -> Result<OwnedValue, Absence> {
        let properties = Some("org.freedesktop.DBus.Properties");
        let reply = self.bus()?.call_method(Some(SYSTEMD), path, properties, "Get", &(interface, name));
        reply.map_err(|e| absence(&e))?.body().deserialize().map_err(|_| Absence::Malformed)
    }

    fn failed_count(&self) -> Observation {
        let count = self.property(MANAGER_PATH, MANAGER, "NFailedUnits")?;
        u32::try_from(count).map(|n| FactValue::Number(i64::from(n))).map_err(|_| Absence::Malformed)
    }

    fn active_state(&self, unit: &str) -> Observation {
        let path = self.load(unit)?;
        let text = |name: &str| {
            let value = self.property(&path, "org.freedesktop.systemd1.Unit", name)?;
            String::try_from(value).map_err(|_| Absence::Malformed)
        };
        if text("LoadState")? == "not-found" {
            return Err(Absence::NotInstalled);
        }
        // A unit that reads its settings anew goes on running: see systemd(1), "reloading".
        let state = text("ActiveState")
            .map(|state| if state == "reloading" { "active".to_owned() } else { state })?;
        let is_offered = !OFFERED.contains(&unit)
            || state == "active"
            || match text("UnitFileState")?.as_str() {
                "disabled" => false,
                // Held back, and still wanted at boot: whoever masked it did not take back that it is to run.
                "masked" | "masked-runtime" => self.is_wanted(&path)?,
                _ => true,
            };
        match is_offered {
            false => Err(Absence::DoesNotApply),
            true if state == "active" && unit == STANDS_FOR_OTHERS => self.least_of_its_parts(&path),
            true if state == "active" && self.is_halted(&path, unit)? => word(HALTED),
            true => word(&state),
        }
    }

    /// Debian's `postgresql.service` runs nothing: it starts one unit for each cluster, and is active whatever becomes of them. So a unit that has done its
    /// work and stands for others is as they are: the first of its parts that does not run, as systemd has it (`ConsistsOf`, org.freedesktop.systemd1(5)).
    fn least_of_its_parts(&self, path: &OwnedObjectPath) -> Observation {
        let of = |path: &str, name: &str| self.property(path, "org.freedesktop.systemd1.Unit", name);
        let text = |path: &str, name: &str| String::try_from(of(path, name)?).map_err(|_| Absence::Malformed);
        if text(path, "SubState")? != "exited" {
            return word(if self.is_halted(path, STANDS_FOR_OTHERS)? { HALTED } else { "active" });
        }
        let parts = Vec::<String>::try_from(of(path, "ConsistsOf")?).map_err(|_| Absence::Malformed)?;
        for part in parts {
            let path = self.load(&part)?;
            let state = text(&path, "ActiveState")?;
            if state != "active" {
                return word(&state);
            }
            if self.is_halted(&path, &part)? {
                return word(HALTED);
            }
        }
        word("active")
    }

    /// Whether each of its processes stands still, by a signal (a debugger's is another state): systemd goes on calling it active, and it answers nobody. Where
    /// one of them moves, somebody may be served. What is no service, and what has no process, is not meant; a process that cannot be looked at moves.
    fn is_halted(&self, path: &OwnedObjectPath, unit: &str) -> Result<bool, Absence> {
        if !unit.ends_with(SERVICE) {
            return Ok(false);
        }
        let group = self.property(path, "org.freedesktop.systemd1.Service", "ControlGroup")?;
        let group = String::try_from(group).map_err(|_| Absence::Malformed)?;
        Ok(stands_still(&self.config.root, &group))
    }

    /// Where systemd puts the processes of `unit`, unless it was told another place, and those of the units that it stands for.
    fn groups(&self, unit: &str) -> Vec<String> {
        let slice = format!("/system.slice/system-{}.slice", unit.trim_end_matches(SERVICE));
        let parts = |listed: String| self.config.root.names(Path::new(&listed).parent()?).ok();
        let parts = (unit == STANDS_FOR_OTHERS).then(|| lists(&slice).find_map(parts)).flatten();
        let parts = parts.into_iter().flatten().filter(|name| name.ends_with(SERVICE));
        parts.map(|part| format!("{slice}/{part}")).chain([format!("/system.slice/{unit}")]).collect()
    }

    fn load(&self, unit: &str) -> Result<OwnedObjectPath, Absence> {
        let reply = self.bus()?.call_method(Some(SYSTEMD), MANAGER_PATH, Some(MANAGER), "LoadUnit", &(unit));
        reply.map_err(|e| absence(&e))?.body().deserialize().map_err(|_| Absence::Malformed)
    }

    /// Whether anything starts it: see org.freedesktop.systemd1(5).
    fn is_wanted(&self, path: &OwnedObjectPath) -> Result<bool, Absence> {
        let value = self.property(path, "org.freedesktop.systemd1.Unit", "WantedBy")?;
        let wanted_by = Vec::<String>::try_from(value).map_err(|_| Absence::Malformed)?;
        Ok(!wanted_by.is_empty())
    }
}

impl FactSource for Unit<'_> {
    fn read(&self, name: &str) -> Observation {
        match name {
            "failed_count" => self.failed_count(),
            unit if unit.contains('.') && !unit.contains('/') => self.active_state(unit),
            _ => Err(Absence::Unsupported),
        }
    }

    fn inputs(&self, name: &str) -> Vec<Input> {
        let which = match name {
            // The parts of one that stands for others, whose names nobody knows before, are among all units.
            "failed_count" | STANDS_FOR_OTHERS => Input::Units,
            unit if unit.contains('.') && !unit.contains('/') => Input::Unit(unit.to_owned()),
            _ => return Vec::new(),
        };
        let mut all = [inputs::places(&self.config.root, ["/run/systemd/system", BUS]), vec![which]].concat();
        if name.ends_with(SERVICE) {
            // That a process stands still is announced to nobody.
            let listed = self.groups(name).into_iter().flat_map(|group| lists(&group).collect::<Vec<_>>());
            let listed = listed.map(|listed| self.config.root.path(listed)).filter(|listed| listed.exists());
            all.extend(listed.map(Input::Processes));
            // A service may have a group elsewhere.
            all.push(Input::Every(inputs::MINUTE));
        }
        all
    }
}

/// Why the bus gave no answer.
fn absence(error: &zbus::Error) -> Absence {
    match error {
        zbus::Error::InputOutput(e) if e.kind() == ErrorKind::TimedOut => Absence::TimedOut,
        zbus::Error::InputOutput(_) => Absence::NotRunning,
        zbus::Error::MethodError(name, ..) => match name.rsplit('.').next() {
            Some("NoSuchUnit") => Absence::NotInstalled,
            Some("ServiceUnknown" | "NameHasNoOwner") => Absence::NotRunning,
            _ => Absence::Unreadable,
        },
        _ => Absence::Unreadable,
    }
}
