//! QEMU's monitor: one JSON object a line each way (QEMU, docs/interop/qmp-spec).

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::Result;

/// No command of ours takes near this long.
const LIMIT: Duration = Duration::from_secs(60);

/// A monitor that was greeted.
#[derive(Debug)]
pub(crate) struct Qmp {
    stream: BufReader<UnixStream>,
}

impl Qmp {
    pub(crate) fn connect(socket: &Path) -> Result<Self> {
        let stream = UnixStream::connect(socket).map_err(|e| format!("{}: {e}", socket.display()))?;
        stream.set_read_timeout(Some(LIMIT)).map_err(|e| e.to_string())?;
        let mut qmp = Self { stream: BufReader::new(stream) };
        qmp.read()?;
        qmp.ask("qmp_capabilities", &json!({}))?;
        Ok(qmp)
    }

    /// Asks and waits for the answer; events that come meanwhile are let by.
    pub(crate) fn ask(&mut self, command: &str, arguments: &Value) -> Result<Value> {
        let line = json!({ "execute": command, "arguments": arguments });
        writeln!(self.stream.get_mut(), "{line}").map_err(|e| format!("{command}: {e}"))?;
        loop {
            let mut answer = self.read()?;
            if let Some(error) = answer.get("error") {
                return Err(format!("{command}: {error}"));
            }
            if answer.get("return").is_some() {
                return Ok(answer["return"].take());
            }
        }
    }

    /// Asks again and again until the answer is so.
    pub(crate) fn until(&mut self, command: &str, is: impl Fn(&Value) -> Result<bool>) -> Result<()> {
        for _ in 0..6_000 {
            if is(&self.ask(command, &json!({}))?)? {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Err(format!("{command}: not within a minute"))
    }

    fn read(&mut self) -> Result<Value> {
        let mut line = String::new();
        match self.stream.read_line(&mut line) {
            Ok(0) => Err("QEMU is gone".to_owned()),
            Ok(_) => serde_json::from_str(&line).map_err(|e| format!("QEMU said {line:?}: {e}")),
            Err(e) => Err(format!("QEMU says nothing: {e}")),
        }
    }
}
