//! QEMU's guest agent: runs programs inside and moves files, over a virtio serial port (QEMU, docs/interop/qemu-ga-ref).

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::Result;

/// The longest that one answer is waited for: the machine may be busy, and is slow.
const ANSWER: Duration = Duration::from_secs(20);
/// How often a program that was started is asked after.
const LOOK: Duration = Duration::from_millis(4);
/// What is written to a file at once.
const CHUNK: usize = 512 << 10;

/// How a program inside ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// Its exit status; none where a signal ended it.
    pub status: Option<i64>,
    /// What it wrote to standard output.
    pub out: String,
    /// What it wrote to standard error.
    pub err: String,
}

impl Ran {
    /// Whether it ended with 0.
    pub fn is_good(&self) -> bool {
        self.status == Some(0)
    }

    /// What it printed, without the last line's end, where it ended with 0; else an error that says what `script` came to.
    pub fn said(self, script: &str) -> Result<String> {
        if self.is_good() {
            return Ok(self.out.trim_end().to_owned());
        }
        let Self { status, out, err } = self;
        Err(format!("{script:?} in the machine ended with {status:?}\n{out}{err}"))
    }
}

/// The agent in one machine.
#[derive(Debug)]
pub(crate) struct Agent {
    socket: PathBuf,
    stream: Option<BufReader<UnixStream>>,
}

impl Agent {
    pub(crate) fn new(socket: PathBuf) -> Self {
        Self { socket, stream: None }
    }

    /// Waits until it answers: the machine boots, or goes on.
    pub(crate) fn wait(&mut self, limit: Duration) -> Result<()> {
        let begun = Instant::now();
        loop {
            let came = self.greet();
            match came {
                Ok(()) => return Ok(()),
                Err(why) if begun.elapsed() > limit => {
                    return Err(format!("its agent does not answer within {} s: {why}", limit.as_secs()));
                }
                Err(_) => std::thread::sleep(Duration::from_millis(50)),
            }
        }
    }

    /// Connects anew and makes sure that what is read from now on answers what is asked from now on.
    fn greet(&mut self) -> Result<()> {
        self.stream = None;
        let stream =
            UnixStream::connect(&self.socket).map_err(|e| format!("{}: {e}", self.socket.display()))?;
        stream.set_read_timeout(Some(Duration::from_secs(2))).map_err(|e| e.to_string())?;
        let mut stream = BufReader::new(stream);
        let id = u64::from(std::process::id()) << 20
            | u64::from(std::time::UNIX_EPOCH.elapsed().map_or(0, |d| d.subsec_micros()));
        let line = json!({ "execute": "guest-sync", "arguments": { "id": id } });
        writeln!(stream.get_mut(), "{line}").map_err(|e| e.to_string())?;
        loop {
            let mut line = String::new();
            match stream.read_line(&mut line) {
                Ok(0) => return Err("it hung up".to_owned()),
                Ok(_) => {}
                Err(e) => return Err(e.to_string()),
            }
            let said: Value = serde_json::from_str(&line).unwrap_or_default();
            if said["return"].as_u64() == Some(id) {
                break;
            }
        }
        stream.get_ref().set_read_timeout(Some(ANSWER)).map_err(|e| e.to_string())?;
        self.stream = Some(stream);
        Ok(())
    }

    fn ask(&mut self, command: &str, arguments: &Value) -> Result<Value> {
        let stream = self.stream.as_mut().ok_or("its agent was not greeted")?;
        let line = json!({ "execute": command, "arguments": arguments });
        writeln!(stream.get_mut(), "{line}").map_err(|e| format!("{command}: {e}"))?;
        let mut line = String::new();
        let read = stream.read_line(&mut line).map_err(|e| format!("{command}: {e}"))?;
        let mut said: Value = serde_json::from_str(&line)
            .map_err(|e| format!("{command}: {read} bytes that are no answer: {e}"))?;
        match said.get("error") {
            Some(error) => Err(format!("{command}: {error}")),
            None => Ok(said["return"].take()),
        }
    }

    /// Runs a program to its end, with input.
    pub(crate) fn run(&mut self, words: &[&str], input: &[u8], limit: Duration) -> Result<Ran> {
        let [program, rest @ ..] = words else { return Err("no program".to_owned()) };
        let started = self.ask(
            "guest-exec",
            &json!({
                "path": program, "arg": rest, "capture-output": true, "input-data": STANDARD.encode(input),
                "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8"],
            }),
        )?;
        let begun = Instant::now();
        loop {
            let status = self.ask("guest-exec-status", &json!({ "pid": started["pid"] }))?;
            if status["exited"] == json!(true) {
                return Ok(Ran {
                    status: status["exitcode"].as_i64(),
                    out: text(&status["out-data"])?,
                    err: text(&status["err-data"])?,
                });
            }
            if begun.elapsed() > limit {
                return Err(format!("{words:?} did not end within {} s", limit.as_secs()));
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Writes a file inside.
    pub(crate) fn put(&mut self, path: &str, bytes: &[u8]) -> Result<()> {
        let handle = self.ask("guest-file-open", &json!({ "path": path, "mode": "w" }))?;
        for chunk in bytes.chunks(CHUNK) {
            let written = self
                .ask("guest-file-write", &json!({ "handle": handle, "buf-b64": STANDARD.encode(chunk) }))?;
            if written["count"].as_u64() != Some(chunk.len() as u64) {
                return Err(format!(
                    "{path}: only {} of {} bytes were written",
                    written["count"],
                    chunk.len()
                ));
            }
        }
        self.ask("guest-file-close", &json!({ "handle": handle })).map(drop)
    }

    /// Reads a file inside.
    pub(crate) fn get(&mut self, path: &str) -> Result<Vec<u8>> {
        let handle = self.ask("guest-file-open", &json!({ "path": path, "mode": "r" }))?;
        let mut bytes = Vec::new();
        loop {
            let read = self.ask("guest-file-read", &json!({ "handle": handle, "count": CHUNK }))?;
            bytes.extend(decoded(&read["buf-b64"])?);
            if read["eof"] == json!(true) {
                break;
            }
        }
        self.ask("guest-file-close", &json!({ "handle": handle }))?;
        Ok(bytes)
    }
}

fn decoded(value: &Value) -> Result<Vec<u8>> {
    STANDARD.decode(value.as_str().unwrap_or_default()).map_err(|e| format!("its agent's base64: {e}"))
}

fn text(value: &Value) -> Result<String> {
    Ok(String::from_utf8_lossy(&decoded(value)?).into_owned())
}
