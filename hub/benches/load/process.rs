//! The hub as a process, and what the kernel says of it.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use contract::event::{Event, Traced};

pub(crate) struct Hub(Child);

impl Hub {
    /// Begins it on that port (any where it is 0), and returns once it is ready.
    pub(crate) fn begin(directory: &Path, port: u16) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_suture-hub"))
            .args(["serve", "--operator", "127.0.0.1:0", "--events", "--dir"])
            .arg(directory)
            .args(["--device", &format!("127.0.0.1:{port}")])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // Before it is ready it may say what it has put on the queue again.
        let is_ready = |line: &str| {
            matches!(serde_json::from_str::<Traced>(line).unwrap().event, Event::HubReady { .. })
        };
        while !is_ready(&lines.next().unwrap().unwrap()) {}
        // Somebody has to read what it says, or it waits for that.
        std::thread::spawn(move || lines.for_each(drop));
        Self(child)
    }

    pub(crate) fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    pub(crate) fn rss_mb(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
    }

    /// The seconds that it has burnt.
    pub(crate) fn cpu(&self) -> f64 {
        cpu_of(self.0.id())
    }
}

/// The seconds that a process has burnt.
pub(crate) fn cpu_of(process: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u32 = fields[11].parse::<u32>().unwrap() + fields[12].parse::<u32>().unwrap();
    // USER_HZ, which Linux has fixed at a hundred.
    f64::from(ticks) / 100.0
}

impl Drop for Hub {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
