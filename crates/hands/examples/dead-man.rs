//! What the executor does around an action that touches how people get in, for tests that start it inside a guest: arms, arms the dead-man timer,
//! acts, looks from outside, confirms.
//!
//! - `dead-man dead-man <plan>`: the process that keeps the time.
//! - `dead-man run`: reads one line of JSON: `{"action": a step as in a runbook, "snapshots": a directory, "after_ms", "starter": "systemd" |
//!   "own_session", "restart": units, "then": "check" | "confirm_late" | "hang"}`. Prints `acted` and then how it ended.
//! - `dead-man check sshd|firewall|accounts`: looks. Prints `ok`, or why not.
//! - `dead-man pending <snapshots>`: what the executor does when it starts. Prints how many were put back.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use contract::resource::UnitName;
use contract::runbook::{Action, Step};
use contract::time::MonoNs;
use facts::OwnDirectories;
use hands::{
    Confined, DeadMan, Interrupt, NotConfirmed, OwnPlaces, Place, Snapshots, Starter, State, UndoPlan, WayIn,
    after_check,
};
use serde::Deserialize;

type Failure = Box<dyn std::error::Error>;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Then {
    Check,
    ConfirmLate,
    Hang,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StartedBy {
    Systemd,
    OwnSession,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    action: Step,
    snapshots: PathBuf,
    after_ms: u64,
    starter: StartedBy,
    #[serde(default)]
    restart: Vec<UnitName>,
    then: Then,
}

fn main() -> ExitCode {
    hands::become_launcher();
    let words: Vec<OsString> = std::env::args_os().skip(1).collect();
    let words: Vec<&str> = words.iter().filter_map(|w| w.to_str()).collect();
    let done = match words[..] {
        ["dead-man", plan] => confined().and_then(|confined| Ok(hands::serve(Path::new(plan), &confined)?)),
        ["run"] => run(),
        ["check", way] => check(way),
        ["pending", snapshots] => pending(Path::new(snapshots)),
        _ => Err("run, check, pending or dead-man".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("{e}: {e:?}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Failure> {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    let asked: Asked = serde_json::from_str(&line)?;
    let action = asked.action.resolve(&std::collections::BTreeMap::new())?;
    let nowhere = || PathBuf::from("/nonexistent");
    let confined = confined()?;
    let own = OwnDirectories { evidence: nowhere(), executor_keys: nowhere(), agent_keys: nowhere() };
    let interrupt = Interrupt::default();
    let place = Place {
        own: &own,
        snapshot: Snapshots::below(&asked.snapshots).of(&"order-0123456789abcdef".parse()?, 0),
        programs: &confined,
        deadline: MonoNs(edge::clock::mono().0 + 30_000_000_000),
        interrupt: &interrupt,
        scratch: asked.snapshots.join("scratch"),
        nixos: hands::Nixos::default(),
    };
    let armed = hands::arm(&action, &place)?;
    let plan = UndoPlan {
        verb: action.verb(),
        target: action.resource(),
        before: armed.before().clone(),
        snapshot: place.snapshot.directory().to_owned(),
        own: OwnPlaces::from(&own),
        restart: asked.restart.clone(),
    };
    let starter = match asked.starter {
        StartedBy::Systemd => Starter::Systemd,
        StartedBy::OwnSession => Starter::OwnSession,
    };
    let after = Duration::from_millis(asked.after_ms);
    let dead_man = DeadMan::arm_with(&plan, after, &std::env::current_exe()?, starter)?;
    armed.act(&place)?;
    for unit in asked.restart {
        hands::arm(&Action::UnitRestart(unit), &place)?.act(&place)?;
    }
    say("acted")?;
    match asked.then {
        Then::Hang => loop {
            std::thread::park();
        },
        Then::ConfirmLate => {
            while dead_man.state() != State::Fired {
                std::thread::sleep(Duration::from_millis(20));
            }
            say(&format!("confirmed {}", dead_man.confirm()?))
        }
        Then::Check => match dead_man.look(WayIn::of(&action).ok_or("no way in")?, Duration::from_secs(10)) {
            Ok(()) => say(&format!("confirmed {}", dead_man.confirm()?)),
            Err(e) => say(&named(&e)),
        },
    }
}

fn check(way: &str) -> Result<(), Failure> {
    let way = match way {
        "sshd" => WayIn::Sshd,
        "firewall" => WayIn::Firewall,
        "accounts" => WayIn::Accounts,
        _ => return Err("no such way".into()),
    };
    match after_check(way, &confined()?) {
        Ok(()) => say("ok"),
        Err(e) => say(&named(&e)),
    }
}

fn pending(snapshots: &Path) -> Result<(), Failure> {
    let pending = hands::pending(snapshots)?;
    let (mut count, confined) = (0, confined()?);
    for plan in &pending.plans {
        count += usize::from(hands::fire(plan, &confined)?);
    }
    say(&format!("put back {count}, unreadable {}", pending.unreadable.len()))
}

/// Programs in the sandbox, as the product starts them.
fn confined() -> Result<Confined, Failure> {
    let nowhere = || PathBuf::from("/nonexistent");
    let own = OwnDirectories { evidence: nowhere(), executor_keys: nowhere(), agent_keys: nowhere() };
    Ok(Confined::new(&own, vec![PathBuf::from("/var/lib/suture-snapshots")])?)
}

fn named(error: &NotConfirmed) -> String {
    format!("{error:?}")
}

fn say(text: &str) -> Result<(), Failure> {
    println!("{text}");
    Ok(std::io::stdout().flush()?)
}
