//! From what was read and checked to an executor that stands: the log opened, what it lost declared, interrupted runs settled. Or to one that
//! waits for what its log lacks.

mod begun;
mod declare;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use contract::record::{Body, Digests};
use contract::runbook::TargetOs;
use edge::file::FileError;
use edge::trace::Tracer;
use evidence::{AppendError, OpenError, Recovery};
use facts::Reader;
use thiserror::Error;
use tlog::{Checkpoint, SigningKey, VerifierKey};

use crate::config::{Config, ConfigError};
use crate::confinement;
use crate::guard::Site;
use crate::init::{self, InitError};
use crate::keystore::KeystoreError;
use crate::machine::{GivenUp, Machine, Parts};
use crate::measure::Meter;
use crate::policy_verb::{self, PolicyVerbError};
use crate::receipt::{Receipt, ReceiptError, Receipts};
use crate::recorder::Recorder;
use crate::restore::Lacking;
use crate::run::{Fatal, OrderError, Runner};

pub use begun::Begun;

/// What the executor is able to do.
#[derive(Debug)]
pub enum Stage {
    /// It carries out and writes down.
    Ready(Arc<Runner>),
    /// Its log lacks entries that the hub holds: it takes those and nothing else.
    Lacking(Box<Lacking>),
    /// Between the two. Never seen outside the lock.
    Changing,
}

/// What came of standing up.
#[derive(Debug, Clone, Copy, Default)]
pub struct Settled {
    /// Runs that were taken up again.
    pub resumed: u32,
}

/// Everything that was read and checked before the log is touched.
#[derive(Debug)]
pub struct Ground {
    /// The configuration.
    pub config: Config,
    /// The configuration's file, for messages.
    file: String,
    /// What this site is and has approved.
    site: Mutex<Arc<Site>>,
    /// The hub's receipts.
    pub receipts: Receipts,
    /// Diagnostics.
    pub tracer: Tracer,
    /// The key, until the log has it: a TPM takes its time over opening it.
    key: Mutex<Option<SigningKey>>,
}

/// Why the configuration is refused.
#[derive(Debug, Error)]
pub enum GroundError {
    /// The configuration, the catalogue or the baseline.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The evidence key.
    #[error(transparent)]
    Key(#[from] KeystoreError),
    /// The keys before it.
    #[error(transparent)]
    Earlier(#[from] InitError),
    /// The hub's witness key.
    #[error("{}: witness_key", path.display())]
    Witness {
        /// The configuration file.
        path: PathBuf,
        /// What is wrong with it.
        source: tlog::note::KeyError,
    },
}

/// Why the executor does not stand. Nothing was done that is not in the log.
#[derive(Debug, Error)]
pub enum StartError {
    /// The hub's receipt is there and cannot be believed.
    #[error("{}: refused", path.display())]
    Receipt {
        /// Its file.
        path: PathBuf,
        /// Why.
        source: ReceiptError,
    },
    /// The key cannot be had.
    #[error(transparent)]
    Key(#[from] KeystoreError),
    /// The log cannot be opened.
    #[error("{}: the evidence log was not opened", directory.display())]
    Open {
        /// Its directory.
        directory: PathBuf,
        /// Why not.
        source: Box<OpenError>,
    },
    /// The log cannot be written.
    #[error("what the start has to declare was not written")]
    Append(#[from] AppendError),
    /// Another file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// Programs cannot be confined at all.
    #[error("programs cannot be confined here, so none may be started")]
    Confinement(#[from] hands::HandError),
    /// No policy holds.
    #[error("no policy is in force, so nothing may be done")]
    Policy(#[from] PolicyVerbError),
    /// The log was given up while the executor stood up. Cannot happen: nobody else has it yet.
    #[error(transparent)]
    GivenUp(#[from] GivenUp),
}

impl From<OrderError> for StartError {
    fn from(e: OrderError) -> Self {
        match e {
            OrderError::Append(e) => Self::Append(e),
            OrderError::GivenUp(e) => Self::GivenUp(e),
        }
    }
}

impl Ground {
    /// Reads and checks everything that the configuration names.
    pub fn read(path: &Path, tracer: Tracer) -> Result<Self, GroundError> {
        let config = Config::read(path)?;
        let file = path.display().to_string();
        let site = Mutex::new(Arc::new(config.site(&file)?));
        let key = config.key().load(&config.origin)?;
        tracing::info!("{}", config.key().protection());
        let witness = config
            .witness_key
            .parse()
            .map_err(|source| GroundError::Witness { path: path.to_owned(), source })?;
        let receipts = Receipts {
            path: config.directory.join("receipt"),
            witness,
            log: own_keys(&config, key.verifier())?,
        };
        Ok(Self { config, file, site, receipts, tracer, key: Mutex::new(Some(key)) })
    }

    /// What this site is and has approved, as it was read last.
    pub fn site(&self) -> Arc<Site> {
        Arc::clone(&self.site.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads it anew: the hub has signed another baseline.
    pub(crate) fn read_site(&self) -> Result<Arc<Site>, ConfigError> {
        let site = Arc::new(self.config.site(&self.file)?);
        *self.site.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&site);
        Ok(site)
    }

    /// Opens the log. Where it is whole, declares what there is to declare and settles what was interrupted.
    pub fn open(&self) -> Result<(Stage, Settled), StartError> {
        let receipt = self.kept_receipt()?.map(|receipt| receipt.head);
        let (recorder, recovery) = match self.recorder(receipt.as_ref()) {
            Err(StartError::Open { source, .. }) if matches!(*source, OpenError::Shortened { .. }) => {
                tracing::error!("{source}");
                let (recorder, _) = self.recorder(None)?;
                return Ok((lacking(recorder, receipt), Settled::default()));
            }
            opened => opened?,
        };
        if recorder.size() == 0 && self.begun().is_marked() {
            tracing::error!(
                "this key has signed a log, and the log is gone: it has to be fetched back from the hub"
            );
            return Ok((lacking(recorder, receipt), Settled::default()));
        }
        let (runner, settled) = self.stand(recorder, recovery)?;
        Ok((Stage::Ready(runner), settled))
    }

    /// The log, opened while the executor is stopped, as whole as the hub's receipt says. Its lock keeps the executor from starting meanwhile.
    pub fn locked_log(&self) -> Result<Recorder, StartError> {
        let receipt = self.kept_receipt()?.map(|receipt| receipt.head);
        Ok(self.recorder(receipt.as_ref())?.0)
    }

    fn kept_receipt(&self) -> Result<Option<Receipt>, StartError> {
        let kept = self.receipts.kept_receipt();
        kept.map_err(|source| StartError::Receipt { path: self.receipts.path.clone(), source })
    }

    fn recorder(&self, receipt: Option<&Checkpoint>) -> Result<(Recorder, Recovery), StartError> {
        let key = self.key()?;
        let (directory, site) = (self.config.evidence(), self.site());
        let digests = Digests {
            baseline: Some(site.baseline_digest),
            catalogue: Some(site.catalogue.digest()),
            ..Digests::default()
        };
        Recorder::open(&directory, key, receipt, digests)
            .map_err(|source| StartError::Open { directory, source: Box::new(source) })
    }

    fn key(&self) -> Result<SigningKey, KeystoreError> {
        let held = self.key.lock().unwrap_or_else(PoisonError::into_inner).take();
        held.map_or_else(|| self.config.key().load(&self.config.origin), Ok)
    }

    fn begun(&self) -> Begun {
        Begun::beside(&self.config.keys())
    }

    fn stand(&self, recorder: Recorder, recovery: Recovery) -> Result<(Arc<Runner>, Settled), StartError> {
        let own = self.config.own_directories();
        // A log that never named a policy takes the file that is there as its first.
        let begins = recorder.ledger().policy().or(recorder.ledger().policy_announced()).is_none();
        let engine = policy_verb::engine(&self.config, recorder.ledger(), begins)?;
        let programs = confinement::programs(&self.config)?;
        confinement::tell(&programs);
        let parts = Parts {
            meter: Meter::new(Reader::new(self.config.facts()), self.config.users()),
            own,
            tracer: self.tracer,
            directory: self.config.directory.clone(),
            confinement: programs.offers(),
            programs: Box::new(programs),
            system: system(),
            clock: Box::new(edge::clock::SystemClock),
            policy: Arc::clone(&engine),
            program: policy_verb::own_program(),
            root: PathBuf::from("/"),
        };
        let mut recorder = recorder;
        if let Some(receipt) = self.kept_receipt()? {
            recorder.acknowledged(&receipt, edge::clock::mono());
        }
        let now = edge::clock::utc();
        if let Some(gap) = Self::silence(&recorder, now) {
            recorder.owe(gap);
        }
        let mut bodies = self.to_declare(&recorder, now)?;
        let mut new = Vec::new();
        if begins {
            new.push(policy_verb::beginning(&engine));
        }
        let confined = confinement::written(&parts.confinement);
        if recorder.ledger().confined() != Some(&confined) {
            new.push(Body::Confined(confined));
        }
        if recorder.size() == 0 {
            bodies.append(&mut new);
        }
        // In a log that goes on nothing is written before the hub's copy was compared: it comes before the next record.
        for body in new {
            recorder.owe(body);
        }
        self.config.settle_catalogue()?;
        for body in self.config.unsaid_papers(recorder.ledger()) {
            recorder.owe(body);
        }
        let machine = Machine::new(recorder, parts);
        if !bodies.is_empty() {
            machine.about_the_log(bodies)?;
        }
        self.begun().mark()?;
        self.restoring().clear()?;
        let directory = self.config.directory.clone();
        let fatal: Fatal = Arc::new(move |e| end(&e, &directory));
        let runner = Arc::new(Runner::new(self.site(), machine, self.config.runs_max, fatal));
        runner.take_up_standing(&self.config.directory)?;
        let resumed = runner.recover(recovery.torn_bytes)?;
        runner.machine().with_log(|recorder| {
            recorder.publish()?;
            self.prune(recorder)
        })??;
        Ok((runner, Settled { resumed }))
    }

    /// Drops entries for which the hub has given its receipt, where there are more than this machine is to keep.
    pub fn prune(&self, recorder: &mut Recorder) -> Result<(), FileError> {
        // A receipt that cannot be read was refused when the log was opened; one that is bent since prunes nothing.
        let Some(receipt) = self.receipts.kept().ok().flatten() else { return Ok(()) };
        let keep = self.config.evidence_keep_mb << 20;
        let pruned = recorder.prune(&self.config.evidence(), receipt.size.get(), keep)?;
        if pruned.bundles > 0 {
            tracing::info!("{} bundles of entries were dropped; the hub holds them", pruned.bundles);
        }
        Ok(())
    }

    /// The mark that entries are being put back.
    pub fn restoring(&self) -> begun::Restoring {
        begun::Restoring::in_directory(&self.config.directory)
    }
}

/// Without evidence nothing may be done: the process ends, says why, and leaves it to its supervisor and to people to start it again.
fn end(e: &AppendError, directory: &Path) {
    edge::trace::complain(&crate::serve::last_words(e, directory));
    std::process::exit(crate::EXIT_EVIDENCE);
}

/// Which system this is, as far as runbooks tell systems apart.
fn system() -> TargetOs {
    if Path::new("/etc/NIXOS").exists() {
        TargetOs::Nixos
    } else if Path::new("/etc/debian_version").exists() {
        TargetOs::Debian
    } else {
        TargetOs::Linux
    }
}

fn lacking(recorder: Recorder, receipt: Option<Checkpoint>) -> Stage {
    Stage::Lacking(Box::new(Lacking::new(recorder, receipt)))
}

/// The key in force, and those before it: an older one's receipts still count.
fn own_keys(config: &Config, current: &VerifierKey) -> Result<Vec<VerifierKey>, InitError> {
    let mut keys = vec![current.clone()];
    keys.extend(init::earlier_keys(&config.keys())?);
    Ok(keys)
}
