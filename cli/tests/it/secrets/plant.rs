//! The secrets, where they are put, and how they are looked for.

use std::fs;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::super::stage::Stage;

/// One thing that identifies somebody or opens something.
pub(super) struct Secret {
    kind: &'static str,
    text: String,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.kind, self.text)
    }
}

/// Twenty of each kind, the same each time.
pub(super) fn secrets() -> Vec<Secret> {
    let mut state = 0x5375_7475_7265_u64;
    let mut draw = move |below: u64| {
        // Knuth's: it is not to be unguessable, only never twice the same.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut all = Vec::new();
    for n in 10..30 {
        let (a, b, c) = (draw(900) + 100, draw(90) + 10, draw(9_000) + 1_000);
        let word: String = (0..12).map(|_| char::from(b'a' + u8::try_from(draw(26)).unwrap())).collect();
        let mut add = |kind, text: String| all.push(Secret { kind, text });
        add("social security number", format!("{a}-{b}-{c}"));
        add("medical record number", format!("MRN{n}{a}{c}{b}"));
        add("date of birth", format!("19{n}-0{}-{b}", a % 9 + 1));
        add("patient", format!("Wilhelmina_{word}"));
        add("user", format!("u{word}"));
        add("mail address", format!("{word}@patients.example"));
        add("token", format!("ghp_{word}{a}{c}{word}"));
        add("key", format!("{}{}{a}{c}", ["AK", "IA"].concat(), word.to_uppercase()));
        add("connection string", format!("postgres://ehr:{word}{c}@db{n}.clinic.example/ehr"));
        add("address of a person", format!("203.0.{}.{}", a % 250, n + 200));
    }
    all
}

impl Secret {
    /// As it is, in the other case, in hexadecimal, in base64 wherever it may begin, escaped for a URL, and without what holds its parts apart.
    pub(super) fn forms(&self) -> Vec<Vec<u8>> {
        let plain = self.text.as_bytes();
        let mut forms = vec![plain.to_vec(), plain.to_ascii_lowercase(), plain.to_ascii_uppercase()];
        forms.push(contract::digest::hex(plain).into_bytes());
        for before in 0..3 {
            let encoded = String::from(contract::blob::Blob([&b"xx"[..before], plain].concat()));
            // Its first and last characters depend on what stands around.
            let from = (before * 8).div_ceil(6);
            let until = (before + plain.len()) * 8 / 6;
            forms.push(encoded.as_bytes()[from..until].to_vec());
        }
        let escaped: String = self
            .text
            .bytes()
            .map(|b| {
                if b.is_ascii_alphanumeric() || b"-._~".contains(&b) {
                    char::from(b).to_string()
                } else {
                    format!("%{b:02X}")
                }
            })
            .collect();
        forms.push(escaped.into_bytes());
        let joined: String = self.text.chars().filter(char::is_ascii_alphanumeric).collect();
        // Shorter ones are other numbers by chance.
        if joined.len() >= 9 {
            forms.push(joined.into_bytes());
        }
        forms
    }

    pub(super) fn is_in(&self, bytes: &[u8]) -> bool {
        self.forms().iter().any(|form| find(bytes, form))
    }
}

/// By the first byte first: there are thousands of looks through megabytes.
fn find(bytes: &[u8], form: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|b| *b == form[0]) {
        if rest[at..].starts_with(form) {
            return true;
        }
        rest = &rest[at + 1..];
    }
    false
}

/// Lines as the detectors know them, and lines that nobody knows.
pub(super) fn in_logs(stage: &Stage, secrets: &[Secret]) {
    let mut auth = Vec::new();
    for secret in secrets {
        let s = &secret.text;
        write!(
            auth,
            "Nov 26 10:00:00 {s} sshd[77]: Failed password for invalid user {s} from {s} port 4711 ssh2\n\
             Nov 26 10:00:00 h sudo[78]: {s} : 3 incorrect password attempts ; TTY=pts/0 ; PWD=/home/{s} ; USER=root ; COMMAND=/usr/bin/psql {s}\n\
             Nov 26 10:00:01 h systemd[1]: ehr-{s}.service: Failed with result 'exit-code'.\n\
             Nov 26 10:00:01 h systemd[1]: ehr-{s}.service: Main process exited, code=exited, status=1/FAILURE\n\
             Nov 26 10:00:01 h systemd[1]: Failed to mount data-{s}.mount - /data/{s}.\n\
             Nov 26 10:00:02 h kernel: [1.0] Out of memory: Killed process 4 ({s}) total-vm:1kB\n\
             Nov 26 10:00:02 h kernel: [1.0] EXT4-fs error (device {s}): ext4_find_entry:1: inode #2: comm {s}: reading directory\n\
             Nov 26 10:00:02 h kernel: [1.0] usb 1-1: Product: {s}\n\
             Nov 26 10:00:03 h CRON[79]: ({s}) CMD (/home/{s}/backup --password {s})\n\
             Nov 26 10:00:03 h postgres[80]: FATAL:  password authentication failed for user \"{s}\"\n\
             Nov 26 10:00:03 h restic[81]: Fatal: unable to open repository at {s}: {s}\n\
             Nov 26 10:00:04 h nginx: {s} - {s} [26/Nov/2026] \"GET /patients/{s} HTTP/1.1\" 500\n\
             \x1b[31m{s}\x1b[0m\t\u{202e}{s}\n",
        ).unwrap();
    }
    // Often enough from each address that the detector fires.
    for address in secrets.iter().filter(|secret| secret.kind == "address of a person") {
        let s = &address.text;
        for _ in 0..5 {
            writeln!(
                auth,
                "Nov 26 10:00:05 h sshd[77]: Failed password for invalid user u{s} from {s} port 4711 ssh2"
            )
            .unwrap();
        }
    }
    fs::write(stage.path("logs/auth.log"), auth).unwrap();
}

/// What runs with secrets in its arguments and its environment.
pub(super) struct Running(Vec<Child>);

impl Running {
    pub(super) fn arguments(&self) -> Vec<u8> {
        let lines =
            self.0.iter().map(|child| fs::read(format!("/proc/{}/cmdline", child.id())).unwrap_or_default());
        lines.collect::<Vec<_>>().concat()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Names of files in a home, names of logs, and processes.
pub(super) fn in_files_and_processes(stage: &Stage, secrets: &[Secret]) -> Running {
    for secret in secrets {
        let name = secret.text.replace('/', "_");
        fs::write(stage.path("home").join(&name), &secret.text).unwrap();
    }
    for secret in secrets.iter().step_by(20) {
        let name = secret.text.replace('/', "_");
        fs::write(stage.path("logs").join(format!("{name}.log")), "an ordinary line\n").unwrap();
    }
    let some = secrets.chunks(20).map(|part| {
        let arguments = part.iter().map(|secret| secret.text.as_str()).collect::<Vec<_>>().join(" ");
        let mut command = Command::new("sleep");
        command.arg0(arguments).arg("300").env("PGPASSWORD", &part[0].text).stdin(Stdio::null());
        command.spawn().unwrap()
    });
    Running(some.collect())
}

/// The names in a directory.
pub(super) fn names(directory: &Path) -> Vec<u8> {
    let names = fs::read_dir(directory).unwrap().flatten().map(|e| e.file_name().into_encoded_bytes());
    names.collect::<Vec<_>>().join(&b'\n')
}

/// The path of one of them, as YAML.
pub(super) fn first_name(directory: &Path) -> String {
    let mut all: Vec<_> = fs::read_dir(directory).unwrap().flatten().map(|e| e.path()).collect();
    all.sort();
    serde_json::Value::from(all[0].display().to_string()).to_string()
}
