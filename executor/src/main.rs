//! `suture-executor`: set an executor up, run it, or check its log.
//!
//! Exit status: 0 done or stopped cleanly; 2 wrong usage; 74 the evidence log cannot be opened or written, or is not whole; 78 the configuration,
//! the catalogue or the baseline was refused.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use contract::event::Event;
use edge::trace::Tracer;
use executor::init::{self, Init};
use executor::lookout::Lookout;
use executor::serve::{self, Served};
use executor::start::{Ground, Stage};
use executor::{EXIT_CONFIG, EXIT_EVIDENCE};
use executor::{publish, rotate, store};

#[derive(Parser)]
#[command(version, about = "The guarded executor and recorder of one machine")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make this machine's evidence key and configuration from an enrolment sheet; prints the public key.
    Init(Init),
    /// Run.
    Run {
        /// The configuration file.
        #[arg(long)]
        config: PathBuf,
        /// Write trace events to standard output.
        #[arg(long)]
        events: bool,
    },
    /// Read the whole evidence log, while the executor is stopped, and say whether it is what was signed.
    Fsck {
        /// The configuration file.
        #[arg(long)]
        config: PathBuf,
        /// Say it as one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Put another policy in place, while the executor is stopped: read, asked the last 100 decisions again, shown, and only then put there.
    Policy {
        /// The configuration file.
        #[arg(long)]
        config: PathBuf,
        /// The new policy.
        #[arg(long)]
        file: PathBuf,
        /// What has to be typed where more than five decisions turn from allow to deny.
        #[arg(long)]
        phrase: Option<String>,
        /// Say what would change, and change nothing.
        #[arg(long)]
        dry_run: bool,
        /// Say it as one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Keep a dead-man's time: started by the executor itself.
    #[command(hide = true, name = "dead-man")]
    DeadMan {
        /// The plan, which lies below the executor's directory.
        plan: PathBuf,
    },
    /// Change the evidence key, while the executor is stopped; prints the new public key. The old key names it in the log.
    RotateKey {
        /// The configuration file.
        #[arg(long)]
        config: PathBuf,
    },
}

fn main() -> ExitCode {
    // Before anything else: a confined program is started by this very program in another part.
    hands::become_launcher();
    // Before any key is read.
    if let Err(e) = executor::memory::keep_private() {
        let refused = anyhow::Error::new(e).context("the memory of this process cannot be kept private");
        return finish(Err(refused), EXIT_CONFIG);
    }
    let level = match edge::trace::level(tracing::Level::INFO) {
        Ok(level) => level,
        Err(refused) => return finish(Err(anyhow::anyhow!(refused)), EXIT_CONFIG),
    };
    tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr).with_target(false).init();
    match Cli::parse().command {
        Command::Init(told) => {
            let done = init::init(&told).map_err(Into::into).map(|(key, protection)| {
                edge::trace::complain(&format!("suture-executor: {protection}"));
                println!("{key}");
            });
            finish(done, EXIT_CONFIG)
        }
        Command::Run { config, events } => match Ground::read(&config, Tracer::new(events)) {
            Ok(ground) => finish(settled(ground, &config).and_then(run), EXIT_EVIDENCE),
            Err(e) => finish(Err(e.into()), EXIT_CONFIG),
        },
        Command::Fsck { config, json } => match Ground::read(&config, Tracer::new(false)) {
            Ok(ground) => fsck(&ground, json),
            Err(e) => finish(Err(e.into()), EXIT_CONFIG),
        },
        Command::Policy { config, file, phrase, dry_run, json } => {
            match Ground::read(&config, Tracer::new(false)) {
                Ok(ground) => {
                    let typed = phrase.as_deref();
                    finish(executor::policy_command::run(&ground, &file, typed, dry_run, json), EXIT_CONFIG)
                }
                Err(e) => finish(Err(e.into()), EXIT_CONFIG),
            }
        }
        Command::DeadMan { plan } => finish(dead_man(&plan), 1),
        Command::RotateKey { config } => match Ground::read(&config, Tracer::new(false)) {
            Ok(ground) => finish(rotate_key(&ground), EXIT_EVIDENCE),
            Err(e) => finish(Err(e.into()), EXIT_CONFIG),
        },
    }
}

/// Keeps a dead-man's time. The programs that undoing starts are confined as those of steps are; the plan's own directories are hidden from them.
fn dead_man(plan: &Path) -> anyhow::Result<()> {
    // <directory>/snapshots/<order>/<step>/<plan>
    let directory = plan.ancestors().nth(4).unwrap_or(plan);
    let own = facts::OwnDirectories {
        evidence: directory.join("evidence"),
        executor_keys: directory.join("keys"),
        agent_keys: directory.join("keys"),
    };
    hands::serve(plan, &hands::Confined::new(&own, vec![directory.join("snapshots")])?)?;
    Ok(())
}

fn fsck(ground: &Ground, json: bool) -> ExitCode {
    let found = match executor::fsck::check(&ground.config, &ground.receipts) {
        Ok(found) => found,
        Err(e) => return finish(Err(e.into()), EXIT_EVIDENCE),
    };
    if json {
        // Cannot fail: strings and numbers.
        println!("{}", serde_json::to_string(&found).unwrap_or_default());
    } else {
        println!("{}", found.words());
    }
    if found.is_whole() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(u8::try_from(EXIT_EVIDENCE).unwrap_or(1))
    }
}

fn rotate_key(ground: &Ground) -> anyhow::Result<()> {
    let (key, protection) = rotate::rotate(&ground.config)?;
    edge::trace::complain(&format!("suture-executor: {protection}"));
    println!("{key}");
    Ok(())
}

/// A change of keys that was interrupted is finished before anything is built on either key.
fn settled(ground: Ground, path: &Path) -> anyhow::Result<Ground> {
    if !ground.config.next_key().is_taken() {
        return Ok(ground);
    }
    rotate::settle(&ground.config)?;
    Ok(Ground::read(path, ground.tracer)?)
}

fn finish(result: anyhow::Result<()>, status: i32) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            edge::trace::complain(&format!("suture-executor: {e:#}"));
            ExitCode::from(u8::try_from(status).unwrap_or(1))
        }
    }
}

fn run(ground: Ground) -> anyhow::Result<()> {
    let (mut stage, settled) = ground.open()?;
    let size = match &mut stage {
        Stage::Ready(runner) => runner.machine().with_log(|recorder| recorder.size())?,
        Stage::Lacking(lacking) => lacking.size(),
        Stage::Changing => 0,
    };
    store::by_timer(facts::Root::new("/"), ground.config.store_verification())?;
    let socket = &ground.config.socket;
    let listener = match serve::handed_over(socket)? {
        Some(listener) => listener,
        None => serve::bind(socket, ground.config.agent_uid)?,
    };
    let lookout = Lookout::begin(ground.config.facts())?;
    let (written, told) = publish::channel();
    let tracer = ground.tracer;
    if let Stage::Ready(runner) = &stage {
        runner.look_after();
    }
    let served = Arc::new(Served::new(stage, ground, written, lookout));
    publish::by_timer(Arc::clone(&served), told);
    heed_signals(Arc::clone(&served))?;
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    tracer.emit(Event::ExecutorReady { size, resumed: settled.resumed });
    serve::serve(&listener, &served);
    Ok(())
}

/// SIGTERM and SIGINT: waits a while for the runs under way, publishes, and ends. SIGHUP: publishes now.
fn heed_signals(served: Arc<Served>) -> anyhow::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let mut signals = signal_hook::iterator::Signals::new([SIGTERM, SIGINT, SIGHUP])?;
    std::thread::spawn(move || {
        for signal in signals.forever() {
            if signal != SIGHUP {
                // Nothing begins any more, and what is under way has a while to end. What has not is settled by the next start.
                served.close();
            }
            // Ends the process itself where the disk fails.
            let stage = served.publish();
            if signal != SIGHUP {
                // The lock is kept: nothing begins between the publishing and the end.
                std::process::exit(0);
            }
            drop(stage);
        }
    });
    Ok(())
}
