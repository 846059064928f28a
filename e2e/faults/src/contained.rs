//! The clinic's machine as a container on this one, wired to it: it boots in half a second, and what runs in it runs as fast as anything here. It has no
//! kernel, clock or disk of its own, so only faults that need none are done to it.

use std::process::{Command, Output};

use guest::Guest;
use lab::Ran;
use tempfile::TempDir;

use crate::Result;

/// This machine's end of the wire.
pub(crate) const HUB: &str = "198.18.77.1";
/// The container's end. The range is one that nobody routes (RFC 2544).
const INSIDE: &str = "198.18.77.2";

/// A running container. Ended, with all that runs in it, when it is dropped.
#[derive(Debug)]
pub struct Contained {
    guest: Guest,
    disk: TempDir,
}

impl Contained {
    /// Boots one, and wires it to this machine. One at a time.
    pub(crate) fn boot() -> Result<Self> {
        let disk = tempfile::tempdir_in("/var/tmp").map_err(|e| format!("/var/tmp: {e}"))?;
        let contained = Self { guest: Guest::plan().share(disk.path()).boot(), disk };
        let (init, wire) = (contained.guest.init(), format!("suture{}", std::process::id()));
        // The wire of one that ended a moment ago goes with it, and may be there still.
        let _ = Command::new("ip").args(["link", "delete", &wire]).output();
        let ip = |words: String| -> Result<()> {
            let output =
                Command::new("ip").args(words.split(' ')).output().map_err(|e| format!("ip: {e}"))?;
            if output.status.success() {
                Ok(())
            } else {
                Err(format!("ip {words}: {}", text(&output.stderr)))
            }
        };
        ip(format!("link add {wire} type veth peer name host0 netns {init}"))?;
        ip(format!("address add {HUB}/30 dev {wire}"))?;
        ip(format!("link set {wire} up"))?;
        // What Suture keeps lies on a disk, so that a sync costs what it costs.
        let inside = format!(
            "ip address add {INSIDE}/30 dev host0 && ip link set host0 up && ip link set lo up && ip route replace default via {HUB} && echo '{HUB} hub.lab' >>/etc/hosts && mkdir -p /var/lib/suture && mount --bind '{}' /var/lib/suture && chmod 755 /var/lib/suture",
            contained.disk.path().display()
        );
        let ran = contained.sh(&inside)?;
        if ran.is_good() {
            Ok(contained)
        } else {
            Err(format!("the container's network and disk: {}", ran.err))
        }
    }

    pub(crate) fn sh(&self, script: &str) -> Result<Ran> {
        let Output { status, stdout, stderr } = self.output(&["sh", "-c", script])?;
        Ok(Ran { status: status.code().map(i64::from), out: text(&stdout), err: text(&stderr) })
    }

    pub(crate) fn get(&self, path: &str) -> Result<Vec<u8>> {
        let Output { status, stdout, stderr } = self.output(&["cat", "--", path])?;
        if status.success() { Ok(stdout) } else { Err(format!("{path}: {}", text(&stderr))) }
    }

    pub(crate) fn put(&self, path: &str, bytes: &[u8]) {
        self.guest.put(path, bytes);
    }

    fn output(&self, words: &[&str]) -> Result<Output> {
        let mut command = self.guest.command("timeout");
        command.args(["--kill-after=1", "400"]).args(words);
        self.guest.output(&mut command).map_err(|e| format!("{words:?} in the container: {e}"))
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
