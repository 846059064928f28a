//! How fast detectors read logs, and what ripgrep is to search for beside them. `bench/detectors` runs it.
//!
//! ```text
//! detector-speed make DETECTORS FILE BYTES   writes a log of mixed lines, the same ones each time
//! detector-speed union DETECTORS             prints a pattern for each shape, as a line of a syslog file has it
//! detector-speed sec DETECTORS               prints the same detections as rules of sec's
//! detector-speed fired DETECTORS FILE        prints which detectors fire
//! detector-speed read DETECTORS FILE         reads the log as a tail does; prints lines, matched lines, signals and microseconds
//! ```

mod sec;

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Read as _, Write as _};
use std::path::Path;
use std::time::Instant;

use contract::time::MonoNs;
use detectors::{Definition, Detectors, Library, SiteKey, Source};

/// As much as a tail reads at once.
const BLOCK_BYTES: usize = 64 * 1024;
/// One line in so many is of a detector.
const SELDOM: u64 = 80;

/// What such machines write all day. `#` is a number that changes.
const ORDINARY: [(&str, &str); 24] = [
    (
        "sshd",
        "Accepted publickey for admin from 192.0.2.# port 5#4 ssh2: ED25519 SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU",
    ),
    ("sshd", "pam_unix(sshd:session): session opened for user admin(uid=1000) by (uid=0)"),
    ("sshd", "Received disconnect from 192.0.2.# port 5#4:11: disconnected by user"),
    ("systemd", "Started session-#.scope - Session # of User admin."),
    ("systemd", "Starting logrotate.service - Rotate log files..."),
    ("systemd", "apt-daily.service: Deactivated successfully."),
    ("systemd", "Finished apt-daily.service - Daily apt download activities."),
    ("systemd-logind", "New session # of user admin."),
    ("CRON", "(root) CMD (   cd / && run-parts --report /etc/cron.hourly)"),
    ("CRON", "pam_unix(cron:session): session closed for user root"),
    ("kernel", "[#.123456] usb 1-#: new high-speed USB device number # using xhci_hcd"),
    ("kernel", "[#.654321] EXT4-fs (sda#): mounted filesystem with ordered data mode. Quota mode: none."),
    (
        "kernel",
        "[#.000001] audit: type=1400 audit(1795242001.#:#): apparmor=\"STATUS\" operation=\"profile_replace\" profile=\"unconfined\" name=\"/usr/bin/man\"",
    ),
    (
        "kernel",
        "[#.100000] IN=eno1 OUT= MAC=00:00:5e:00:53:af SRC=192.0.2.# DST=198.51.100.# LEN=60 TOS=0x00 PREC=0x00 TTL=51 ID=# DF PROTO=TCP SPT=5#1 DPT=23",
    ),
    (
        "nginx",
        "192.0.2.# - - [21/Nov/2026:06:20:01 +0000] \"GET /records/#/image?size=# HTTP/1.1\" 200 5#12 \"-\" \"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36\"",
    ),
    (
        "nginx",
        "192.0.2.# - - [21/Nov/2026:06:20:01 +0000] \"POST /api/v1/visits HTTP/1.1\" 201 1#2 \"https://clinic.example/\" \"Mozilla/5.0 (Windows NT 10.0; Win64; x64)\"",
    ),
    (
        "postgres",
        "2026-11-21 06:20:01.# UTC [#] LOG:  checkpoint complete: wrote # buffers (0.#%); 0 WAL file(s) added, 0 removed, 1 recycled; write=4.#2 s, sync=0.0#1 s",
    ),
    (
        "postgres",
        "2026-11-21 06:20:01.# UTC [#] app@records LOG:  duration: #.123 ms  statement: SELECT id, taken FROM image WHERE visit = #",
    ),
    ("chronyd", "Selected source 192.0.2.# (2.debian.pool.ntp.org)"),
    (
        "smartd",
        "Device: /dev/sda [SAT], SMART Usage Attribute: 194 Temperature_Celsius changed from 6# to 6#",
    ),
    ("dhclient", "DHCPREQUEST for 192.0.2.# on eno1 to 192.0.2.1 port 67"),
    ("dbus-daemon", "[system] Successfully activated service 'org.freedesktop.timedate1'"),
    ("postfix/smtpd", "connect from mail.clinic.example[192.0.2.#]"),
    (
        "rsyslogd",
        "[origin software=\"rsyslogd\" swVersion=\"8.2302.0\" x-pid=\"#\" x-info=\"https://www.rsyslog.com\"] rsyslogd was HUPed",
    ),
];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["make", detectors, file, bytes] => make(&library(detectors)?, file, bytes.parse()?),
        ["union", detectors] => union(&library(detectors)?),
        ["sec", detectors] => sec::rules(&library(detectors)?, &mut std::io::stdout().lock()),
        ["fired", detectors, file] => {
            read(library(detectors)?, file)?.fired.iter().for_each(|id| println!("{id}"));
            Ok(())
        }
        ["read", detectors, file] => {
            let Sums { lines, matched, signals, took_us, .. } = read(library(detectors)?, file)?;
            println!("{lines} {matched} {signals} {took_us}");
            Ok(())
        }
        _ => Err("make DETECTORS FILE BYTES, union or sec DETECTORS, or fired or read DETECTORS FILE".into()),
    }
}

fn library(directory: &str) -> Result<Library, Box<dyn Error>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        files.push((path.display().to_string(), std::fs::read_to_string(path)?));
    }
    files.sort();
    let files: Vec<_> = files.iter().map(|(file, text)| (file.as_str(), text.as_str())).collect();
    Ok(Library::parse(&files)?)
}

/// Numbers that look random and are the same each time.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        let place = self.next(of.len() as u64);
        &of[usize::try_from(place).unwrap_or(0)]
    }
}

fn make(library: &Library, file: &str, bytes: usize) -> Result<(), Box<dyn Error>> {
    let mut samples = Vec::new();
    for detector in library.iter().filter(|d| d.source.measured.is_none()) {
        let programs = if detector.source.everything {
            vec!["app".to_owned()]
        } else {
            detector.source.programs.clone()
        };
        for sample in &detector.matches {
            samples.extend(programs.first().map(|p| (p.clone(), sample.text.clone())));
        }
    }
    let mut numbers = Numbers(1);
    let mut out = BufWriter::new(File::create(file)?);
    let (mut written, mut line) = (0, String::new());
    while written < bytes {
        line.clear();
        let (h, m, s) = (numbers.next(24), numbers.next(60), numbers.next(60));
        write!(line, "Nov 21 {h:02}:{m:02}:{s:02} clinic-nuc ")?;
        if numbers.next(SELDOM) == 0 {
            let (program, text) = numbers.pick(&samples);
            writeln!(line, "{program}[{}]: {text}", numbers.next(40_000))?;
        } else {
            let (program, text) = *numbers.pick(&ORDINARY);
            write!(line, "{program}[{}]: ", numbers.next(40_000))?;
            for part in text.split_inclusive('#') {
                match part.strip_suffix('#') {
                    Some(before) => write!(line, "{before}{}", numbers.next(250))?,
                    None => line.push_str(part),
                }
            }
            line.push('\n');
        }
        out.write_all(line.as_bytes())?;
        written += line.len();
    }
    Ok(out.flush()?)
}

fn union(library: &Library) -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    for detector in library.iter() {
        for shape in &detector.lines {
            // Names of groups may stand once in a union, and are of no use to who only counts.
            writeln!(out, "{}", behind_header(detector, &unnamed(&shape.pattern)))?;
        }
    }
    Ok(())
}

/// A pattern as a line of a syslog file has it: behind the program's name.
fn behind_header(detector: &Definition, pattern: &str) -> String {
    let programs = detector.source.programs.join("|");
    match pattern.strip_prefix('^') {
        Some(body) if !programs.is_empty() => {
            format!(r"(?:{programs})(?:\[[0-9]+\])?: (?:\[ *[0-9.]+\] )?(?:{body})")
        }
        Some(_) | None => pattern.to_owned(),
    }
}

fn unnamed(pattern: &str) -> String {
    let mut parts = pattern.split("(?P<");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str("(?:");
        out.push_str(part.split_once('>').map_or(part, |(_, rest)| rest));
    }
    out
}

/// What reading a log came to.
struct Sums {
    lines: u64,
    matched: u64,
    signals: usize,
    took_us: u128,
    fired: BTreeSet<String>,
}

fn read(library: Library, file: &str) -> Result<Sums, Box<dyn Error>> {
    let mut detectors = Detectors::new(library, SiteKey::new(&[7; 32]))?;
    let source = Source::of_file(Path::new("/var/log/syslog"));
    let mut input = File::open(file)?;
    let began = Instant::now();
    let mut block = vec![0; BLOCK_BYTES];
    let (mut held, mut lines, mut matched, mut signals) = (0, 0, 0, 0);
    let mut fired = BTreeSet::new();
    loop {
        let n = input.read(&mut block[held..])?;
        if n == 0 && held == 0 {
            break;
        }
        let full = &block[..held + n];
        let whole = if n == 0 {
            full.len()
        } else {
            full.iter().rposition(|b| *b == b'\n').map_or(full.len(), |n| n + 1)
        };
        let now = MonoNs(u64::try_from(began.elapsed().as_nanos())?);
        let observed = detectors.observe(&full[..whole], &source, now);
        lines += observed.lines;
        matched += observed.matched;
        signals += observed.signals.len();
        fired.extend(observed.signals.iter().map(|signal| signal.detector.to_string()));
        let end = full.len();
        block.copy_within(whole..end, 0);
        held = end - whole;
    }
    Ok(Sums { lines, matched, signals, took_us: began.elapsed().as_micros(), fired })
}
