//! A witness in a directory of its own, and a log that it knows.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use tlog::note::SignatureType;
use tlog::tree::{Subtree, complete_root, prove_consistency};
use tlog::witness::AddCheckpoint;
use tlog::{Checkpoint, CompactRange, Hash, SigningKey, TreeSize, VerifierKey, leaf_hash};

pub(crate) const ORIGIN: &str = "hub.example/heads";

pub(crate) fn binary() -> Command {
    Command::new(env!("CARGO_BIN_EXE_suture-witness"))
}

pub(crate) fn failing(command: &mut Command) -> (i32, String) {
    let Output { status, stdout: _, stderr } = command.output().unwrap();
    (status.code().unwrap(), String::from_utf8(stderr).unwrap())
}

pub(crate) fn init(directory: &Path) -> VerifierKey {
    let output = binary().args(["init", "--name", "w.example/one", "--dir"]).arg(directory).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim_end().parse().unwrap()
}

pub(crate) fn log_key() -> SigningKey {
    SigningKey::from_seed(ORIGIN.parse().unwrap(), SignatureType::Ed25519, &[1; 32]).unwrap()
}

/// Several leaves; `name` alone has those from `shared` on.
#[derive(Debug, Clone)]
pub(crate) struct History(Vec<Hash>);

impl History {
    pub(crate) fn new(name: usize, shared: usize, length: usize) -> Self {
        let leaf = |i: usize| {
            let whose = if i < shared { 0 } else { name };
            leaf_hash(format!("{whose}:{i}").as_bytes())
        };
        Self((0..length).map(leaf).collect())
    }

    pub(crate) fn request(&self, old: usize, size: usize) -> AddCheckpoint {
        let mut range = CompactRange::new();
        for leaf in &self.0[..size] {
            range.append(*leaf);
        }
        let (origin, tree) = (ORIGIN.parse().unwrap(), TreeSize::new(size as u64));
        let checkpoint = Checkpoint { origin, size: tree, root: range.root() };
        let read = |Subtree { level, index }: Subtree| -> Result<Hash, std::convert::Infallible> {
            let start = usize::try_from(index).unwrap() << level;
            Ok(complete_root(&self.0[start..start + (1 << level)]).unwrap())
        };
        let old = TreeSize::new(old as u64);
        let proof = if old == TreeSize::EMPTY || old > tree {
            Vec::new()
        } else {
            prove_consistency(old, tree, read).unwrap()
        };
        AddCheckpoint { old, proof, checkpoint: checkpoint.sign(&log_key()).unwrap().into_note() }
    }
}

/// A running witness.
pub(crate) struct Running {
    pub(crate) directory: TempDir,
    pub(crate) key: VerifierKey,
    pub(crate) address: String,
    child: Child,
}

pub(crate) fn policy(directory: &Path) -> PathBuf {
    let path = directory.join("policy");
    edge::file::write_durably(&path, format!("log {}\nquorum none\n", log_key().verifier()).as_bytes())
        .unwrap();
    path
}

pub(crate) fn serve(directory: &Path) -> Command {
    let mut command = binary();
    command.args(["serve", "--listen", "127.0.0.1:0", "--json", "--dir"]).arg(directory);
    command.arg("--policy").arg(policy(directory));
    command
}

impl Running {
    pub(crate) fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let key = init(directory.path());
        Self::run(directory, key)
    }

    fn run(directory: TempDir, key: VerifierKey) -> Self {
        let mut child = serve(directory.path()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        assert_eq!((ready["key"].as_str().unwrap(), &ready["logs"]), (key.to_string().as_str(), &1.into()));
        Self { directory, key, address: ready["listening"].as_str().unwrap().to_owned(), child }
    }

    /// The witness again, after a proper end.
    pub(crate) fn restart(mut self) -> Self {
        assert_eq!(self.terminate(), Some(0));
        let directory = std::mem::replace(&mut self.directory, tempfile::tempdir().unwrap());
        Self::run(directory, self.key.clone())
    }

    /// The witness again, after SIGKILL.
    pub(crate) fn kill_and_restart(mut self) -> Self {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let directory = std::mem::replace(&mut self.directory, tempfile::tempdir().unwrap());
        Self::run(directory, self.key.clone())
    }

    pub(crate) fn terminate(&mut self) -> Option<i32> {
        let status = Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status().unwrap();
        assert!(status.success());
        self.child.wait().unwrap().code()
    }

    pub(crate) fn ask(&self, request: &AddCheckpoint) -> Answer {
        self.send("POST", "/add-checkpoint", request.to_string().as_bytes())
    }

    pub(crate) fn send(&self, method: &str, path: &str, body: &[u8]) -> Answer {
        exchange(&mut TcpStream::connect(&self.address).unwrap(), method, path, body)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) body: String,
}

/// One request and its answer; the connection stays open.
pub(crate) fn exchange(stream: &mut TcpStream, method: &str, path: &str, body: &[u8]) -> Answer {
    let head = format!("{method} {path} HTTP/1.1\r\nHost: witness\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).unwrap();
    // A body that is too long is answered before it was read, and then not read: that the rest cannot be written is as it should be.
    let _ = stream.write_all(body);
    let mut reader = BufReader::new(stream);
    let mut line = || {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    };
    let status = line().split(' ').nth(1).unwrap().parse().unwrap();
    let headers: Vec<String> = std::iter::from_fn(|| Some(line()).filter(|l| !l.is_empty())).collect();
    let header = |name: &str| {
        headers.iter().find_map(|h| h.strip_prefix(name)?.strip_prefix(": ")).unwrap_or_default().to_owned()
    };
    let mut body = vec![0; header("content-length").parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    Answer { status, content_type: header("content-type"), body: String::from_utf8(body).unwrap() }
}
