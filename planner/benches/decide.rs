//! How long a decision takes, beside its bar: `cargo bench -p planner`.
//!
//! `spread` is a table of 500 rules over all of the baseline's controls and all kinds of signals; `crowded` has 500 rules on one control, each narrowed to
//! another number, which is the worst that the index can be given. Each figure is the median of many batches. Red where the bar is missed.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench prints, and fails by its own message")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use contract::baseline::{Baseline, Severity};
use contract::decision::{Choice, Escalation};
use contract::fact::FactValue;
use contract::incident::What;
use contract::runbook::{Catalogue, CatalogueFile, TargetOs};
use contract::signal::{About, Signal, SignalKind};
use contract::time::UtcTime;
use planner::coalesce::{HostLife, Sibling};
use planner::flap::{Ended, EndedBy, Episode};
use planner::{Case, Knowledge, Rules, consider, plan};

const RULES: usize = 500;
const BAR_US: f64 = 50.0;
const BATCHES: usize = 101;
const IN_A_BATCH: u32 = 200;

fn beside(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)).unwrap()
}

fn catalogue() -> Catalogue {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../runbooks");
    let mut files: Vec<CatalogueFile> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let file = path.file_name().unwrap().to_str().unwrap().to_owned();
            CatalogueFile { file, text: std::fs::read_to_string(&path).unwrap() }
        })
        .collect();
    files.sort_by(|a, b| a.file.cmp(&b.file));
    Catalogue::parse(&Catalogue::bundle(files).unwrap()).unwrap()
}

/// Every control has its baseline's runbook at one priority, and narrower rules for people below it.
fn spread(baseline: &Baseline) -> Rules {
    let mut text = "rules:\n".to_owned();
    for n in 0..RULES {
        let control = &baseline.controls()[n % baseline.controls().len()];
        let kind = SignalKind::ALL[n % SignalKind::ALL.len()];
        let (priority, (when, answer)) = match (&control.runbook, n % 3) {
            (Some(runbook), 0 | 1) => {
                (500, (format!("controls: [{}]", control.id), format!("run: {runbook}")))
            }
            (None, _) | (Some(_), 2..) => {
                (1 + n, (format!("kinds: [{kind}], count_at_least: {}", 2 + n), "person: y".to_owned()))
            }
        };
        writeln!(text, "- {{ id: r{n}, os: linux, priority: {priority}, when: {{ {when} }}, {answer} }}")
            .unwrap();
    }
    Rules::parse("spread.yaml", &text).unwrap()
}

fn crowded() -> Rules {
    let mut text = "rules:\n".to_owned();
    for n in 0..RULES {
        let when =
            format!("controls: [tls.expiry], observed: {{ number: {{ at_least: {n}, at_most: {n} }} }}");
        writeln!(
            text,
            "- {{ id: r{n}, os: linux, priority: 1, when: {{ {when} }}, run: RB-CERT-001-renew }}"
        )
        .unwrap();
    }
    Rules::parse("crowded.yaml", &text).unwrap()
}

fn utc(ms: i64) -> UtcTime {
    UtcTime::from_unix_ms(1_780_272_000_000 + ms).unwrap()
}

fn drift(baseline: &Baseline, control: &str, observed: FactValue) -> What {
    let control = baseline.control(&control.parse().unwrap()).unwrap();
    What::Drift { control: control.id.clone(), fact: control.observe.clone(), observed }
}

/// A hundred open incidents on twenty machines, and a past of two hundred episodes.
fn case(baseline: &Baseline) -> Case {
    let host = |n: i64| format!("h-{}", n % 20).parse().unwrap();
    let of = |n: i64| {
        let control = &baseline.controls()[usize::try_from(n).unwrap() % baseline.controls().len()];
        drift(baseline, control.id.as_str(), FactValue::Flag(false))
    };
    let healed = |at: i64| Ended {
        at: utc(at + 60_000),
        by: EndedBy::Run("RB-CERT-001-renew".parse().unwrap(), contract::outcome::Outcome::Healed),
        opponent: None,
    };
    Case {
        incident: "i-own".parse().unwrap(),
        host: host(0),
        what: drift(baseline, "tls.expiry", FactValue::Number(3)),
        os: Some(TargetOs::Debian),
        found: utc(900_000_000),
        now: utc(900_001_000),
        open: (0..100)
            .map(|n| Sibling {
                host: host(n),
                incident: format!("i-{n}").parse().unwrap(),
                found: utc(899_000_000 + n * 1000),
                what: of(n),
            })
            .collect(),
        hosts: (0..20).map(|n| HostLife { host: host(n), dark_since: None }).collect(),
        past: (0..200)
            .map(|n| Episode {
                host: host(n),
                subject: of(n).subject(),
                found: utc(n * 4_000_000),
                ended: Some(healed(n * 4_000_000)),
            })
            .collect(),
    }
}

/// The median of the batches, in microseconds for each call.
fn median_us(mut work: impl FnMut()) -> f64 {
    let mut batches: Vec<f64> = (0..BATCHES)
        .map(|_| {
            let began = Instant::now();
            for _ in 0..IN_A_BATCH {
                work();
            }
            began.elapsed().as_secs_f64() * 1e6 / f64::from(IN_A_BATCH)
        })
        .collect();
    batches.sort_by(f64::total_cmp);
    batches[BATCHES / 2]
}

fn main() -> ExitCode {
    let baseline = Baseline::parse("b", &beside("baseline/hipaa-v1.yaml")).unwrap();
    let catalogue = catalogue();
    let (spread, crowded) = (spread(&baseline), crowded());
    let knows = |rules| Knowledge { rules, baseline: &baseline, catalogue: &catalogue };
    let expiry = drift(&baseline, "tls.expiry", FactValue::Number(499));
    let signal = What::Signal(Signal {
        detector: "disk.full".parse().unwrap(),
        kind: SignalKind::DiskFull,
        severity: Severity::High,
        count: 600,
        window_s: 60,
        about: About::default(),
    });
    let case = case(&baseline);
    // A decision that comes to nothing would be quick for no reason.
    for (what, rules) in [(&expiry, &spread), (&expiry, &crowded)] {
        let choice = plan(what, Some(TargetOs::Debian), &knows(rules)).choice;
        assert!(matches!(choice, Choice::Run(_)), "{choice:?}");
    }
    let choice = plan(&signal, Some(TargetOs::Debian), &knows(&spread)).choice;
    assert_eq!(choice, Choice::Escalate(Escalation::ByRule));
    let os = Some(TargetOs::Debian);
    let mut missed = false;
    let mut row = |name: &str, us: f64, bar: Option<f64>| {
        let beside = bar.map_or_else(String::new, |bar| format!("bar: {bar} us"));
        println!("  {name:<58} {us:>11.2} us   {beside}");
        missed |= bar.is_some_and(|bar| us >= bar);
    };
    let planned =
        |what: &What, os, rules| median_us(|| drop(black_box(plan(black_box(what), os, &knows(rules)))));
    row("a control, 500 rules spread", planned(&expiry, os, &spread), Some(BAR_US));
    row("the same, on a system that is not known", planned(&expiry, None, &spread), Some(BAR_US));
    row("a signal, 500 rules spread", planned(&signal, os, &spread), Some(BAR_US));
    row("a control, 500 rules on it alone", planned(&expiry, os, &crowded), Some(BAR_US));
    let considered = median_us(|| drop(black_box(consider(black_box(&case), &knows(&spread)))));
    row("with 100 open incidents, 20 hosts, 200 past episodes", considered, None);
    ExitCode::from(u8::from(missed))
}
