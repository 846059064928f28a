//! `suture-agent`: enrol this machine, run the observer, or look once.
#![forbid(unsafe_code)]

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use agent::config::{Config, Proxy};
use agent::enrol::{Enrolment, enrol};
use agent::keystore::{self, Sealing};
use agent::run::{RunError, run};
use agent::scan::{Against, Options, scan};
use agent::site::Places;
use agent::table::{self, Colours};
use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use contract::finding::Tally;
use edge::trace::Tracer;
use tokio::signal::unix::{SignalKind, signal};

/// The on-site observer of Suture.
#[derive(Debug, Parser)]
#[command(name = "suture-agent", version, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Enrol this machine with its hub. Can be run again: a reply that was lost costs nothing.
    Enrol {
        /// The enrolment sheet. Secret until it is used.
        #[arg(long)]
        sheet: PathBuf,
        /// The agent's own directory.
        #[arg(long)]
        dir: PathBuf,
        /// The verifier key of the executor's evidence log.
        #[arg(long, value_name = "VKEY")]
        evidence_key: String,
        /// The HTTP proxy by way of which the hub is reached, like `http://proxy.example:3128`.
        #[arg(long, value_name = "URL")]
        proxy: Option<Proxy>,
        /// The TPM 2.0 that seals the device's key, where it is not the kernel's /dev/tpmrm0. The configuration must name it too.
        #[arg(long)]
        tpm_device: Option<String>,
        /// Write the device's key down in the open although there is a TPM 2.0.
        #[arg(long, conflicts_with = "tpm_device")]
        unsealed: bool,
    },
    /// Observe until told to stop.
    Run {
        /// The configuration.
        #[arg(long)]
        config: PathBuf,
        /// Print trace events on standard output, one JSON object a line.
        #[arg(long)]
        events: bool,
    },
    /// Look at the whole baseline once. Exit status 0 where nothing fails, 1 where something does, 2 where the input is bad, 3 where nothing at all
    /// could be assessed.
    Scan(ScanArgs),
}

#[derive(Debug, Args)]
struct ScanArgs {
    #[command(flatten)]
    against: AgainstArgs,
    /// Judge the facts in this file instead of the machine's.
    #[arg(long)]
    facts: Option<PathBuf>,
    /// Write the facts that were seen into this file.
    #[arg(long)]
    record: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// The tenant's accepted failures.
    #[arg(long)]
    exceptions: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct AgainstArgs {
    /// The configuration of an enrolled machine: its signed baseline is used.
    #[arg(long)]
    config: Option<PathBuf>,
    /// A baseline file.
    #[arg(long)]
    baseline: Option<PathBuf>,
}

/// How the process ends.
#[derive(Debug, Clone, Copy)]
enum Exit {
    /// Done; nothing fails.
    Well = 0,
    /// Something fails.
    Failing = 1,
    /// Bad input, or something that a person has to mend.
    Refused = 2,
    /// Nothing could be assessed: a script must not take that for a machine on which nothing fails.
    Blind = 3,
    /// The hub's operator took this machine's certificate back: to start it again is of no use.
    Revoked = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

fn main() -> ExitCode {
    // clap ends with 2 on bad arguments by itself.
    let cli = Cli::parse();
    let level = match edge::trace::level(tracing::Level::INFO) {
        Ok(level) => level,
        Err(refused) => {
            edge::trace::complain(&format!("suture-agent: {refused}"));
            return Exit::Refused.into();
        }
    };
    let trace = tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr);
    trace.with_target(false).with_ansi(false).init();
    match start(cli.command) {
        Ok(exit) => exit.into(),
        Err(error) => {
            edge::trace::complain(&format!("suture-agent: {error:#}"));
            Exit::Refused.into()
        }
    }
}

fn start(command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::Enrol { sheet, dir, evidence_key, proxy, tpm_device, unsealed } => {
            let sealing = match &tpm_device {
                Some(_) => Sealing::Told,
                None if unsealed => Sealing::Unsealed,
                None => Sealing::Found,
            };
            let places = Places { dir: dir.clone(), tpm: tpm_device };
            let done = runtime()?.block_on(enrol(&sheet, &places, &sealing, &evidence_key, proxy))?;
            edge::trace::complain(&format!("suture-agent: {}", keystore::protection(&places)));
            println!(
                "{}",
                match done {
                    Enrolment::Fresh => format!("enrolled: {}", dir.display()),
                    Enrolment::AlreadyThere => format!("already enrolled: {}", dir.display()),
                }
            );
            Ok(Exit::Well)
        }
        Command::Run { config, events } => {
            let config = Config::read(&config)?;
            runtime()?.block_on(async move {
                let stop = stopped()?;
                match run(config, Tracer::new(events), stop).await {
                    Err(error @ RunError::Revoked) => {
                        edge::trace::complain(&format!("suture-agent: {error}"));
                        Ok(Exit::Revoked)
                    }
                    ended => Ok(ended.map(|()| Exit::Well)?),
                }
            })
        }
        Command::Scan(args) => print_scan(args),
    }
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    // Small machines: one thread, and a few for the disk that go away when idle.
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(4)
        .thread_keep_alive(Duration::from_secs(2))
        .build()
        .context("the runtime cannot be started")
}

/// Ready at the first SIGTERM or SIGINT.
fn stopped() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be handled")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT cannot be handled")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

fn print_scan(args: ScanArgs) -> anyhow::Result<Exit> {
    let against = match (args.against.config, args.against.baseline) {
        (Some(path), _) => Against::Config(path),
        (None, Some(path)) => Against::Baseline(path),
        (None, None) => anyhow::bail!("name a configuration or a baseline"),
    };
    let done =
        scan(&Options { against, facts: args.facts, record: args.record, exceptions: args.exceptions })?;
    let text = if args.json {
        serde_json::to_string_pretty(&done.printed()).context("the scan cannot be printed")? + "\n"
    } else {
        let plain =
            std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty()) || !std::io::stdout().is_terminal();
        table::render(&done.baseline, &done.findings, if plain { Colours::Off } else { Colours::On })
    };
    // A reader that has seen enough (`| head`) is no failure.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    let tally = Tally::of(&done.findings);
    Ok(match (tally.assessed(), tally.fail) {
        (0, _) => Exit::Blind,
        (_, 0) => Exit::Well,
        _ => Exit::Failing,
    })
}
