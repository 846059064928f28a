//! Starts programs plainly, without a sandbox: for tests of what the hands do with them.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use contract::digest::Digest;
use hands::{HandError, Program, Programs, Ran};

/// No confinement at all, but the digest and the limits of time and output.
#[derive(Debug, Default)]
pub(crate) struct Plain;

impl Programs for Plain {
    fn run(&self, program: &Program) -> Result<Ran, HandError> {
        let failed = |why: String| HandError::Program { program: program.path.clone(), why };
        if let Some(digest) = program.digest {
            let bytes = std::fs::read(&program.path).map_err(|e| failed(e.to_string()))?;
            if Digest::of(&bytes) != digest {
                return Err(failed("its bytes are not those that are pinned".to_owned()));
            }
        }
        let mut child = Command::new(&program.path)
            .args(&program.arguments)
            .env_clear()
            .envs(program.environment.iter().cloned())
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| failed(e.to_string()))?;
        let (stdin, input) = (child.stdin.take(), program.input.clone());
        // A program may end before it has read all of its input.
        std::thread::spawn(move || stdin.map(|mut pipe| pipe.write_all(&input)));
        let output = drain(child.stdout.take(), program.output_mb);
        let complaint = drain(child.stderr.take(), 1);
        let limit = Instant::now() + Duration::from_millis(program.time_limit_ms);
        let status = loop {
            match child.try_wait().map_err(|e| failed(e.to_string()))? {
                Some(status) => break status,
                None if Instant::now() > limit => {
                    let _ = child.kill();
                    let _ = child.wait();
                    return Err(failed("it took too long".to_owned()));
                }
                None => std::thread::sleep(Duration::from_millis(2)),
            }
        };
        let read = |drain: Drain| drain.join().unwrap_or_default();
        Ok(Ran {
            status: status.code(),
            output: read(output),
            complaint: read(complaint),
            connections: Vec::new(),
        })
    }
}

type Drain = std::thread::JoinHandle<Vec<u8>>;

fn drain(pipe: Option<impl std::io::Read + Send + 'static>, max_mb: u32) -> Drain {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(pipe) = pipe {
            let _ = pipe.take(u64::from(max_mb) << 20).read_to_end(&mut bytes);
        }
        bytes
    })
}
