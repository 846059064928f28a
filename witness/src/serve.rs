//! `suture-witness serve`: opened, started, stopped.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde_json::json;
use tlog::policy::Policy;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use witness::files::Files;
use witness::{Logs, Witness};

use crate::directory::{self, DirectoryError};
use crate::http::{self, Service};
use crate::{Exit, Failure};

/// The largest policy file that is read, in bytes.
const POLICY_MAX_BYTES: u64 = 1024 * 1024;

/// What is cosigned, and where.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// The directory that `init` made
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// A C2SP tlog-policy file: its `log` lines name the logs whose heads are cosigned
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
    /// Where to listen, in plain HTTP: loopback, with a TLS reverse proxy in front, where outsiders are to reach it
    #[arg(long, value_name = "ADDRESS")]
    listen: SocketAddr,
    /// The path before `/add-checkpoint`, such as `/suture`
    #[arg(long, value_name = "PATH", default_value = "", value_parser = prefix)]
    prefix: String,
    /// Say in JSON, one object a line, what happens
    #[arg(long)]
    json: bool,
}

fn prefix(text: &str) -> Result<String, String> {
    let fits = text.is_empty() || (text.starts_with('/') && !text.ends_with('/'));
    let known = |b: u8| b.is_ascii_alphanumeric() || b"/-._~".contains(&b);
    if fits && text.bytes().all(known) {
        return Ok(text.to_owned());
    }
    Err("a prefix begins with a slash, does not end with one, and holds letters, digits and any of / - . _ ~"
        .to_owned())
}

pub(crate) fn run(told: &Serve) -> Result<(), Failure> {
    let logs = logs(told)?;
    let lock = edge::file::lock(&told.dir.join("lock")).map_err(|e| match e.source.kind() {
        ErrorKind::WouldBlock => {
            Failure::new(Exit::Locked, "another witness is running in this directory", &e)
        }
        ErrorKind::NotFound => {
            let missing = DirectoryError::Missing(told.dir.clone());
            Failure::new(Exit::CannotCreate, "the directory cannot be used", &missing)
        }
        _ => Failure::new(Exit::CannotCreate, "the directory cannot be used", &e),
    })?;
    let key = directory::open(&told.dir).map_err(|e| {
        let exit = match &e {
            DirectoryError::File(_) | DirectoryError::Missing(_) | DirectoryError::Taken(_) => {
                Exit::CannotCreate
            }
            DirectoryError::Exposed { .. } | DirectoryError::Malformed { .. } | DirectoryError::Name(_) => {
                Exit::BadState
            }
            DirectoryError::Random(_) => Exit::Failed,
        };
        Failure::new(exit, "the witness's key cannot be used", &e)
    })?;
    let heads = Files::open(&told.dir)
        .map_err(|e| Failure::new(Exit::CannotCreate, "the directory cannot be used", &e))?;
    let (public, known) = (key.verifier().to_string(), logs.len());
    let service = Service {
        witness: Witness::new(logs, heads),
        key,
        path: format!("{}/add-checkpoint", told.prefix),
        json: told.json,
    };
    // One thread serves; what waits for the disk waits on threads of its own.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(8).build();
    let runtime = runtime.map_err(|e| Failure::new(Exit::Failed, "the witness cannot start", &e))?;
    let served = runtime.block_on(listen(told, &public, known, service));
    drop(lock);
    served
}

async fn listen(told: &Serve, public: &str, known: usize, service: Service) -> Result<(), Failure> {
    // Before anything listens: a signal that comes early stops the witness as well.
    let signals = signal(SignalKind::terminate()).and_then(|t| Ok((t, signal(SignalKind::interrupt())?)));
    let (mut terminate, mut interrupt) =
        signals.map_err(|e| Failure::new(Exit::Failed, "this machine does not deliver signals", &e))?;
    let cannot = |e| Failure::new(Exit::Unavailable, &format!("cannot listen on {}", told.listen), &e);
    let listener = TcpListener::bind(told.listen).await.map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    if told.json {
        println!("{}", json!({ "listening": address.to_string(), "key": public, "logs": known }));
    } else {
        println!("{public}\nwitness of {known} logs at http://{address}{}", told.prefix);
    }
    // Without systemd there is nobody to notify, and that is no failure.
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    http::serve(listener, Arc::new(service), stop).await;
    Ok(())
}

/// The logs of the policy. None at all is a mistake: such a witness would witness nothing.
fn logs(told: &Serve) -> Result<Logs, Failure> {
    let name = told.policy.display().to_string();
    let bytes = edge::file::read(&told.policy, POLICY_MAX_BYTES)
        .map_err(|e| Failure::new(Exit::BadInput, "the policy cannot be read", &e))?;
    let policy = Policy::parse(&bytes).map_err(|e| Failure::new(Exit::BadInput, &name, &e))?;
    let logs = Logs::of(policy.logs().iter().map(|log| &log.key))
        .map_err(|e| Failure::new(Exit::BadInput, &name, &e))?;
    if logs.is_empty() {
        let message = format!("{name}: it has no `log` line, so there is nothing to witness");
        return Err(Failure { exit: Exit::BadInput, message });
    }
    Ok(logs)
}
