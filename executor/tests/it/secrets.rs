//! No secret leaves its place: not into a log, a record, an error, a trace, an argument or a core dump, whatever goes wrong.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use contract::blob::Blob;
use contract::dsse::OperatorSigner;
use contract::outcome::Outcome;
use contract::socket::{Answer, Question};
use rustix::process::{Pid, Signal, kill_process};

use super::rig::{Rig, Running, ask, send};

/// So much of a secret, in any place of it, is as good as the secret.
const PIECE: usize = 18;
const OPERATOR: [u8; 32] = *b"operator-seed-is-seeded-for-test";
const RESTIC: &[u8] = b"restic-password-seeded-5d1f0c7e9a";

/// A secret, and every way in which a piece of it may be written.
struct Secret {
    name: &'static str,
    needles: Vec<Vec<u8>>,
}

impl Secret {
    fn new(name: &'static str, bytes: &[u8]) -> Self {
        let hex = contract::digest::hex(bytes);
        let mut needles = vec![bytes[..PIECE].to_vec(), bytes[bytes.len() - PIECE..].to_vec()];
        for text in [&hex, &hex.to_uppercase()] {
            needles.push(text.as_bytes()[..2 * PIECE].to_vec());
            needles.push(text.as_bytes()[text.len() - 2 * PIECE..].to_vec());
        }
        // In base64 it depends on what stands before it, modulo three: the piece begins at each of the three.
        for (bytes, length) in [(bytes, PIECE - 3), (hex.as_bytes(), PIECE)] {
            for at in 0..3 {
                let text = base64(&bytes[at..at + length]);
                needles.push(text.replace('+', "-").replace('/', "_").into_bytes());
                needles.push(text.into_bytes());
            }
        }
        Self { name, needles }
    }

    fn is_in(&self, bytes: &[u8]) -> bool {
        // Most places are ruled out by their first two bytes.
        let mut begins = vec![false; 1 << 16];
        for needle in &self.needles {
            begins[usize::from(u16::from_be_bytes([needle[0], needle[1]]))] = true;
        }
        let mut last = 0_u8;
        for (at, byte) in bytes.iter().enumerate() {
            let pair = usize::from(u16::from_be_bytes([last, *byte]));
            if begins[pair] && at > 0 && self.needles.iter().any(|needle| bytes[at - 1..].starts_with(needle))
            {
                return true;
            }
            last = *byte;
        }
        false
    }
}

fn base64(bytes: &[u8]) -> String {
    serde_json::to_string(&Blob(bytes.to_vec())).unwrap().trim_matches('"').trim_end_matches('=').to_owned()
}

/// Every file below `directory`.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    entries
        .flat_map(|entry| match entry.file_type().unwrap() {
            kind if kind.is_dir() => files(&entry.path()),
            kind if kind.is_file() => vec![entry.path()],
            _ => Vec::new(),
        })
        .collect()
}

/// Who of `secrets` is in which file.
fn found<'a>(secrets: &'a [Secret], files: &[PathBuf]) -> Vec<(&'a str, PathBuf)> {
    let look = |path: &PathBuf| {
        let bytes = fs::read(path).unwrap();
        secrets
            .iter()
            .filter(move |secret| secret.is_in(&bytes))
            .map(|secret| secret.name)
            .collect::<Vec<_>>()
    };
    files.iter().flat_map(|path| look(path).into_iter().map(|name| (name, path.clone()))).collect()
}

/// Starts it where a core dump would be wanted, with every word that it says kept.
fn start(rig: &Rig, words: &Path) -> Running {
    let plain = rig.command();
    let mut command = Command::new("prlimit");
    command.arg("--core=unlimited:unlimited").arg(plain.get_program()).args(plain.get_args());
    let file = || File::options().create(true).append(true).open(words).unwrap();
    let ready =
        |words: &Path| fs::read_to_string(words).unwrap_or_default().matches("executor_ready").count();
    let before = ready(words);
    command.env("RUST_LOG", "trace").env("RUST_BACKTRACE", "full").current_dir(rig.path("cwd"));
    let child = command.stdin(Stdio::null()).stdout(file()).stderr(file()).spawn().unwrap();
    let running = Running { child };
    let began = Instant::now();
    while ready(words) == before {
        assert!(began.elapsed() < Duration::from_secs(20), "{}", fs::read_to_string(words).unwrap());
        std::thread::sleep(Duration::from_millis(20));
    }
    running
}

#[test]
fn no_secret_is_in_a_log_a_record_an_error_or_a_core_dump() {
    let rig = Rig::new();
    let key = rig.path("executor/keys/evidence.key");
    let honest = fs::read_to_string(&key).unwrap();
    let seed = contract::digest::unhex::<32>(honest.trim()).unwrap();
    let secrets = [
        Secret::new("evidence key", &seed),
        Secret::new("operator", &OPERATOR),
        Secret::new("restic", RESTIC),
    ];
    for name in ["cwd", "secrets"] {
        fs::create_dir(rig.path(name)).unwrap();
    }
    let environment = [b"RESTIC_PASSWORD=", RESTIC, b"\n"].concat();
    fs::write(rig.path("secrets/restic.env"), environment).unwrap();
    let jane = OperatorSigner::from_seed(&OPERATOR);
    let words = rig.path("words");

    // What goes well, and every order that does not.
    let mut running = start(&rig, &words);
    let mut agent = rig.agent();
    rig.loosen();
    assert_eq!(rig.send(&mut agent, &rig.own_order(1)).outcome, Outcome::Healed);
    let approved = jane.approve(&rig.sign(&rig.own_order(2))).unwrap();
    let mut bent = rig.sign(&rig.own_order(3));
    let middle = bent.len() / 2;
    bent[middle] ^= 1;
    for envelope in [approved, bent, vec![], b"{}".to_vec(), rig.sign(&rig.own_order(1))] {
        send(&mut agent, &envelope);
    }
    assert!(matches!(ask(&mut agent, &Question::Receipt { note: "nonsense".into() }), Answer::Sorry { .. }));
    assert!(matches!(
        ask(&mut agent, &Question::BreakGlass { envelope: Blob(vec![1]) }),
        Answer::Sorry { .. }
    ));
    rig.connect().write_all(b"\0\0\0\x02{x").unwrap();
    let pid = running.child.id();
    let shown: Vec<u8> =
        ["environ", "cmdline"].iter().flat_map(|f| fs::read(format!("/proc/{pid}/{f}")).unwrap()).collect();
    for secret in &secrets {
        assert!(!secret.is_in(&shown), "{} is in what everybody may see", secret.name);
    }

    // Crashes, which the kernel would have written a core dump of.
    for signal in [Signal::SEGV, Signal::ABORT] {
        let status = loop {
            // Rust's own handler of the first takes it for a stack that is full, and leaves the second to the kernel.
            kill_process(Pid::from_child(&running.child), signal).unwrap();
            std::thread::sleep(Duration::from_millis(50));
            if let Some(status) = running.child.try_wait().unwrap() {
                break status;
            }
        };
        assert_eq!((status.signal(), status.core_dumped()), (Some(signal.as_raw()), false), "{status:?}");
        running = start(&rig, &words);
    }
    assert!(running.stop().success());

    // Files that are wrong, a secret among them or in them.
    let mut said = fs::read(&words).unwrap();
    let config = fs::read_to_string(rig.path("executor/executor.yaml")).unwrap();
    let mut fails = |path: &Path, text: &str, good: &str| {
        fs::write(path, text).unwrap();
        let (status, words) = rig.fails();
        assert!(matches!(status, Some(74 | 78)), "{text}: {words}");
        said.extend_from_slice(words.as_bytes());
        fs::write(path, good).unwrap();
    };
    let yaml = rig.path("executor/executor.yaml");
    fails(&yaml, &format!("{config}\nunknown: true\n"), &config);
    fails(&yaml, "]", &config);
    fails(&key, &honest.trim()[..63], &honest);
    fails(&key, &format!("{}z", &honest.trim()[..63]), &honest);
    fails(&key, &format!("{} {}", honest.trim(), honest.trim()), &honest);
    let said_to = rig.path("said");
    fs::write(&said_to, said).unwrap();

    let kept = [rig.path("executor/keys"), rig.path("secrets")];
    let everything = files(&rig.path(""));
    let open: Vec<PathBuf> =
        everything.iter().filter(|path| !kept.iter().any(|kept| path.starts_with(kept))).cloned().collect();
    assert!(open.len() > 10 && open.contains(&said_to));
    let size: u64 = open.iter().map(|path| path.metadata().unwrap().len()).sum();
    println!("{} files of {size} bytes are looked through", open.len());
    assert_eq!(found(&secrets, &open), []);
    assert_eq!(files(&rig.path("cwd")), Vec::<PathBuf>::new(), "a core dump");

    // The search finds what there is to find.
    let known = found(&secrets, &everything);
    assert_eq!(known.iter().map(|(name, _)| *name).collect::<Vec<_>>().len(), 2, "{known:?}");
    let planted = rig.path("planted");
    let hex = contract::digest::hex(&seed);
    for text in [
        seed.to_vec(),
        hex.to_uppercase().into_bytes(),
        base64(&[b"ab", &seed[..]].concat()).into_bytes(),
        base64(hex.as_bytes()).into_bytes(),
    ] {
        fs::write(&planted, [b"before ", &text[..], b" after"].concat()).unwrap();
        assert_eq!(
            found(&secrets, std::slice::from_ref(&planted)).len(),
            1,
            "{}",
            String::from_utf8_lossy(&text)
        );
    }
}

#[test]
fn another_process_of_the_same_kind_would_have_left_a_core_dump_here() {
    let rig = Rig::new();
    fs::create_dir(rig.path("cwd")).unwrap();
    let mut command = Command::new("prlimit");
    command.args(["--core=unlimited:unlimited", "sleep", "60"]).current_dir(rig.path("cwd"));
    let mut child = command.spawn().unwrap();
    let began = Instant::now();
    while !fs::read(format!("/proc/{}/cmdline", child.id())).unwrap().starts_with(b"sleep") {
        assert!(began.elapsed() < Duration::from_secs(5));
    }
    kill_process(Pid::from_child(&child), Signal::SEGV).unwrap();
    let status = child.wait().unwrap();
    if status.core_dumped() {
        println!("a core dump is written here for others");
    } else {
        eprintln!("not shown: this machine dumps no core for anybody");
    }
}
