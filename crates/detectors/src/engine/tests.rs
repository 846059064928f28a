use contract::ids::DetectorId;
use contract::signal::About;
use contract::time::UtcTime;
use proptest::prelude::*;

use super::*;
use crate::source::Program;
use crate::{DiskUse, Moment, SiteKey, Trends};

/// Every file that is shipped.
fn shipped() -> Vec<(String, String)> {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../agent/detectors");
    let read = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.unwrap().path();
        (path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(path).unwrap())
    };
    std::fs::read_dir(directory).unwrap().map(read).collect()
}

fn library_of(files: &[(String, String)]) -> Library {
    let files: Vec<_> = files.iter().map(|(f, t)| (f.as_str(), t.as_str())).collect();
    Library::parse(&files).unwrap()
}

fn detectors(text: &str) -> Detectors {
    Detectors::new(Library::parse(&[("d.yaml", text)]).unwrap(), SiteKey::new(&[7; 32])).unwrap()
}

fn all() -> Detectors {
    Detectors::new(library_of(&shipped()), SiteKey::new(&[7; 32])).unwrap()
}

fn at(seconds: u64) -> MonoNs {
    MonoNs(seconds * 1_000_000_000)
}

fn fired(observed: &Observed) -> Vec<(&str, u32)> {
    observed.signals.iter().map(|s| (s.detector.as_str(), s.count)).collect()
}

/// The reference: every pattern of every detector, one after the other.
fn naive(detectors: &Detectors, line: &[u8], source: &Source<'_>) -> Vec<usize> {
    let Read { program, message } = source.read(&line[..line.len().min(LINE_BYTES_MAX)]);
    let of = |(n, known): (usize, &crate::library::Known)| {
        let any = known.shapes.iter().any(|s| s.regex.is_match(message));
        (any && known.definition.source.hears(source, program)).then_some(n)
    };
    detectors.library.each.iter().enumerate().filter_map(of).collect()
}

const FAILED: &str = "Nov 21 06:20:01 host sshd[4711]: Failed password for root from 192.0.2.1 port 4 ssh2\n";

#[test]
fn a_detector_fires_at_its_threshold_for_each_source_and_names_none() {
    let mut detectors = all();
    for second in 0..4 {
        assert_eq!(
            detectors.observe(FAILED.as_bytes(), &Source::Syslog, at(second)).signals,
            [],
            "line {second}"
        );
        let other = FAILED.replace("192.0.2.1", "192.0.2.2");
        assert_eq!(detectors.observe(other.as_bytes(), &Source::Syslog, at(second)).signals, []);
    }
    let observed = detectors.observe(FAILED.as_bytes(), &Source::Syslog, at(4));
    assert_eq!(fired(&observed), [("ssh.failed-logins", 5)]);
    let told = format!("{:?}", observed.signals);
    assert!(!told.contains("192.0.2") && !told.contains("root"), "{told}");
    assert!(observed.signals[0].about.from.is_some());
    // Quiet for one window; then again.
    let mut seconds = Vec::new();
    for second in 300..=310 {
        let observed = detectors.observe(FAILED.as_bytes(), &Source::Syslog, at(second));
        seconds.extend(observed.signals.iter().map(|_| second));
    }
    assert_eq!(seconds, [304]);
}

#[test]
fn a_login_after_many_failures_from_the_same_address_is_a_break_in() {
    let mut detectors = all();
    let accepted = FAILED.replace("Failed", "Accepted");
    for n in 0..9 {
        detectors.observe(FAILED.as_bytes(), &Source::Syslog, at(n));
    }
    let early = detectors.observe(accepted.as_bytes(), &Source::Syslog, at(10));
    assert_eq!(fired(&early), [("ssh.root-password-login", 1)]);
    detectors.observe(FAILED.as_bytes(), &Source::Syslog, at(11));
    let elsewhere = accepted.replace("192.0.2.1", "192.0.2.2");
    assert_eq!(fired(&detectors.observe(elsewhere.as_bytes(), &Source::Syslog, at(12))), []);
    let late = detectors.observe(accepted.as_bytes(), &Source::Syslog, at(13));
    assert_eq!(fired(&late), [("ssh.login-after-failures", 10)]);
}

#[test]
fn a_crash_loop_is_one_units() {
    let mut detectors = all();
    let mut signals = Vec::new();
    for (n, unit) in ["nginx", "jane-doe", "nginx", "jane-doe", "nginx"].iter().enumerate() {
        let line = format!("{unit}.service: Main process exited, code=exited, status=1/FAILURE");
        let systemd = Source::Journal(Some(Program { name: b"systemd", by_root: true }));
        signals.extend(detectors.observe(line.as_bytes(), &systemd, at(n as u64 * 60)).signals);
    }
    assert_eq!(signals.len(), 1);
    assert_eq!(signals[0].about.unit.unwrap().to_string(), "nginx.service");
    assert_eq!((signals[0].count, signals[0].window_s), (3, 900));
}

#[test]
fn a_backup_is_missed_once_there_was_one() {
    let mut detectors = all();
    let day = |n: u64| at(n * 86_400);
    assert_eq!(detectors.tick(day(30)), [], "a machine that never told of a backup is the baseline's affair");
    let restic = Source::Journal(Some(Program { name: b"restic", by_root: true }));
    detectors.observe(b"snapshot 40dc1520 saved", &restic, day(30));
    assert_eq!(detectors.tick(day(31)), []);
    let missed = detectors.tick(day(32));
    assert_eq!((missed[0].detector.as_str(), missed[0].about.days), ("backup.missing", Some(2)));
    assert_eq!(detectors.tick(day(33)), [], "once for each two days");
    assert_eq!(detectors.tick(day(34))[0].about.days, Some(4));
    detectors.observe(b"snapshot 40dc1521 saved", &restic, day(35));
    assert_eq!(detectors.tick(day(36)), []);
}

#[test]
fn what_is_known_for_days_outlives_the_process_and_the_machines_clock() {
    let wall = |days: u64| UtcTime::from_unix_ms(1_790_000_000_000).unwrap().plus_ms(days * 86_400_000);
    let restic = Source::Journal(Some(Program { name: b"restic", by_root: true }));
    let lego = Source::Journal(Some(Program { name: b"lego", by_root: false }));
    let expiring = b"2026/11/21 06:20:01 [clinic.example] The certificate expires in 8 days, the number of";
    let mut before = all();
    before.observe(b"snapshot 40dc1520 saved", &restic, at(500));
    let told = before.observe(expiring, &lego, at(600));
    assert_eq!(told.signals.len(), 1, "the sample is not one of its lines any more");
    let kept = before.remembered(Moment { mono: at(700), utc: wall(0) });
    assert_eq!(kept.len(), 2);
    let text = serde_json::to_string(&kept).unwrap();

    // The machine starts anew three days later, and its other clock with it.
    let mut after = all();
    after.remember(
        &serde_json::from_str::<Vec<_>>(&text).unwrap(),
        Moment { mono: at(1 << 33), utc: wall(3) },
    );
    let missed = after.tick(at((1 << 33) + 1));
    assert_eq!((missed[0].detector.as_str(), missed[0].about.days), ("backup.missing", Some(3)));
    assert_eq!(after.observe(expiring, &lego, at((1 << 33) + 2)).signals, [], "it was told three days ago");

    // A wall clock that was put back makes nothing older or newer than now.
    let mut back = all();
    back.remember(&kept, Moment { mono: at(1 << 33), utc: UtcTime::from_unix_ms(0).unwrap() });
    assert_eq!(back.tick(at((1 << 33) + 86_400)), []);
    assert_eq!(back.tick(at((1 << 33) + 2 * 86_400)).len(), 1);
}

#[test]
fn days_left_are_told_when_few_and_again_when_halved() {
    let mut detectors = all();
    let lego = Source::Journal(Some(Program { name: b"lego", by_root: false }));
    let mut told = Vec::new();
    for days in (0..=30).rev() {
        let line = format!(
            "2026/11/21 06:20:01 [clinic.example] The certificate expires in {days} days, the number of"
        );
        let observed = detectors.observe(line.as_bytes(), &lego, at((30 - days) * 3_600));
        told.extend(observed.signals.iter().map(|s| s.about.days.unwrap()));
    }
    assert_eq!(told, [14, 7, 3, 1, 0]);
}

#[test]
fn a_disk_that_fills_is_told_before_it_is_full() {
    let mut trends = Trends::of(&library_of(&shipped()), SiteKey::new(&[7; 32]));
    let mut told = Vec::new();
    for minute in 0..120 {
        // 0.2 % a minute: full in little more than four hours.
        let disk = DiskUse { mount: b"/home/jane", used: 500 + minute * 2, size: 1_000 };
        told.extend(trends.measured(disk, at(minute * 60)));
        let still = DiskUse { mount: b"/", used: 990, size: 1_000 };
        assert_eq!(trends.measured(still, at(minute * 60)), []);
    }
    assert_eq!(told.len(), 1, "{told:?}");
    let About { mount, percent, days, .. } = told[0].about;
    assert!(mount.unwrap().to_string().starts_with("other:") && !format!("{told:?}").contains("jane"));
    assert_eq!((percent, days), (Some(53), Some(0)));
}

#[test]
fn no_stranger_speaks_for_a_program() {
    let mut detectors = all();
    let line = b"nginx.service: Failed with result 'exit-code'.";
    for (program, lines) in [
        (None, 0),
        (Some(Program { name: b"logger", by_root: false }), 0),
        (Some(Program { name: b"systemd", by_root: false }), 0),
        (Some(Program { name: b"systemd", by_root: true }), 1),
    ] {
        assert_eq!(detectors.observe(line, &Source::Journal(program), at(1)).matched, lines, "{program:?}");
    }
    let forged =
        "Nov 21 06:20:01 host app[1]: x sshd[4711]: Failed password for root from 192.0.2.1 port 4 ssh2\n";
    assert_eq!(detectors.observe(forged.as_bytes(), &Source::Syslog, at(1)).matched, 0);
    assert_eq!(detectors.observe(FAILED.as_bytes(), &Source::File("/var/log/app.log"), at(1)).matched, 0);
}

#[test]
fn every_shipped_sample_does_what_it_should() {
    let files = shipped();
    let files: Vec<_> = files.iter().map(|(f, t)| (f.as_str(), t.as_str())).collect();
    let tried = crate::missed(&files).unwrap();
    assert_eq!(tried.missed, []);
    assert!(tried.detectors >= 90 && tried.samples >= 300, "{tried:?}");
}

#[test]
fn the_page_lists_what_is_shipped() {
    let page = include_str!("../../../../docs/detectors.md");
    let (_, list) = page.split_once("`just detectors-list` -->\n").unwrap();
    let mut files = shipped();
    files.sort();
    assert_eq!(list, library_of(&files).table(), "run `just detectors-list`");
    for word in crate::capture::Capture::ALL.map(crate::capture::Capture::word) {
        assert!(page.contains(&format!("`{word}`")), "the page does not speak of {word}");
    }
}

#[test]
fn every_shipped_trigger_says_when_and_every_kind_of_one_is_used() {
    let library = library_of(&shipped());
    let has = |id: &str| library.find(&id.parse::<DetectorId>().unwrap()).is_some();
    for id in ["service.crash-loop", "ssh.failed-logins", "disk.filling", "backup.missing", "cert.days-left"]
    {
        assert!(has(id), "{id}");
    }
}

#[test]
fn hostile_lines_take_time_in_proportion_to_their_length() {
    let mut detectors = all();
    let time = |detectors: &mut Detectors, text: &str, length: usize| {
        let line = text.repeat(length / text.len());
        let began = std::time::Instant::now();
        detectors.observe(line.as_bytes(), &Source::Syslog, at(1));
        began.elapsed()
    };
    for text in [
        "Failed password for ",
        "a",
        "\x1b[31m",
        "Nov 21 06:20:01 host sshd[1]: Failed password for \n",
        " from 1 port ",
        "((((",
        "\0",
    ] {
        let took = time(&mut detectors, text, 16 << 20);
        assert!(took.as_secs() < 20, "{text:?} took {took:?}");
    }
}

#[test]
fn a_long_line_is_looked_at_as_far_as_it_counts() {
    let mut detectors = detectors(
        "- id: a.b\n  title: t\n  kind: clock\n  severity: low\n  source: { everything: true }\n  lines: [{ literal: abc, pattern: 'abc' }]\n  when: { rate: 1 in 1 s }\n  matches: [abc]\n  ignores: [xyz]\n",
    );
    let late = [vec![b'x'; LINE_BYTES_MAX], b"abc\nabc\n".to_vec()].concat();
    let observed = detectors.observe(&late, &Source::Syslog, at(1));
    assert_eq!((observed.lines, observed.matched), (2, 1));
}

/// Bytes near what detectors look for: pieces of samples, headers, and noise.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let samples: Vec<String> = library_of(&shipped())
        .iter()
        .flat_map(|d| d.matches.iter().chain(&d.ignores).map(|s| s.text.clone()).collect::<Vec<_>>())
        .collect();
    let programs = ["sshd", "kernel", "systemd", "sudo", "nginx", "postgres", "smartd", "x"];
    let sample = proptest::sample::select(samples);
    let header =
        proptest::sample::select(programs.map(|p| format!("Nov 21 06:20:01 host {p}[1]: ")).to_vec());
    let noise = proptest::collection::vec(any::<u8>(), 0..20);
    (header, any::<bool>(), sample, any::<proptest::sample::Index>(), noise).prop_map(
        |(header, whole, sample, cut, noise)| {
            let mut message = sample.into_bytes();
            if !whole {
                let at = cut.index(message.len() + 1);
                message.splice(at..at, noise);
            }
            let mut line = [header.into_bytes(), message].concat();
            line.iter_mut().filter(|b| **b == b'\n').for_each(|b| *b = b' ');
            line
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn two_stages_find_what_all_patterns_find(lines in proptest::collection::vec(line(), 1..40), own in any::<bool>()) {
        let mut detectors = all();
        let source = if own { Source::File("/var/log/nginx/error.log") } else { Source::Syslog };
        let expected: Vec<Vec<usize>> = lines.iter().map(|l| naive(&detectors, l, &source)).collect();
        for (line, expected) in lines.iter().zip(&expected) {
            prop_assert_eq!(&detectors.matching(line, &source), expected, "{}", String::from_utf8_lossy(line));
        }
        let block = lines.iter().flat_map(|l| [l.as_slice(), b"\n"].concat()).collect::<Vec<u8>>();
        let observed = detectors.observe(&block, &source, at(1));
        prop_assert_eq!(observed.lines, lines.len() as u64);
        prop_assert_eq!(observed.matched, expected.iter().filter(|e| !e.is_empty()).count() as u64);
    }

    #[test]
    fn any_bytes_are_taken(bytes in proptest::collection::vec(any::<u8>(), 0..4_000), way in 0..3) {
        let mut detectors = all();
        let source = match way {
            0 => Source::Syslog,
            1 => Source::File("/var/log/audit/audit.log"),
            _ => Source::Journal(Some(Program { name: b"kernel", by_root: true })),
        };
        let observed = detectors.observe(&bytes, &source, at(1));
        prop_assert!(observed.matched <= observed.lines);
    }
}
