//! A guest with the `hand` driver in it. Each question is answered by a process of its own, so an `undo` knows the record and the snapshot only.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

use guest::Guest;
use serde_json::{Value, json};

/// A machine, the driver on it, and a directory that both sides see.
pub(crate) struct Inside {
    pub(crate) guest: Guest,
    shared: tempfile::TempDir,
}

/// What the driver said.
#[derive(Debug)]
pub(crate) struct Said(Value);

impl Said {
    /// What the intent would hold.
    pub(crate) fn before(&self) -> Value {
        self.0["before"].clone()
    }

    /// What was counted under this name.
    pub(crate) fn count(&self, what: &str) -> Option<u64> {
        let counts = self.0["counts"].as_array().unwrap();
        counts.iter().find(|c| c[0] == what).and_then(|c| c[1].as_u64())
    }

    /// Any other part of the answer.
    pub(crate) fn part(&self, name: &str) -> &Value {
        &self.0[name]
    }

    /// It went well. Panics with the error otherwise.
    #[track_caller]
    pub(crate) fn well(self) -> Self {
        assert_eq!(self.0["error"], Value::Null, "{}", self.0);
        self
    }

    /// It went badly, in this way, and the message holds these words.
    #[track_caller]
    pub(crate) fn badly(self, kind: &str, words: &str) -> Self {
        let (found, message) = (self.0["error"][0].as_str(), self.0["error"][1].as_str().unwrap_or_default());
        assert_eq!(found, Some(kind), "{}", self.0);
        assert!(message.contains(words), "{words:?} is not in {message:?}");
        self
    }
}

impl Inside {
    /// Boots. None, loudly, where no guest can be had.
    pub(crate) fn boot() -> Option<Self> {
        if !guest::runnable() {
            return None;
        }
        let shared = tempfile::tempdir().unwrap();
        let guest = Guest::plan().share(&shared).show_program(driver()).boot();
        Some(Self { guest, shared })
    }

    /// Asks the driver. What `more` holds comes on top.
    pub(crate) fn ask(&self, what: &str, action: &Value, more: &Value) -> Said {
        let output = self.start(what, action, more).wait_with_output().unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "the driver ended with {}: {complaint}", output.status);
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(said["listening"], 0, "a thread was left");
        Said(said)
    }

    /// Arms and acts, and is killed after so long.
    pub(crate) fn act_and_die(&self, action: &Value, after: Duration) {
        let mut child = self.start("arm_act", action, &json!({}));
        std::thread::sleep(after);
        child.kill().unwrap();
        assert!(!child.wait().unwrap().success(), "it was done already");
    }

    fn start(&self, what: &str, action: &Value, more: &Value) -> Child {
        let mut asked = json!({
            "do": what, "action": action, "snapshots": self.shared.path().join("snapshots"),
        });
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let mut command = self.guest.command(driver());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.guest.spawn(&mut command).unwrap();
        writeln!(child.stdin.take().unwrap(), "{asked}").unwrap();
        child
    }

    /// Arms and acts.
    pub(crate) fn act(&self, action: &Value) -> Said {
        self.ask("arm_act", action, &json!({}))
    }

    /// Undoes what `before` says, in another process.
    pub(crate) fn undo(&self, action: &Value, before: &Value) -> Said {
        self.ask("undo", action, &json!({"before": before}))
    }

    /// Where the driver keeps a file, as this side sees it.
    pub(crate) fn snapshot(&self, name: &str) -> PathBuf {
        self.shared.path().join("snapshots/order-0123456789abcdef/0").join(name)
    }

    /// The one thing that is kept under `name`: its file's name goes on with its digest.
    pub(crate) fn kept(&self, name: &str) -> PathBuf {
        let all = std::fs::read_dir(self.snapshot("")).unwrap().map(|entry| entry.unwrap().path());
        let begins = format!("{name}.");
        let mut of_it = all.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(&begins));
        let (one, more) = (of_it.next().unwrap(), of_it.next());
        assert_eq!(more, None, "{name} was kept twice");
        one
    }

    /// Writes a unit and has systemd read it.
    pub(crate) fn unit(&self, name: &str, text: &str) {
        self.guest.put(&format!("/etc/systemd/system/{name}"), text.as_bytes());
        self.guest.ok("systemctl daemon-reload");
    }

    /// What `systemctl` says of one property.
    pub(crate) fn says(&self, unit: &str, property: &str) -> String {
        self.guest.ok(&format!("systemctl show --value --property={property} {unit}"))
    }
}

/// Where cargo puts the example of this build.
pub(crate) fn driver() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let driver = test.ancestors().nth(2).unwrap().join("examples/hand");
    assert!(driver.is_file(), "{} is not built (cargo build -p hands --examples)", driver.display());
    driver
}
