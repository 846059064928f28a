//! The clinic's machine: one of its own under an emulator, or a container on this one.

use std::time::Duration;

use contract::time::UtcTime;
use lab::Ran;

use crate::Result;
use crate::contained::Contained;

/// Either.
#[derive(Debug)]
pub enum Machine {
    /// It has a kernel, disks and a clock of its own, and its power can be cut.
    Own(lab::Machine),
    /// It has this machine's, and is as fast.
    Contained(Contained),
}

impl Machine {
    /// Runs a line of shell to its end.
    pub fn sh(&mut self, script: &str) -> Result<Ran> {
        match self {
            Self::Own(machine) => machine.sh(script),
            Self::Contained(contained) => contained.sh(script),
        }
    }

    /// Runs a line of shell that must succeed; what it printed, without the last line's end.
    pub fn ok(&mut self, script: &str) -> Result<String> {
        self.sh(script)?.said(script)
    }

    /// A file's bytes.
    pub fn get(&mut self, path: &str) -> Result<Vec<u8>> {
        match self {
            Self::Own(machine) => machine.get(path),
            Self::Contained(contained) => contained.get(path),
        }
    }

    /// Sets its wall clock.
    pub fn set_clock(&mut self, to: UtcTime) -> Result<()> {
        self.own()?.set_clock(to)
    }

    /// Pulls or plugs in the network cable.
    pub fn set_cable(&mut self, plugged: bool) -> Result<()> {
        self.own()?.set_cable(plugged)
    }

    /// Cuts its power: what was not synced is lost.
    pub fn cut_power(&mut self) -> Result<()> {
        self.own()?.cut_power();
        Ok(())
    }

    /// Waits until its power is cut from inside; false where it is not within `limit`.
    pub fn loses_power(&mut self, limit: Duration) -> Result<bool> {
        self.own()?.loses_power(limit)
    }

    /// Tears a disk while the power is cut.
    pub fn tear(&mut self, disk: &str, from: u64, bytes: u64) -> Result<()> {
        self.own()?.tear(disk, from, bytes)
    }

    /// Power is back: it boots from what is on its disks.
    pub fn boot_again(&mut self) -> Result<()> {
        self.own()?.boot_again()
    }

    fn own(&mut self) -> Result<&mut lab::Machine> {
        match self {
            Self::Own(machine) => Ok(machine),
            Self::Contained(_) => Err("a container has no power, disk or clock of its own".to_owned()),
        }
    }
}
