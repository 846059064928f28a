//! `suture-executor`: set an executor up, or run it.
//!
//! Exit status: 0 done or stopped cleanly; 2 wrong usage; 74 the evidence log cannot be opened or written; 78 the configuration, the catalogue
//! or the baseline was refused.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use contract::event::Event;
use contract::record::{Digests, Opened};
use edge::trace::Tracer;
use executor::config::Config;
use executor::init::{self, Init};
use executor::measure::Meter;
use executor::receipt::Receipts;
use executor::recorder::Recorder;
use executor::run::{Machine, Runner};
use executor::serve::{self, Served};
use executor::{EXIT_CONFIG, EXIT_EVIDENCE};
use facts::Reader;

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
}

fn main() -> ExitCode {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_target(false).init();
    match Cli::parse().command {
        Command::Init(told) => {
            finish(init::init(&told).map_err(Into::into).map(|key| println!("{key}")), EXIT_CONFIG)
        }
        Command::Run { config, events } => match prepare(&config, events) {
            Ok(prepared) => finish(prepared.run(), EXIT_EVIDENCE),
            Err(e) => finish(Err(e), EXIT_CONFIG),
        },
    }
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

/// Everything that was read and checked before the log is touched.
struct Prepared {
    config: Config,
    site: executor::guard::Site,
    key: tlog::SigningKey,
    witness: tlog::VerifierKey,
    tracer: Tracer,
}

fn prepare(path: &std::path::Path, events: bool) -> anyhow::Result<Prepared> {
    let config = Config::read(path)?;
    let site = config.site(&path.display().to_string())?;
    let key = init::load_key(&config.keys().join("evidence.key"), &config.origin)?;
    let witness = config.witness_key.parse().with_context(|| format!("{}: witness_key", path.display()))?;
    Ok(Prepared { config, site, key, witness, tracer: Tracer::new(events) })
}

impl Prepared {
    fn run(self) -> anyhow::Result<()> {
        let Self { config, site, key, witness, tracer } = self;
        let digests = Digests {
            baseline: Some(site.baseline_digest),
            catalogue: Some(site.catalogue.digest()),
            ..Digests::default()
        };
        let log_key = key.verifier().clone();
        let path = config.directory.join("receipt");
        let receipts = Receipts { path, witness, log: log_key.clone() };
        let receipt = receipts.kept().with_context(|| format!("{}: refused", receipts.path.display()))?;
        let (recorder, recovery) = Recorder::open(&config.evidence(), key, receipt.as_ref(), digests)
            .with_context(|| format!("{}: the evidence log was not opened", config.evidence().display()))?;
        let own = config.own_directories();
        let meter = Meter::new(Reader::new(facts::Config::new(own.clone())));
        let mut machine = Machine { recorder, meter, own, tracer };
        let begun = Begun(config.keys().join("evidence.begun"));
        if machine.recorder.size() == 0 {
            begun.refuse_a_second_beginning()?;
            let Config { tenant, site, host, .. } = config.clone();
            let software = env!("CARGO_PKG_VERSION").to_owned();
            let opened = Opened { tenant, site, host, key: log_key.to_string(), software };
            machine.recorder.opened(machine.stamp(), opened).context("the first record was not written")?;
        }
        begun.mark()?;
        let mut runner = Runner::new(site, machine);
        let resumed = runner.recover(recovery.torn_bytes).context("an interrupted run was not settled")?;
        runner.machine().recorder.publish()?;
        let listener = serve::bind(&config.socket, config.agent_uid)?;
        let size = runner.machine().recorder.size();
        let served = Arc::new(Served {
            runner: Mutex::new(runner),
            host: config.host,
            receipts,
            directory: config.directory,
        });
        stop_cleanly_on_signals(Arc::clone(&served))?;
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
        tracer.emit(Event::ExecutorReady { size, resumed });
        serve::serve(&listener, &served, config.agent_uid);
        Ok(())
    }
}

/// A mark beside the key that its log was begun. The key signs one log: an empty one beside a used key means that the log is gone, and with it
/// every counter and cooldown.
struct Begun(PathBuf);

impl Begun {
    fn refuse_a_second_beginning(&self) -> anyhow::Result<()> {
        let path = self.0.display();
        anyhow::ensure!(
            !self.0.exists(),
            "{path} says that this key has signed a log, and the log is gone: fetch it back from the hub, or enrol this machine anew with a new key"
        );
        Ok(())
    }

    fn mark(&self) -> anyhow::Result<()> {
        if !self.0.exists() {
            edge::file::write_durably(&self.0, b"")?;
        }
        Ok(())
    }
}

/// Waits for the run under way, publishes, and ends.
fn stop_cleanly_on_signals(served: Arc<Served>) -> anyhow::Result<()> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let mut signals = signal_hook::iterator::Signals::new([SIGTERM, SIGINT])?;
    std::thread::spawn(move || {
        if signals.forever().next().is_some() {
            let mut runner = served.lock();
            let status = match runner.machine().recorder.publish() {
                Ok(()) => 0,
                Err(e) => {
                    edge::trace::complain(&format!("suture-executor: {e}"));
                    EXIT_EVIDENCE
                }
            };
            std::process::exit(status);
        }
    });
    Ok(())
}
