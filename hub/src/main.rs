//! `suture-hub`: makes a hub, serves sites, looks a hub through, backs it up and restores it, lets people back in.
//!
//! # Exit codes
//!
//! | code | meaning |
//! |---|---|
//! | 0 | done; stopped when asked to; the check found nothing |
//! | 2 | bad arguments, or a baseline, rule table or runbook that makes no sense: the message names file, line and column |
//! | 65 | a hub's directory, or a backup, does not hold together; or nobody may do that |
//! | 66 | what was named is not there |
//! | 69 | an address is taken, or cannot be listened on; the queue's servers cannot be used |
//! | 70 | the hub failed: our mistake |
//! | 73 | the directory cannot be made or used, or belongs to somebody else |
//! | 74 | a database, the log of heads or the hub's own log cannot be opened |
//! | 75 | another hub runs in the same directory |
//! | 78 | a secret is missing, damaged, or readable by others; the hub has another name; or a write-once store is not what it must be |
#![forbid(unsafe_code)]

mod commands;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use archive::Retention;
use archive::s3::{Place, Region};
use clap::{Args, CommandFactory as _, Parser, Subcommand};
use hub::config::{Archives, Bounds, Config, Door, HubName, Oidc, Outside, Pace, S3Bucket};
use hub::library::Sources;
use hub::serve::{HeadsError, PeopleFault, StartError, start};
use reqwest::Url;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};

/// The hub of Suture.
#[derive(Debug, Parser)]
#[command(name = "suture-hub", version, about, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a hub: its directory, its keys, its databases, and the link that makes the first account
    Init(commands::Init),
    /// Serve devices and operators until SIGTERM or SIGINT
    Serve(Box<Serve>),
    /// Read a baseline, a rule table and runbooks, and look a hub's directory through
    Check(commands::Check),
    /// Copy a hub, running or not, as of one instant
    Backup(commands::Backup),
    /// Make a hub from a backup, in a directory that is not there
    Restore(commands::Restore),
    /// People, from the hub's own machine
    #[command(subcommand)]
    User(commands::User),
    /// Make an enrolment sheet, with its token, for one new machine
    Token(commands::Token),
    /// Revoke a certificate, or all of a host's
    Revoke(commands::Revoke),
    /// Change one of the hub's keys
    Rotate(commands::Rotate),
    /// The queue's accounts and streams on NATS servers
    #[command(subcommand)]
    Queue(commands::queue::Queue),
    /// Print a script that completes commands in a shell
    Completions {
        /// For which shell
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
struct Serve {
    /// Where the hub keeps its keys, databases and archive; made on the first start
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Where devices connect, with mutual TLS 1.3
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    device: SocketAddr,
    /// Where operators connect: loopback, unless the plane has a certificate
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:6767")]
    operator: SocketAddr,
    #[command(flatten)]
    door: DoorArguments,
    #[command(flatten)]
    oidc: OidcArguments,
    /// The domain name by which devices reach the hub; it never changes, since logs carry it
    #[arg(long, value_name = "NAME", default_value = "localhost")]
    name: HubName,
    /// Say on standard output what happens, one JSON object a line
    #[arg(long)]
    events: bool,
    /// How the trace on standard error is written: for people, or one JSON object a line
    #[arg(long, value_enum, default_value = "text")]
    trace: TraceFormat,
    /// Whom to tell outside the console, and how: an alerts.yaml
    #[arg(long, value_name = "FILE")]
    alerts: Option<PathBuf>,
    /// Which models to ask what no rule speaks of: a models.yaml
    #[arg(long, value_name = "FILE")]
    models: Option<PathBuf>,
    /// Keep the tenants' queues on NATS servers, as this nats.yaml says, and not in the directory
    #[arg(long, value_name = "FILE")]
    nats: Option<PathBuf>,
    /// Which tenants get packets by themselves, how they look, and who gets them by mail: a packets.yaml
    #[arg(long, value_name = "FILE")]
    packets: Option<PathBuf>,
    /// The program that makes PDFs; the one beside this program where this is not given
    #[arg(long, value_name = "PROGRAM")]
    typesetter: Option<PathBuf>,
    /// How often to look whether somebody is to be told, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 30_000, hide = true)]
    alerts_every_ms: u64,
    /// Send spans of requests and decisions to this OpenTelemetry collector (OTLP/HTTP, JSON), such as <http://127.0.0.1:4318>
    #[arg(long, value_name = "URL", value_parser = collector)]
    otlp: Option<Url>,
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    outsiders: Outsiders,
    #[command(flatten)]
    archive: Archive,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum TraceFormat {
    Text,
    Json,
}

#[derive(Debug, Args)]
struct DoorArguments {
    /// The name by which browsers reach the operator plane: through a reverse proxy on this machine, or with the certificate below
    #[arg(id = "operator_name", long = "operator-name", value_name = "NAME")]
    name: Option<HubName>,
    /// The operator plane's certificate and chain, in PEM; read again when it was renewed
    #[arg(id = "operator_certificate", long = "operator-certificate", value_name = "FILE")]
    #[arg(requires_all = ["operator_name", "operator_key"])]
    certificate: Option<PathBuf>,
    /// Its key, in PEM
    #[arg(
        id = "operator_key",
        long = "operator-key",
        value_name = "FILE",
        requires = "operator_certificate"
    )]
    key: Option<PathBuf>,
}

impl From<DoorArguments> for Door {
    fn from(arguments: DoorArguments) -> Self {
        let DoorArguments { name, certificate, key } = arguments;
        match (name, certificate.zip(key)) {
            (Some(name), Some((certificate, key))) => Self::Tls { name, certificate, key },
            (Some(name), None) => Self::Proxy { name },
            (None, _) => Self::Loopback,
        }
    }
}

#[derive(Debug, Args)]
struct OidcArguments {
    /// The provider of identities by which people may sign in (`OpenID` Connect): its issuer
    #[arg(id = "oidc_issuer", long = "oidc-issuer", value_name = "URL", requires_all = ["oidc_client", "oidc_secret"])]
    issuer: Option<String>,
    /// What it calls this hub: its client ID. It must be told to send people back to <operator plane>/login/back
    #[arg(id = "oidc_client", long = "oidc-client", value_name = "ID", requires = "oidc_issuer")]
    client: Option<String>,
    /// The file with this hub's client secret
    #[arg(id = "oidc_secret", long = "oidc-secret", value_name = "FILE", requires = "oidc_issuer")]
    secret: Option<PathBuf>,
    /// The authority of the provider's certificate, in PEM, where the machine does not know it
    #[arg(id = "oidc_authority", long = "oidc-authority", value_name = "FILE", requires = "oidc_issuer")]
    authority: Option<PathBuf>,
}

impl From<OidcArguments> for Option<Oidc> {
    fn from(arguments: OidcArguments) -> Self {
        let OidcArguments { issuer, client, secret, authority } = arguments;
        Some(Oidc { issuer: issuer?, client: client?, secret: secret?, authority })
    }
}

#[derive(Debug, Args)]
struct Archive {
    /// A directory in which evidence is written once, and made immutable where the file system and the privileges allow
    #[arg(id = "archive_dir", long = "archive-dir", value_name = "DIR")]
    directory: Option<PathBuf>,
    /// A bucket with Object Lock in which evidence is locked: <https://HOST/BUCKET[/PREFIX]>
    #[arg(id = "archive_s3", long = "archive-s3", value_name = "URL")]
    place: Option<Place>,
    /// The bucket's region
    #[arg(id = "archive_s3_region", long = "archive-s3-region", value_name = "REGION")]
    #[arg(default_value = "us-east-1", requires = "archive_s3")]
    region: Region,
    /// A file with the bucket's access key, in the form of Amazon's tools; the environment's key (`AWS_ACCESS_KEY_ID` …) where this is not given
    #[arg(id = "archive_s3_credentials", long = "archive-s3-credentials", value_name = "FILE")]
    #[arg(requires = "archive_s3")]
    credentials: Option<PathBuf>,
    /// For how many years evidence is locked: at least six
    #[arg(id = "archive_years", long = "archive-years", value_name = "YEARS")]
    #[arg(default_value = "7", value_parser = retention)]
    retention: Retention,
}

impl From<Archive> for Archives {
    fn from(arguments: Archive) -> Self {
        let Archive { directory, place, region, credentials, retention } = arguments;
        let s3 = place.map(|place| S3Bucket { place, region, credentials });
        Self { directory, s3, retention, ..Self::default() }
    }
}

fn retention(text: &str) -> Result<Retention, String> {
    let years = text.parse().map_err(|_| format!("{text:?} is no number of years"))?;
    Retention::years(years).map_err(|e| e.to_string())
}

#[derive(Debug, Args)]
struct Outsiders {
    /// Who witnesses the log of all sites' heads: a C2SP tlog-policy file of witnesses with their URLs, and a quorum
    #[arg(long, value_name = "FILE")]
    witness_policy: Option<PathBuf>,
    /// Whose logs this hub cosigns besides its own sites': the log lines of a C2SP tlog-policy file
    #[arg(long, value_name = "FILE")]
    witness_for: Option<PathBuf>,
    /// An RFC 3161 authority that stamps the log of all sites' heads once a day
    #[arg(long, value_name = "URL")]
    timestamp_url: Option<String>,
}

#[derive(Debug, Args)]
struct Files {
    /// A baseline in place of the shipped one
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// A rule table in place of the shipped one
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// A directory of runbooks in place of the shipped ones
    #[arg(long, value_name = "DIR")]
    runbooks: Option<PathBuf>,
}

/// How the process ends; see the table above.
#[derive(Debug, Clone, Copy)]
enum Exit {
    Done = 0,
    BadInput = 2,
    Unsound = 65,
    NothingThere = 66,
    Unavailable = 69,
    Failed = 70,
    CannotCreate = 73,
    Database = 74,
    Locked = 75,
    BadState = 78,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

fn main() -> ExitCode {
    let Arguments { command } = Arguments::parse();
    let trace = tracing_subscriber::fmt().with_writer(std::io::stderr).with_target(false);
    match &command {
        Command::Serve(arguments) if arguments.trace == TraceFormat::Json => trace.json().init(),
        _ => trace.init(),
    }
    match command {
        Command::Serve(arguments) => serve(*arguments).into(),
        Command::Check(arguments) => commands::check(arguments).into(),
        Command::Backup(arguments) => commands::backup(arguments).into(),
        Command::Init(arguments) => once(commands::init(arguments)).into(),
        Command::Restore(arguments) => once(commands::restore(arguments)).into(),
        Command::User(arguments) => once(commands::user(arguments)).into(),
        Command::Token(arguments) => once(commands::token(arguments)).into(),
        Command::Revoke(arguments) => once(commands::revoke(arguments)).into(),
        Command::Queue(arguments) => once(commands::queue::queue(arguments)).into(),
        Command::Rotate(arguments) => once(commands::rotate(arguments)).into(),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Arguments::command(), "suture-hub", &mut std::io::stdout());
            Exit::Done.into()
        }
    }
}

/// Runs a command that ends by itself.
fn once(command: impl Future<Output = Exit>) -> Exit {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(command),
        Err(e) => complain(&e, Exit::Failed),
    }
}

fn serve(arguments: Serve) -> Exit {
    let Serve {
        dir,
        device,
        operator,
        door,
        oidc,
        name,
        events,
        trace: _,
        alerts,
        nats,
        packets,
        typesetter,
        alerts_every_ms,
        models,
        otlp: collector,
        files,
        outsiders,
        archive,
    } = arguments;
    let Outsiders { witness_policy, witness_for, timestamp_url } = outsiders;
    let outside =
        Outside { witnesses: witness_policy, witness_for, timestamps: timestamp_url, pace: Pace::default() };
    let config = Config {
        directory: dir,
        device,
        operator,
        door: door.into(),
        oidc: oidc.into(),
        name,
        events,
        sources: sources(files),
        outside,
        archives: archive.into(),
        bounds: Bounds::default(),
        alerts,
        alerts_every: std::time::Duration::from_millis(alerts_every_ms),
        models,
        nats,
        packets,
        typesetter,
        collector,
    };
    if let Err(e) = allow_files() {
        tracing::warn!(error = %e, "this process may not have as many files as it could: fewer devices can be connected");
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => return complain(&e, Exit::Failed),
    };
    runtime.block_on(run(&config))
}

/// As many files as the system allows: each device that is connected takes two or three.
fn allow_files() -> std::io::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    Ok(setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })?)
}

async fn run(config: &Config) -> Exit {
    // Before anything starts: a signal that comes early stops the hub as well.
    let signals = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    let (Ok(mut terminate), Ok(mut interrupt)) = signals else {
        edge::trace::complain("suture-hub: this machine does not deliver signals");
        return Exit::Failed;
    };
    let running = match start(config).await {
        Ok(running) => running,
        Err(e) => {
            let exit = exit_of(&e);
            return complain(&e, exit);
        }
    };
    if let (Some(link), false) = (running.first_run(), config.events) {
        edge::trace::complain(&format!(
            "suture-hub: nobody has an account here yet. This makes the first one, once, within an hour:\n  {link}\n  or: suture join --link '{link}' --person NAME"
        ));
    }
    // Without systemd there is nobody to notify, and that is no failure.
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = running.reassure() => {}
    }
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    running.stop().await;
    Exit::Done
}

fn sources(files: Files) -> Sources {
    let Files { baseline, rules, runbooks } = files;
    Sources { baseline, rules, runbooks }
}

const fn exit_of(error: &StartError) -> Exit {
    match error {
        StartError::Library(_)
        | StartError::Alerts(_)
        | StartError::Packets(_)
        | StartError::Typesetter { .. }
        | StartError::Models(_)
        | StartError::AlertsOut(_)
        | StartError::NotLoopback(_)
        | StartError::Door(_)
        | StartError::Oidc(_)
        | StartError::Spans(_)
        | StartError::NatsFile(_)
        | StartError::Heads(HeadsError::Outside(_)) => Exit::BadInput,
        StartError::Listen { .. } | StartError::Nats(_) => Exit::Unavailable,
        StartError::Certificate(_) | StartError::People(PeopleFault::Random(_)) => Exit::Failed,
        StartError::Directory(_) => Exit::CannotCreate,
        StartError::Database(_)
        | StartError::Learnt(_)
        | StartError::Heads(HeadsError::Log(_) | HeadsError::Database(_))
        | StartError::People(PeopleFault::Database(_) | PeopleFault::Log(_) | PeopleFault::Store(_)) => {
            Exit::Database
        }
        StartError::Locked(_) => Exit::Locked,
        StartError::Rotation(_) | StartError::Keys(_) | StartError::Archive(_) => Exit::BadState,
    }
}

/// Says what went wrong, with every cause, and how the process ends for it.
fn complain(error: &dyn std::error::Error, exit: Exit) -> Exit {
    let causes = std::iter::successors(Some(error), |e| e.source());
    let line = causes.map(ToString::to_string).collect::<Vec<_>>().join(": ");
    edge::trace::complain(&format!("suture-hub: {line}"));
    exit
}

/// An address that spans can be sent to.
fn collector(text: &str) -> Result<Url, String> {
    let url: Url = text.parse().map_err(|e| format!("{e}"))?;
    let fits =
        ["http", "https"].contains(&url.scheme()) && url.query().is_none() && url.username().is_empty();
    if fits {
        Ok(url)
    } else {
        Err("an http or https URL without a query, such as http://127.0.0.1:4318".to_owned())
    }
}
