//! One unit: its properties, read anew each time, and whether it stays as it was brought to be.

use std::time::{Duration, Instant};

use contract::resource::UnitName;
use facts::Root;
use rustix::process::Signal;
use serde::Serialize;
use serde::de::DeserializeOwned;
use zbus::zvariant::{DynamicType, OwnedObjectPath, OwnedValue, Type};

use super::needs::names_above;
use super::{State, Systemd};
use crate::error::HandError;
use crate::place::Place;

pub(super) const UNIT: &str = "org.freedesktop.systemd1.Unit";
const SERVICE: &str = "org.freedesktop.systemd1.Service";
/// A service that cannot run is mostly gone within this time. What falls over later, the run's own check and its hold-down see.
const SETTLE: Duration = Duration::from_millis(200);
/// How often a unit is looked at.
pub(super) const LOOK: Duration = Duration::from_millis(20);

/// A unit that systemd has read, and keeps in memory while this is held: what it says of a run that has ended would be forgotten otherwise.
#[derive(Debug)]
pub(crate) struct Unit {
    pub(super) systemd: Systemd,
    pub(super) name: UnitName,
    path: OwnedObjectPath,
}

impl Unit {
    /// One that can be acted on: it is there, its file can be read, and nobody masked it.
    pub(crate) fn open(name: &UnitName, place: &Place<'_>) -> Result<Self, HandError> {
        let unit = Self::look(Systemd::at(place)?, name)?;
        match unit.load_state()?.as_str() {
            "loaded" => Ok(unit),
            other => Err(unit.said("act on it", format!("it is {other}"))),
        }
    }

    /// One to be looked at, whatever systemd thinks of it.
    pub(crate) fn look(systemd: Systemd, name: &UnitName) -> Result<Self, HandError> {
        let path: OwnedObjectPath = systemd.ask(name, "look at it", "LoadUnit", &name.as_str())?;
        systemd.hold(name, &path)?;
        Ok(Self { systemd, name: name.clone(), path })
    }

    /// Whether both are one unit, under whatever names.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.path == other.path
    }

    /// Its name.
    pub(crate) const fn name(&self) -> &UnitName {
        &self.name
    }

    /// What it says, as an error.
    pub(crate) fn said(&self, action: &'static str, why: String) -> HandError {
        HandError::Unit { unit: self.name.to_string(), action, why }
    }

    /// Asks the manager something about this unit.
    pub(crate) fn ask<B, R>(&self, action: &'static str, method: &str, body: &B) -> Result<R, HandError>
    where
        B: Serialize + DynamicType,
        R: DeserializeOwned + Type,
    {
        self.systemd.ask(&self.name, action, method, body)
    }

    fn of_unit<T: TryFrom<OwnedValue>>(&self, property: &'static str) -> Result<T, HandError> {
        self.systemd.property(&self.name, &self.path, UNIT, property)
    }

    /// A property that only units of its kind have: a service's `Result`.
    pub(crate) fn of_kind<T: TryFrom<OwnedValue>>(&self, property: &'static str) -> Result<T, HandError> {
        let kind = self.kind();
        let mut letters = kind.chars();
        let first = letters.next().map(|c| c.to_ascii_uppercase()).into_iter();
        let interface = format!("{}.{}", super::SYSTEMD, first.chain(letters).collect::<String>());
        self.systemd.property(&self.name, &self.path, &interface, property)
    }

    /// What its name ends in.
    pub(crate) fn kind(&self) -> &str {
        self.name.as_str().rsplit('.').next().unwrap_or_default()
    }

    /// Whether it is there: `loaded`, `not-found`, `masked`, `bad-setting`, `error`.
    pub(super) fn load_state(&self) -> Result<String, HandError> {
        self.of_unit("LoadState")
    }

    /// Whether nothing on the disk describes it.
    pub(crate) fn has_no_file(&self) -> Result<bool, HandError> {
        Ok(self.of_unit::<String>("FragmentPath")?.is_empty())
    }

    /// What it does now.
    pub(crate) fn state(&self) -> Result<State, HandError> {
        self.as_state(&self.of_unit::<String>("ActiveState")?)
    }

    fn as_state(&self, word: &str) -> Result<State, HandError> {
        State::from_word(word).ok_or_else(|| self.said("look at it", format!("it is {word:?}")))
    }

    /// What another unit does, by its whole name.
    pub(super) fn state_of(&self, other: &str) -> Result<State, HandError> {
        let path: OwnedObjectPath = self.ask("look at who needs it", "LoadUnit", &other)?;
        let word: String = self.systemd.property(&self.name, &path, UNIT, "ActiveState")?;
        self.as_state(&word)
    }

    /// More precisely, in the words of its kind: `running`, `exited`, `auto-restart`.
    pub(crate) fn sub_state(&self) -> Result<String, HandError> {
        self.of_unit("SubState")
    }

    /// Which start this is: another after each.
    pub(crate) fn invocation(&self) -> Result<Vec<u8>, HandError> {
        self.of_unit("InvocationID")
    }

    /// Where all of its processes were made to stand still, or all of one of its parts, has them go on: what stands still cannot end when it is asked to, and
    /// whoever asks by other means than systemd's own signals, as nginx's unit does, waits in vain. Where one of them moves, none is touched.
    pub(crate) fn go_on(&self) -> Result<(), HandError> {
        let parts: Vec<String> = self.of_unit("ConsistsOf")?;
        for name in [self.name.to_string()].into_iter().chain(parts).filter(|name| name.ends_with(".service"))
        {
            if let Err(error) = self.one_goes_on(&name) {
                // It is restarted all the same, and takes longer.
                tracing::warn!(unit = %name, error = &error as &dyn std::error::Error, "it may stand still");
            }
        }
        Ok(())
    }

    fn one_goes_on(&self, name: &str) -> Result<(), HandError> {
        const ACTION: &str = "have it go on";
        let path: OwnedObjectPath = self.ask(ACTION, "LoadUnit", &name)?;
        let group: String = self.systemd.property(&self.name, &path, SERVICE, "ControlGroup")?;
        if !facts::stands_still(&Root::new("/"), &group) {
            return Ok(());
        }
        self.ask(ACTION, "KillUnit", &(name, "all", Signal::CONT.as_raw()))
    }

    /// The units that require this one, are bound to it or are part of it, by its whole name.
    pub(super) fn dependants_of(&self, other: &str) -> Result<Vec<String>, HandError> {
        let path: OwnedObjectPath = self.ask("look at who needs it", "LoadUnit", &other)?;
        let mut names = Vec::new();
        for property in ["RequiredBy", "RequisiteOf", "BoundBy", "ConsistsOf"] {
            names.extend(self.systemd.property::<Vec<String>>(&self.name, &path, UNIT, property)?);
        }
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// Whether a unit runs that would be stopped with it, at once or by way of others.
    pub(crate) fn is_needed(&self) -> Result<bool, HandError> {
        for name in names_above(self)? {
            if self.state_of(&name)?.is_wanted() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Waits until it is not being stopped any longer: some work of a unit comes after the end of its job.
    pub(crate) fn rest(&self, place: &Place<'_>) -> Result<State, HandError> {
        loop {
            match self.state()? {
                State::Deactivating => place.go_on()?,
                state => return Ok(state),
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Watches it stay up, by one and the same start, or stay down. Another invocation is another start: this sees a restart also where both looks
    /// find it active, and of units of every kind, as `NRestarts` does of services.
    pub(crate) fn stays(&self, up: bool, action: &'static str, place: &Place<'_>) -> Result<(), HandError> {
        let (begun, first) = (Instant::now(), self.invocation()?);
        while begun.elapsed() < SETTLE {
            place.go_on()?;
            let state = self.state()?;
            if !(if up { state.runs() } else { state.is_down() }) {
                let sub = self.sub_state()?;
                return Err(self.said(action, format!("a moment later it is {state:?} ({sub})")));
            }
            if up && self.invocation()? != first {
                return Err(self.said(action, "it was started again within a moment".to_owned()));
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    /// Whether it is a service whose work is done when it is started.
    pub(crate) fn is_oneshot(&self) -> Result<bool, HandError> {
        Ok(self.kind() == "service" && self.of_kind::<String>("Type")? == "oneshot")
    }
}
