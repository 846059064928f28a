//! One action on the machine that it runs on, for tests that start it inside a guest: reads one line of JSON, writes one.
//!
//! `{"do": "arm" | "arm_act" | "undo" | "knows" | "dependants" | "run", "action": a step as in a runbook, "unit": for two of them, "before": for `undo`,
//! "snapshots": a directory, "time_limit_ms": 30000, "interrupt_after_ms": none,
//! "hidden": directories that confined programs do not see; without it they run plainly, "healthy": generations}`. Each run is another process:
//! what `undo` knows is `before` and what lies in the snapshot.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use contract::ids::OrderId;
use contract::record::{Before, Count};
use contract::resource::{Endpoint, UnitName};
use contract::runbook::{Action, SandboxProfile, Step};
use contract::time::MonoNs;
use facts::OwnDirectories;
use hands::{Confined, Generation, HandError, Interrupt, Nixos, Place, Program, Programs, Snapshots};
use serde::{Deserialize, Serialize};

#[path = "../tests/it/plain.rs"]
mod plain;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum What {
    Arm,
    ArmAct,
    Undo,
    Knows,
    Dependants,
    Run,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    #[serde(rename = "do")]
    what: What,
    action: Option<Step>,
    unit: Option<UnitName>,
    before: Option<Before>,
    snapshots: PathBuf,
    #[serde(default = "half_a_minute")]
    time_limit_ms: u64,
    interrupt_after_ms: Option<u64>,
    run: Option<Told>,
    /// Programs run in the sandbox, and see none of these.
    hidden: Option<Vec<PathBuf>>,
    /// Generations that were healthy: number and closure.
    #[serde(default)]
    healthy: Vec<(u64, PathBuf)>,
}

/// A program for `run`, and how it is held.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    path: String,
    arguments: Vec<String>,
    profile: Option<SandboxProfile>,
    #[serde(default)]
    reads: Vec<PathBuf>,
    #[serde(default)]
    writes: Vec<PathBuf>,
    #[serde(default)]
    capabilities: Vec<String>,
    #[serde(default)]
    host_network: bool,
    #[serde(default)]
    input: String,
}

const fn half_a_minute() -> u64 {
    30_000
}

#[derive(Debug, Default, Serialize)]
struct Answer {
    before: Option<Before>,
    counts: Vec<(Count, u64)>,
    dependants: Vec<(UnitName, bool)>,
    known: Option<bool>,
    /// What a program came to: its status, output and complaint.
    ran: Option<(Option<i32>, String, String)>,
    /// The connections that programs made: whither, whether they were let through, bytes out and in.
    connections: Vec<(Option<Endpoint>, bool, u64, u64)>,
    /// Threads that still listen for the ends of jobs after all is done: none, or they would pile up in the executor.
    listening: usize,
    /// The error's name and all of its chain.
    error: Option<(String, String)>,
}

fn main() -> ExitCode {
    hands::become_launcher();
    let mut line = String::new();
    if let Err(e) = std::io::stdin().read_line(&mut line) {
        eprintln!("standard input: {e}");
        return ExitCode::FAILURE;
    }
    let asked: Asked = match serde_json::from_str(&line) {
        Ok(asked) => asked,
        Err(e) => {
            eprintln!("{line}: {e}");
            return ExitCode::FAILURE;
        }
    };
    let mut answer = Answer::default();
    if let Err(e) = carry_out(&asked, &mut answer) {
        answer.error = Some((name_of(&e), chain_of(&e)));
    }
    answer.listening = listening();
    match serde_json::to_string(&answer) {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(e) => {
            eprintln!("{e}");
            ExitCode::FAILURE
        }
    }
}

fn carry_out(asked: &Asked, answer: &mut Answer) -> Result<(), HandError> {
    let unit = || asked.unit.as_ref().ok_or(HandError::NothingToDo("the question names no unit"));
    match asked.what {
        What::Knows => answer.known = Some(hands::knows(unit()?)?),
        What::Dependants => answer.dependants = hands::dependants(unit()?)?,
        What::Run => {
            let told = asked.run.as_ref().ok_or(HandError::NothingToDo("the question names no program"))?;
            answer.ran = Some(run(told, programs(asked)?.as_ref())?);
        }
        What::Arm | What::ArmAct | What::Undo => act(asked, answer)?,
    }
    Ok(())
}

/// None of Suture's own is on such a machine.
fn own() -> OwnDirectories {
    let nowhere = Path::new("/nonexistent");
    OwnDirectories { evidence: nowhere.into(), executor_keys: nowhere.into(), agent_keys: nowhere.into() }
}

fn programs(asked: &Asked) -> Result<Box<dyn Programs>, HandError> {
    Ok(match &asked.hidden {
        None => Box::new(plain::Plain),
        Some(hidden) => Box::new(Confined::new(&own(), hidden.clone())?),
    })
}

fn run(told: &Told, programs: &dyn Programs) -> Result<(Option<i32>, String, String), HandError> {
    let arguments: Vec<&str> = told.arguments.iter().map(String::as_str).collect();
    let mut program = Program::of_the_system(&told.path, &arguments);
    program.profile = told.profile.unwrap_or(program.profile);
    program.reads.clone_from(&told.reads);
    program.writes.clone_from(&told.writes);
    // Names of capabilities are words of the code; here they come from a test.
    program.capabilities = told.capabilities.iter().map(|name| &*name.clone().leak()).collect();
    program.host_network = told.host_network;
    program.input = told.input.clone().into_bytes();
    let ran = programs.run(&program)?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok((ran.status, text(&ran.output), text(&ran.complaint)))
}

fn act(asked: &Asked, answer: &mut Answer) -> Result<(), HandError> {
    let step = asked.action.as_ref().ok_or(HandError::NothingToDo("the question names no action"))?;
    let action: Action = step
        .resolve(&std::collections::BTreeMap::new())
        .map_err(|_| HandError::NothingToDo("a parameter"))?;
    let order: OrderId =
        "order-0123456789abcdef".parse().map_err(|_| HandError::NothingToDo("no order's id"))?;
    let interrupt = Arc::new(Interrupt::default());
    if let Some(ms) = asked.interrupt_after_ms {
        let interrupt = Arc::clone(&interrupt);
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(ms));
            interrupt.ask();
        });
    }
    let programs = programs(asked)?;
    let healthy = asked.healthy.iter().cloned();
    let place = Place {
        own: &own(),
        snapshot: Snapshots::below(&asked.snapshots).of(&order, 0),
        programs: programs.as_ref(),
        deadline: MonoNs(edge::clock::mono().0 + asked.time_limit_ms * 1_000_000),
        interrupt: &interrupt,
        scratch: asked.snapshots.join("scratch"),
        nixos: Nixos {
            healthy: healthy.map(|(number, closure)| Generation { number, closure }).collect(),
            ..Nixos::default()
        },
    };
    if let What::Undo = asked.what {
        let before = asked.before.as_ref().ok_or(HandError::NoBefore(action.verb()))?;
        return hands::undo(action.verb(), &action.resource(), before, &place);
    }
    let armed = hands::arm(&action, &place)?;
    answer.before = Some(armed.before().clone());
    if let What::ArmAct = asked.what {
        let done = armed.act(&place)?;
        answer.counts = done.counts;
        let connections = done.connections.into_iter();
        answer.connections = connections.map(|c| (c.to, c.allowed, c.sent, c.received)).collect();
    }
    Ok(())
}

/// Waits a moment for them to end.
fn listening() -> usize {
    let named = || {
        let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
        let names = threads.map(|t| std::fs::read_to_string(t.path().join("comm")).unwrap_or_default());
        names.filter(|name| name.trim() == "jobs").count()
    };
    for _ in 0..100 {
        if named() == 0 {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    named()
}

/// `HandError::Unit { … }` is `Unit`.
fn name_of(error: &HandError) -> String {
    format!("{error:?}").chars().take_while(char::is_ascii_alphanumeric).collect()
}

fn chain_of(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(e) = source {
        text = format!("{text}: {e}");
        source = e.source();
    }
    text
}
