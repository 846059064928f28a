//! One QEMU: its command line, its start, its end.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Result;
use crate::accelerator::Accelerator;
use crate::image::Image;
use crate::qmp::Qmp;

/// What a small clinic's server has, less what nobody needs here.
pub(crate) const MEMORY: &str = "768M";
/// The disks beside the first: one for data, one to be encrypted.
pub(crate) const DISKS: [(&str, &str); 3] = [("root", "24G"), ("data", "512M"), ("vault", "128M")];

/// Where the memory is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Memory<'a> {
    /// In a file, which it becomes the template of.
    Template(&'a Path),
    /// As a file says, each change in a copy of one's own.
    Copy(&'a Path),
    /// Nowhere else.
    Own,
}

/// A running QEMU. Killed when dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    pub(crate) qmp: Qmp,
}

impl Process {
    /// Starts one in a directory that holds its disks; sockets and the console go there too.
    pub(crate) fn start(image: &Image, directory: &Path, memory: Memory<'_>) -> Result<Self> {
        let at = |name: &str| directory.join(name).display().to_string();
        let mut command = Command::new("setpriv");
        // It ends with the thread that started it, however that ends.
        command.args([
            "--pdeathsig",
            "KILL",
            "--",
            "qemu-system-x86_64",
            "-M",
            "q35",
            "-smp",
            "2",
            "-m",
            MEMORY,
        ]);
        command.args(Accelerator::probe().arguments());
        command.args(["-nodefaults", "-nographic", "-no-reboot"]);
        let backend = |file: &Path, share: &str| {
            format!("memory-backend-file,id=mem,size={MEMORY},mem-path={},share={share}", file.display())
        };
        match memory {
            Memory::Template(file) => {
                command.args(["-object", &backend(file, "on"), "-machine", "memory-backend=mem"])
            }
            Memory::Copy(file) => command.args([
                "-object",
                &backend(file, "off"),
                "-machine",
                "memory-backend=mem",
                "-incoming",
                "defer",
            ]),
            Memory::Own => command.args([
                "-object",
                &format!("memory-backend-ram,id=mem,size={MEMORY}"),
                "-machine",
                "memory-backend=mem",
            ]),
        };
        command.arg("-kernel").arg(image.kernel()).arg("-initrd").arg(image.initrd());
        command.args(["-append", "console=ttyS0 panic=-1 quiet mitigations=off"]);
        for (name, _) in DISKS {
            let disk = directory.join(format!("{name}.qcow2"));
            command.args([
                "-drive",
                &format!("if=none,id={name},file={},format=qcow2,cache=writeback", disk.display()),
            ]);
            command.args(["-device", &format!("virtio-blk-pci,drive={name}")]);
        }
        command.args(["-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,id=nic,romfile="]);
        command.args(["-device", "virtio-rng-pci", "-device", "virtio-serial-pci"]);
        command.args(["-chardev", &format!("socket,id=agent,path={},server=on,wait=off", at("agent.sock"))]);
        command.args(["-device", "virtserialport,chardev=agent,name=org.qemu.guest_agent.0"]);
        command.args([
            "-chardev",
            &format!("file,id=console,append=on,path={}", at("console")),
            "-serial",
            "chardev:console",
        ]);
        command.args(["-qmp", &format!("unix:{},server=on,wait=off", at("qmp.sock"))]);
        let log = File::create(directory.join("qemu.log")).map_err(|e| e.to_string())?;
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(|e| format!("setpriv: {e}"))?;
        match connected(&mut child, &directory.join("qmp.sock")) {
            Ok(qmp) => Ok(Self { child, qmp }),
            Err(why) => {
                let _ = child.kill();
                let _ = child.wait();
                let words = std::fs::read_to_string(directory.join("qemu.log")).unwrap_or_default();
                Err(format!("QEMU: {why}\n{words}"))
            }
        }
    }

    /// Pulls the plug: nothing is flushed, nothing is told.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits until it ends by itself; false where it does not within `limit`.
    pub(crate) fn ends_within(&mut self, limit: Duration) -> Result<bool> {
        let begun = Instant::now();
        while begun.elapsed() < limit {
            if self.child.try_wait().map_err(|e| e.to_string())?.is_some() {
                return Ok(true);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(false)
    }

    /// Waits for its end after it was asked to.
    pub(crate) fn ended(mut self) -> Result<()> {
        let status = self.child.wait().map_err(|e| e.to_string())?;
        if status.success() { Ok(()) } else { Err(format!("QEMU ended with {status}")) }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn connected(child: &mut Child, socket: &Path) -> Result<Qmp> {
    let begun = Instant::now();
    loop {
        match Qmp::connect(socket) {
            Ok(qmp) => return Ok(qmp),
            Err(why) if begun.elapsed() > Duration::from_secs(20) => return Err(why),
            Err(_) => {}
        }
        if let Ok(Some(status)) = child.try_wait() {
            return Err(format!("it ended with {status}"));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Makes a disk that holds what was changed above another one; an empty one without.
pub(crate) fn overlay(disk: &Path, below: Option<(&Path, &str)>, size: &str) -> Result<()> {
    let mut command = Command::new("qemu-img");
    command.args(["create", "-q", "-f", "qcow2"]);
    if let Some((below, format)) = below {
        command.arg("-b").arg(below).args(["-F", format]);
    }
    let output = command.arg(disk).arg(size).output().map_err(|e| format!("qemu-img: {e}"))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(format!("qemu-img: {}", String::from_utf8_lossy(&output.stderr)))
    }
}

/// Where machines live: in memory, where a sync costs nothing and a cut of power loses what it would lose on a disk. What killed processes left there
/// goes first.
pub(crate) fn scratch() -> Result<tempfile::TempDir> {
    let place = Path::new("/dev/shm");
    for entry in std::fs::read_dir(place).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let whose = name.strip_prefix("lab-").and_then(|rest| rest.split('-').next()?.parse::<u32>().ok());
        if whose.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
    let prefix = format!("lab-{}-", std::process::id());
    tempfile::Builder::new()
        .prefix(&prefix)
        .tempdir_in(place)
        .map_err(|e| format!("{}: {e}", place.display()))
}
