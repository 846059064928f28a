//! People outside, as real processes and real sockets: witnesses that anyone can run.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hub::config::{Outside, Pace};
use serde_json::Value;
use tempfile::TempDir;
use tlog::VerifierKey;

use crate::stage::Stage;

/// Everything that takes a minute or a day, in moments.
pub(crate) fn pace() -> Pace {
    Pace {
        gather: Duration::from_millis(30),
        retry: Duration::from_millis(30),
        // Long enough that nothing of a day's length comes up by itself.
        day: Duration::from_secs(24 * 60 * 60),
    }
}

pub(crate) fn quick() -> Outside {
    Outside { pace: pace(), ..Outside::default() }
}

/// `suture-witness` in a directory of its own.
pub(crate) struct Outsider {
    pub(crate) directory: TempDir,
    pub(crate) key: VerifierKey,
    pub(crate) address: String,
    child: Option<Child>,
}

fn binary() -> Command {
    let path = Path::new(env!("CARGO_BIN_EXE_suture-hub")).with_file_name("suture-witness");
    assert!(path.exists(), "{} is not built: cargo build -p suture-witness", path.display());
    Command::new(path)
}

impl Outsider {
    /// A witness that is made and not started.
    pub(crate) fn new(name: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let output = binary().args(["init", "--name", name, "--dir"]).arg(directory.path()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let key = String::from_utf8(output.stdout).unwrap().trim_end().parse().unwrap();
        // A port that is free now: the policy must name it before anybody listens. On an address of this process's own, so that no other test takes it.
        let [_, a, b, c] = std::process::id().to_be_bytes();
        let free = std::net::TcpListener::bind((std::net::Ipv4Addr::new(127, 1 + a % 250, b, c), 0)).unwrap();
        let address = free.local_addr().unwrap().to_string();
        Self { directory, key, address, child: None }
    }

    /// Starts it as a witness of one log.
    pub(crate) fn start(&mut self, log: &str) {
        let policy = self.directory.path().join("policy");
        std::fs::write(&policy, format!("log {log}\nquorum none\n")).unwrap();
        let mut command = binary();
        command.args(["serve", "--json", "--listen", &self.address, "--dir"]).arg(self.directory.path());
        let mut child = command.arg("--policy").arg(policy).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains("listening"), "the witness did not start: {line:?}");
        self.child = Some(child);
    }

    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// The proofs of forks that it keeps: stems of two files each.
    pub(crate) fn forks(&self) -> Vec<PathBuf> {
        let Ok(files) = std::fs::read_dir(self.directory.path().join("forks")) else { return Vec::new() };
        let held = files.map(|file| file.unwrap().path());
        held.filter(|path| path.extension().is_some_and(|e| e == "held")).collect()
    }

    /// Its line in a policy.
    pub(crate) fn line(&self, name: &str) -> String {
        format!("witness {name} {} http://{}\n", self.key, self.address)
    }
}

impl Drop for Outsider {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Asks for the status until it is as wanted.
pub(crate) async fn until(stage: &Stage, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let mut heads = Value::Null;
    for _ in 0..1500 {
        heads = stage.status().await["heads"].clone();
        if wanted(&heads) {
            return heads;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("never {what}: {heads:#}");
}
