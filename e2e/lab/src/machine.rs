//! A running machine: what a case does with it.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use contract::time::UtcTime;
use serde_json::json;
use tempfile::TempDir;

use crate::Result;
use crate::agent::{Agent, Ran};
use crate::image::Image;
use crate::process::{DISKS, Memory, Process, scratch};
use crate::template::{BOOT, agent, devices, disks, ignore_memory};

/// How long a line of shell may take.
const RUN: Duration = Duration::from_secs(400);

/// A running machine. Gone, with its disks, when it is dropped.
#[derive(Debug)]
pub struct Machine {
    image: Image,
    process: Option<Process>,
    agent: Agent,
    directory: TempDir,
}

impl Machine {
    pub(crate) fn new(image: Image, directory: TempDir, process: Process) -> Self {
        let agent = agent(directory.path());
        Self { image, process: Some(process), agent, directory }
    }

    pub(crate) fn wait(&mut self, limit: Duration) -> Result<()> {
        self.agent.wait(limit).map_err(|e| format!("{e}; its console:\n{}", self.console()))
    }

    /// What its console has shown.
    pub fn console(&self) -> String {
        let bytes = fs::read(self.directory.path().join("console")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Runs a line of shell to its end.
    pub fn sh(&mut self, script: &str) -> Result<Ran> {
        self.agent.run(&["/bin/sh", "-c", script], b"", RUN)
    }

    /// Runs a line of shell that must succeed; what it printed, without the last line's end.
    pub fn ok(&mut self, script: &str) -> Result<String> {
        self.sh(script)?.said(script)
    }

    /// Writes a file, with its directories.
    pub fn put(&mut self, path: &str, bytes: &[u8]) -> Result<()> {
        if let Some((directory, _)) = path.rsplit_once('/') {
            self.ok(&format!("mkdir -p '{directory}'"))?;
        }
        self.agent.put(path, bytes)
    }

    /// A file's bytes.
    pub fn get(&mut self, path: &str) -> Result<Vec<u8>> {
        self.agent.get(path)
    }

    /// Seconds since it was booted, by its own monotonic clock.
    pub fn uptime(&mut self) -> Result<f64> {
        let said = self.ok("cut -d' ' -f1 /proc/uptime")?;
        said.parse().map_err(|e| format!("uptime {said:?}: {e}"))
    }

    /// Sets its wall clock.
    pub fn set_clock(&mut self, to: UtcTime) -> Result<()> {
        let ms = to.unix_ms();
        self.ok(&format!("date -s @{}.{:03}", ms.div_euclid(1000), ms.rem_euclid(1000))).map(drop)
    }

    /// Pulls or plugs in the network cable.
    pub fn set_cable(&mut self, plugged: bool) -> Result<()> {
        self.running()?.qmp.ask("set_link", &json!({ "name": "nic", "up": plugged })).map(drop)
    }

    /// Cuts its power: what was not synced is lost.
    pub fn cut_power(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }

    /// Waits until its power is cut from inside, as by the kernel's `b` of sysrq; false where it is not within `limit`.
    pub fn loses_power(&mut self, limit: Duration) -> Result<bool> {
        let lost = self.running()?.ends_within(limit)?;
        if lost {
            self.process = None;
        }
        Ok(lost)
    }

    /// Tears a disk (`data`) while the power is cut: other bytes stand there now.
    pub fn tear(&self, disk: &str, from: u64, bytes: u64) -> Result<()> {
        if self.process.is_some() {
            return Err("it has power: a disk is torn without".to_owned());
        }
        let file = self.directory.path().join(format!("{disk}.qcow2"));
        let write = format!("write -q -P 0xa5 {from} {bytes}");
        let output = Command::new("qemu-io").args(["-f", "qcow2", "-c", &write]).arg(&file).output();
        let output = output.map_err(|e| format!("qemu-io: {e}"))?;
        if output.status.success() && output.stderr.is_empty() {
            return Ok(());
        }
        Err(format!("{}: {}", file.display(), String::from_utf8_lossy(&output.stderr)))
    }

    /// Power is back: it boots from what is on its disks.
    pub fn boot_again(&mut self) -> Result<()> {
        self.cut_power();
        self.process = Some(Process::start(&self.image, self.directory.path(), Memory::Own)?);
        self.wait(BOOT)
    }

    fn running(&mut self) -> Result<&mut Process> {
        self.process.as_mut().ok_or_else(|| "its power is cut".to_owned())
    }

    /// Stops it for good and leaves memory, devices and disks as they are.
    pub(crate) fn freeze(mut self) -> Result<TempDir> {
        let to = json!({ "uri": format!("exec:cat > {}", devices(self.directory.path()).display()) });
        let mut process = self.process.take().ok_or("its power is cut")?;
        process.qmp.ask("stop", &json!({}))?;
        ignore_memory(&mut process)?;
        process.qmp.ask("migrate", &to)?;
        process.qmp.until("query-migrate", |said| match said["status"].as_str() {
            Some("completed") => Ok(true),
            Some("failed" | "cancelled") => Err(format!("it cannot be frozen: {said}")),
            _ => Ok(false),
        })?;
        // Its answer may be lost with it: that it ended is what counts.
        let _ = process.qmp.ask("quit", &json!({}));
        process.ended()?;
        Ok(self.directory)
    }
}

/// Boots an image, runs a script in it, shuts it down, and leaves its disks in a directory.
pub(crate) fn set_up(image: &Image, script: &str, directory: &Path) -> Result<()> {
    let scratch = scratch()?;
    disks(image, scratch.path())?;
    let process = Process::start(image, scratch.path(), Memory::Own)?;
    let mut machine = Machine::new(image.clone(), scratch, process);
    machine.wait(BOOT)?;
    machine.set_clock(edge::clock::utc())?;
    machine.put("/var/lab/set-up.sh", script.as_bytes())?;
    machine.ok("sh -eux /var/lab/set-up.sh >/var/lab/set-up.log 2>&1 || { tail -12 /var/lab/set-up.log; journalctl --no-pager -n 12 -p notice; exit 1; }")?;
    machine.ok("systemctl poweroff")?;
    let process = machine.process.take().ok_or("its power is cut")?;
    process.ended()?;
    for (name, _) in DISKS {
        let disk = format!("{name}.qcow2");
        fs::copy(machine.directory.path().join(&disk), directory.join(&disk))
            .map_err(|e| format!("{disk}: {e}"))?;
    }
    Ok(())
}
