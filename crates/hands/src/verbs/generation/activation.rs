//! `switch-to-configuration`, run by systemd as a unit of its own: it goes on when the executor is restarted in the middle, which it may do itself.

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use zbus::blocking::Connection;
use zbus::zvariant::{OwnedObjectPath, OwnedValue, Value};

use super::profile::Profile;
use crate::bus;
use crate::place::Generation;
use crate::{HandError, Place};

const UNIT: &str = "suture-generation.service";
const SYSTEMD: &str = "org.freedesktop.systemd1";
const PATH: &str = "/org/freedesktop/systemd1";
const MANAGER: &str = "org.freedesktop.systemd1.Manager";
/// How long one call to systemd may take: an activation reloads it meanwhile.
const CALL: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(100);
/// The states of a unit that does something. One that was never started is in none of them.
const AT_WORK: [&str; 3] = ["activating", "deactivating", "reloading"];
/// Those of one that was asked to start and has not ended: between the asking and the start it is still `inactive`, and is not to be taken for one that
/// ended, which it would not survive. It stays when it ends, as `active` or `failed`.
const BEFORE_ITS_END: [&str; 4] = ["inactive", "activating", "deactivating", "reloading"];

/// The program of a generation, which must be there before anything is touched.
pub(super) fn look(profile: &Profile, generation: &Generation) -> Result<PathBuf, HandError> {
    let closure = generation.closure.strip_prefix("/").unwrap_or(&generation.closure);
    let program = profile.root().join(closure).join("bin/switch-to-configuration");
    if program.is_file() {
        Ok(program)
    } else {
        Err(HandError::unfit(&program, "switch to its generation", "it is not there"))
    }
}

/// Runs it to its end, which must be a good one.
pub(super) fn run(
    profile: &Profile,
    generation: &Generation,
    how: &str,
    place: &Place<'_>,
) -> Result<(), HandError> {
    let program = look(profile, generation)?;
    let systemd = Systemd(bus::connect(CALL)?);
    // One that an earlier process started is at work on the machine: two at once would be the end of it.
    systemd.await_end(&AT_WORK, place)?;
    systemd.forget();
    systemd.start(&program.to_string_lossy(), how)?;
    let ended = systemd.await_end(&BEFORE_ITS_END, place);
    let result = systemd.result();
    match ended {
        // It goes on: half a switch is worse than a late one. The undoing waits for it.
        Err(why) => Err(why),
        Ok(()) if result.as_ref().is_ok_and(|word| word == "success") => {
            systemd.forget();
            Ok(())
        }
        Ok(()) => {
            systemd.forget();
            Err(HandError::Unit {
                unit: UNIT.to_owned(),
                action: "switch to a generation",
                why: result.unwrap_or_else(|e| e.to_string()),
            })
        }
    }
}

struct Systemd(Connection);

impl Systemd {
    fn start(&self, program: &str, how: &str) -> Result<(), HandError> {
        let command = vec![(program, vec![program, how], false)];
        // As `nixos-rebuild` gives it.
        let environment = vec![
            "NIXOS_INSTALL_BOOTLOADER=0",
            "LOCALE_ARCHIVE=/run/current-system/sw/lib/locale/locale-archive",
        ];
        let properties: Vec<(&str, Value<'_>)> = vec![
            ("Description", Value::from("Switch to a NixOS generation, for Suture")),
            ("Type", Value::from("oneshot")),
            // Its end is to be seen, also by another process.
            ("RemainAfterExit", Value::from(true)),
            ("Environment", Value::from(environment)),
            ("ExecStart", Value::from(command)),
        ];
        let none: Vec<(&str, Vec<(&str, Value<'_>)>)> = Vec::new();
        let called = self.call("StartTransientUnit", &(UNIT, "fail", properties, none));
        called.map(drop).map_err(|e| bus::said(UNIT, "start it", &e))
    }

    /// Waits for as long as it is in one of these states.
    fn await_end(&self, states: &[&str], place: &Place<'_>) -> Result<(), HandError> {
        while states.contains(&self.state()?.as_str()) {
            place.go_on()?;
            thread::sleep(LOOK);
        }
        Ok(())
    }

    fn state(&self) -> Result<String, HandError> {
        let reply = self.call("LoadUnit", &UNIT).map_err(|e| bus::said(UNIT, "look at it", &e))?;
        let path: OwnedObjectPath =
            reply.body().deserialize().map_err(|e| bus::said(UNIT, "look at it", &e))?;
        self.property(&path, "org.freedesktop.systemd1.Unit", "ActiveState")
    }

    fn result(&self) -> Result<String, HandError> {
        let reply = self.call("LoadUnit", &UNIT).map_err(|e| bus::said(UNIT, "look at it", &e))?;
        let path: OwnedObjectPath =
            reply.body().deserialize().map_err(|e| bus::said(UNIT, "look at it", &e))?;
        self.property(&path, "org.freedesktop.systemd1.Service", "Result")
    }

    fn property(
        &self,
        path: &OwnedObjectPath,
        interface: &str,
        name: &'static str,
    ) -> Result<String, HandError> {
        let properties = Some("org.freedesktop.DBus.Properties");
        let reply = self.0.call_method(Some(SYSTEMD), path, properties, "Get", &(interface, name));
        let value: OwnedValue =
            reply.and_then(|r| r.body().deserialize()).map_err(|e| bus::said(UNIT, name, &e))?;
        String::try_from(value).map_err(|e| bus::said(UNIT, name, &e))
    }

    /// Lets systemd forget one that has ended. That there is none is as good.
    fn forget(&self) {
        let stopped = self.call("StopUnit", &(UNIT, "replace"));
        let reset = self.call("ResetFailedUnit", &UNIT);
        tracing::debug!(?stopped, ?reset, "the last activation is forgotten");
    }

    fn call(
        &self,
        method: &'static str,
        body: &(impl serde::Serialize + zbus::zvariant::DynamicType),
    ) -> zbus::Result<zbus::Message> {
        self.0.call_method(Some(SYSTEMD), PATH, Some(MANAGER), method, body)
    }
}
