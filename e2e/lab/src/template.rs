//! A machine, booted and installed once, and frozen: what every case begins with.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::agent::Agent;
use crate::image::Image;
use crate::machine::Machine;
use crate::process::{DISKS, Memory, Process, overlay, scratch};
use crate::{Accelerator, Result};

/// A boot takes ten to twenty seconds where instructions are translated.
pub(crate) const BOOT: Duration = Duration::from_secs(120);

/// What a template is made of beyond the image.
pub type Plan<'a> = &'a dyn Fn(&mut Machine) -> Result<()>;

/// A frozen machine.
#[derive(Debug)]
pub struct Template {
    image: Image,
    directory: tempfile::TempDir,
}

impl Template {
    /// Boots a machine, lets `plan` install what it wants, and freezes it.
    pub fn make(image: &Image, plan: Plan<'_>) -> Result<Self> {
        let directory = scratch()?;
        disks(image, directory.path())?;
        let begun = Instant::now();
        let process =
            Process::start(image, directory.path(), Memory::Template(&directory.path().join("memory")))?;
        let mut machine = Machine::new(image.clone(), directory, process);
        machine.wait(BOOT)?;
        eprintln!(
            "lab: booted in {:.1} s, by {}",
            begun.elapsed().as_secs_f64(),
            Accelerator::probe().words()
        );
        let begun = Instant::now();
        plan(&mut machine)?;
        machine.ok("sync; echo 3 >/proc/sys/vm/drop_caches")?;
        eprintln!("lab: made ready in {:.1} s", begun.elapsed().as_secs_f64());
        let directory = machine.freeze()?;
        Ok(Self { image: image.clone(), directory })
    }

    /// A running copy of it, with a clock that is right.
    pub fn clone_machine(&self) -> Result<Machine> {
        let directory = scratch()?;
        for (name, size) in DISKS {
            let file = format!("{name}.qcow2");
            let below = self.directory.path().join(&file);
            overlay(&directory.path().join(&file), Some((&below, "qcow2")), size)?;
        }
        let memory = Memory::Copy(&self.memory());
        let mut process = Process::start(&self.image, directory.path(), memory)?;
        ignore_memory(&mut process)?;
        let from = json!({ "uri": format!("exec:cat {}", self.devices().display()) });
        process.qmp.ask("migrate-incoming", &from)?;
        process.qmp.until("query-status", |said| match said["status"].as_str() {
            Some("inmigrate") => Ok(false),
            Some("paused" | "postmigrate" | "running" | "prelaunch") => Ok(true),
            other => Err(format!("the frozen machine does not come back: {other:?}")),
        })?;
        process.qmp.ask("cont", &json!({}))?;
        let mut machine = Machine::new(self.image.clone(), directory, process);
        machine.wait(Duration::from_secs(20))?;
        machine.set_clock(edge::clock::utc())?;
        Ok(machine)
    }

    fn memory(&self) -> PathBuf {
        self.directory.path().join("memory")
    }

    fn devices(&self) -> PathBuf {
        devices(self.directory.path())
    }
}

/// A machine's disks, each above what it begins as.
pub(crate) fn disks(image: &Image, directory: &Path) -> Result<()> {
    for (name, size) in DISKS {
        let below = image.disk(name);
        let below = below.as_ref().map(|(below, format)| (below.as_path(), *format));
        overlay(&directory.join(format!("{name}.qcow2")), below, size)?;
    }
    Ok(())
}

pub(crate) fn devices(directory: &Path) -> PathBuf {
    directory.join("devices")
}

/// Memory stays in its file: only what the devices know is written and read.
pub(crate) fn ignore_memory(process: &mut Process) -> Result<()> {
    let capability = json!({ "capabilities": [{ "capability": "x-ignore-shared", "state": true }] });
    process.qmp.ask("migrate-set-capabilities", &capability).map(drop)
}

/// The agent of a machine in a directory.
pub(crate) fn agent(directory: &Path) -> Agent {
    Agent::new(directory.join("agent.sock"))
}
