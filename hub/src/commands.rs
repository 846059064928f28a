//! The commands of `suture-hub` beside `serve`: each does one thing on the hub's own machine and says what came of it, for people or as JSON.

pub(crate) mod queue;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use contract::digest::Digest;
use contract::ids::{HostId, OperatorId, SiteId, TenantId};
use contract::people::{NewPerson, Reach, Role};
use contract::time::UtcTime;
use hub::config::HubName;
use hub::library::Library;
use hub::machine::acts::{ActError, Invitation, Machine};
use hub::machine::backup::BackupError;
use hub::machine::restore::{RestoreError, Wanted};
use hub::machine::{acts, backup, check, restore};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{Exit, Files, complain, sources};

#[derive(Debug, Args)]
pub(crate) struct Init {
    #[command(flatten)]
    at: At,
    /// The domain name by which devices reach the hub; it never changes, since logs carry it
    #[arg(long, value_name = "NAME")]
    name: HubName,
    /// An authority of your own for the machines' certificates, in PEM, an intermediate one most often; without it the hub makes one
    #[arg(long, value_name = "FILE", requires = "authority_key")]
    authority: Option<PathBuf>,
    /// Its key, in PEM
    #[arg(long, value_name = "FILE", requires = "authority")]
    authority_key: Option<PathBuf>,
    /// The operator plane's address, for the link that is printed
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:6767")]
    url: String,
}

/// Where the hub is, and how to say what came of it.
#[derive(Debug, Args)]
pub(crate) struct At {
    /// The hub's directory
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Answer with one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// A hub's directory to look through; without it only the files that decide are read
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Answer with one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    files: Files,
}

#[derive(Debug, Args)]
pub(crate) struct Backup {
    #[command(flatten)]
    at: At,
    /// A directory that is not there yet. It will hold the hub's keys
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// Say what it would hold, and write nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Restore {
    #[command(flatten)]
    at: At,
    /// The backup
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// The directory that is being replaced, as far as it can be read: the hub's own logs go on from there
    #[arg(long, value_name = "DIR")]
    logs_from: Option<PathBuf>,
    /// The digest of the backup's manifest, as the backup printed it: nothing else is restored
    #[arg(long, value_name = "DIGEST")]
    manifest: Option<Digest>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum User {
    /// Who there is
    List(At),
    /// Invite the first of all again, where there is nobody yet
    First(At),
    /// Invite somebody, new or known; a known person's password and second factor are set anew by it
    Invite {
        #[command(flatten)]
        at: At,
        #[arg(long)]
        person: OperatorId,
        #[arg(long)]
        role: RoleWord,
        /// For one tenant; several times for several. Without it: everywhere
        #[arg(long = "tenant", value_name = "TENANT")]
        tenants: Vec<TenantId>,
        /// Until when the person is to have the role
        #[arg(long, value_name = "INSTANT", value_parser = instant)]
        until: Option<UtcTime>,
    },
    /// Close an account and end its sessions
    Disable(Named),
    /// Open an account again
    Enable(Named),
    /// Take somebody's second factor away and end their sessions
    Reset(Named),
}

#[derive(Debug, Args)]
pub(crate) struct Named {
    #[command(flatten)]
    at: At,
    #[arg(long)]
    person: OperatorId,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum RoleWord {
    MspAdmin,
    Technician,
    ClinicViewer,
    Auditor,
}

#[derive(Debug, Args)]
pub(crate) struct Token {
    #[command(flatten)]
    at: At,
    #[arg(long)]
    tenant: TenantId,
    #[arg(long)]
    site: SiteId,
    /// The port of the device plane, which the machine will connect to
    #[arg(long, default_value_t = 8443)]
    device_port: u16,
    #[command(flatten)]
    files: Files,
}

#[derive(Debug, Args)]
pub(crate) struct Revoke {
    #[command(flatten)]
    at: At,
    #[command(flatten)]
    what: Which,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// One certificate, by its fingerprint
    #[arg(long, value_name = "SHA256:…")]
    certificate: Option<Digest>,
    /// Every certificate of a host
    #[arg(long)]
    host: Option<HostId>,
}

#[derive(Debug, Args)]
pub(crate) struct Rotate {
    #[command(flatten)]
    at: At,
    /// Which key
    #[arg(value_enum)]
    key: Rotated,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Rotated {
    /// The key of the hub's own evidence log: the old one hands over to the new one in the log itself
    OwnLog,
}

fn instant(text: &str) -> Result<UtcTime, String> {
    UtcTime::try_from(text.to_owned()).map_err(|e| e.to_string())
}

/// What is said at the end: a line for people, or the whole for programs.
fn say(json: bool, line: &str, whole: &impl Serialize) -> Exit {
    if json {
        println!("{}", serde_json::to_string(whole).unwrap_or_default());
    } else {
        println!("{line}");
    }
    Exit::Done
}

fn now() -> UtcTime {
    edge::clock::utc()
}

fn invited(at: &At, url: &str, invitation: &Invitation) -> Exit {
    let Invitation { secret, until } = invitation;
    let link = format!("{url}/join#{secret}");
    let told = format!("This link works once, until {until}, and is not shown again:\n  {link}");
    say(at.json, &told, &json!({ "link": link, "until": until }))
}

pub(crate) async fn init(arguments: Init) -> Exit {
    let Init { at, name, authority, authority_key, url } = arguments;
    let authority = authority.as_deref().zip(authority_key.as_deref());
    match acts::init(&at.dir, &name, authority, edge::user::who(), now()).await {
        Ok(invitation) => invited(&at, &url, &invitation),
        Err(e) => failed(&e),
    }
}

pub(crate) fn check(arguments: Check) -> Exit {
    let Check { dir, json, files } = arguments;
    let Library { baseline, catalogue, rules, .. } = match Library::read(&sources(files)) {
        Ok(library) => library,
        Err(e) => return complain(&e, Exit::BadInput),
    };
    let library = json!({
        "baseline": { "name": baseline.name(), "controls": baseline.controls().len(), "digest": baseline.digest() },
        "catalogue": { "runbooks": catalogue.iter().count(), "digest": catalogue.digest() },
        "rules": { "rules": rules.iter().count(), "digest": rules.digest() },
    });
    if !json {
        println!(
            "baseline {} version {}: {} controls, {}",
            baseline.name(),
            baseline.version(),
            baseline.controls().len(),
            baseline.digest()
        );
        println!("catalogue: {} runbooks, {}", catalogue.iter().count(), catalogue.digest());
        println!("rules: {} rules, {}", rules.iter().count(), rules.digest());
    }
    match dir {
        Some(dir) => check_directory(&dir, json, &library),
        None if json => say(true, "", &library),
        None => Exit::Done,
    }
}

fn check_directory(dir: &Path, json: bool, library: &Value) -> Exit {
    let checked = match check::check(dir) {
        Ok(checked) => checked,
        Err(e) => return complain(&e, Exit::BadState),
    };
    if json {
        say(true, "", &json!({ "library": library, "hub": checked }));
    } else {
        for database in &checked.databases {
            let version =
                database.version.map_or_else(|| "cannot be read".to_owned(), |v| format!("version {v}"));
            println!("{}: {version} of {}", database.name, database.known);
        }
        println!(
            "{} hosts' logs looked at, {} steps wait for the next start",
            checked.hosts, checked.pending
        );
        for what in &checked.not_checked {
            println!("not looked at: {}: {}", what.part, what.what);
        }
        for problem in &checked.problems {
            println!("PROBLEM {}: {}", problem.part, problem.what);
        }
    }
    if checked.problems.is_empty() { Exit::Done } else { Exit::Unsound }
}

pub(crate) fn backup(arguments: Backup) -> Exit {
    let Backup { at, to, dry_run } = arguments;
    let made = if dry_run { backup::rehearse(&at.dir, now()) } else { backup::make(&at.dir, &to, now()) };
    match made {
        Ok(made) => {
            let (files, bytes, hosts) = (made.files, made.bytes, made.hosts);
            let line = match &made.manifest {
                Some(digest) => format!(
                    "{}: {files} files, {bytes} bytes, {hosts} hosts' logs. Keep this digest elsewhere: {digest}",
                    to.display()
                ),
                None => format!(
                    "would hold {files} files, {bytes} bytes, {hosts} hosts' logs; nothing was written"
                ),
            };
            say(at.json, &line, &made)
        }
        Err(e) => {
            let exit = match &e {
                BackupError::Keys(_) => Exit::BadState,
                BackupError::Database(_) | BackupError::Copy(_) => Exit::Database,
                BackupError::File(_) => Exit::CannotCreate,
                BackupError::Unsound { .. } => Exit::Unsound,
            };
            complain(&e, exit)
        }
    }
}

pub(crate) async fn restore(arguments: Restore) -> Exit {
    let Restore { at, from, logs_from, manifest } = arguments;
    let wanted = Wanted { from, to: at.dir.clone(), logs_from, manifest, user: edge::user::who() };
    match restore::restore(&wanted, now()).await {
        Ok(restored) => {
            let mut line = format!(
                "{} is as it was at {}, with {} hosts' logs ({} of them from the directory that is replaced). Its own log is {}, the log of heads {}. Everybody has to log in again.",
                restored.name,
                restored.made,
                restored.hosts,
                restored.hosts_from_there,
                restored.own_log,
                restored.heads
            );
            match &restored.since {
                Some(since) => {
                    line += "\nDone since, and to be done again where it is to count:";
                    for act in since {
                        line.push_str(
                            "
  ",
                        );
                        line.push_str(act);
                    }
                }
                None => {
                    line += "\nWhat was revoked, disabled or rotated since then counts no more, and nobody can say here what that was: look through certificates, people and keys.";
                }
            }
            line += match restored.ended {
                Some(true) => "\nThe directory that is replaced says so, and starts no hub any more.",
                Some(false) => {
                    "\nNothing can be written to the directory that is replaced: never start a hub in it again, nor in a copy of it."
                }
                None => "",
            };
            say(at.json, &line, &restored)
        }
        Err(e) => {
            let exit = match &e {
                RestoreError::File(_) => Exit::CannotCreate,
                RestoreError::Running(_) => Exit::Locked,
                RestoreError::Database(_) | RestoreError::OwnLog(_) => Exit::Database,
                RestoreError::Keys(_) | RestoreError::Clock { .. } => Exit::BadState,
                RestoreError::Manifest(_) | RestoreError::Logs { .. } | RestoreError::Unsound { .. } => {
                    Exit::Unsound
                }
            };
            complain(&e, exit)
        }
    }
}

/// Takes hold of the hub, and does one thing.
async fn held<T>(
    at: &At,
    act: impl AsyncFnOnce(Machine) -> Result<T, ActError>,
    told: impl FnOnce(T) -> Exit,
) -> Exit {
    let done = match Machine::open(&at.dir, edge::user::who(), now()) {
        Ok(machine) => act(machine).await,
        Err(e) => Err(e),
    };
    match done {
        Ok(done) => told(done),
        Err(e) => failed(&e),
    }
}

pub(crate) async fn user(user: User) -> Exit {
    const URL: &str = "http://127.0.0.1:6767";
    match user {
        User::List(at) => {
            let told = |all: Vec<contract::people::PersonView>| {
                let line = |p: &contract::people::PersonView| {
                    let closed = if p.disabled { ", closed" } else { "" };
                    format!("{} ({}){closed}", p.person, p.role.word())
                };
                say(at.json, &all.iter().map(line).collect::<Vec<_>>().join("\n"), &all)
            };
            held(&at, async |machine| machine.people().await, told).await
        }
        User::First(at) => {
            let told = |invitation| invited(&at, URL, &invitation);
            held(&at, async |machine| machine.invite_first(now()).await, told).await
        }
        User::Invite { at, person, role, tenants, until } => {
            let role = match role {
                RoleWord::MspAdmin => Role::MspAdmin,
                RoleWord::Technician => Role::Technician,
                RoleWord::ClinicViewer => Role::ClinicViewer,
                RoleWord::Auditor => Role::Auditor,
            };
            let reach = if tenants.is_empty() {
                Reach::Everywhere
            } else {
                Reach::Tenants(tenants.into_iter().collect())
            };
            let new = NewPerson { person, role, reach, until };
            let told = |invitation| invited(&at, URL, &invitation);
            held(&at, async |machine| machine.invite(new, now()).await, told).await
        }
        User::Disable(Named { at, person }) => {
            let told = |()| say(at.json, &format!("{person} is closed"), &json!({ "disabled": true }));
            held(&at, async |machine| machine.disable(person.clone(), true, now()).await, told).await
        }
        User::Enable(Named { at, person }) => {
            let told = |()| say(at.json, &format!("{person} is open again"), &json!({ "disabled": false }));
            held(&at, async |machine| machine.disable(person.clone(), false, now()).await, told).await
        }
        User::Reset(Named { at, person }) => {
            let told = |()| {
                say(
                    at.json,
                    &format!("{person} has no second factor any more"),
                    &json!({ "second_factor": false }),
                )
            };
            held(&at, async |machine| machine.forget_second_factor(person.clone(), now()).await, told).await
        }
    }
}

pub(crate) async fn token(arguments: Token) -> Exit {
    let Token { at, tenant, site, device_port, files } = arguments;
    let library = match Library::read(&sources(files)) {
        Ok(library) => library,
        Err(e) => return complain(&e, Exit::BadInput),
    };
    // A sheet is a file for a machine, so there is one way to write it.
    let told = |sheet| say(true, "", &sheet);
    let act = async |machine: Machine| machine.enrolment(tenant, site, &library, device_port, now()).await;
    held(&at, act, told).await
}

pub(crate) async fn revoke(arguments: Revoke) -> Exit {
    let Revoke { at, what: Which { certificate, host } } = arguments;
    match (certificate, host) {
        (Some(fingerprint), _) => {
            let told =
                |host: HostId| say(at.json, &format!("revoked; it was of {host}"), &json!({ "host": host }));
            held(&at, async |machine| machine.revoke(fingerprint, now()).await, told).await
        }
        (None, Some(host)) => {
            let told = |count| {
                say(at.json, &format!("{count} certificates are revoked"), &json!({ "certificates": count }))
            };
            held(&at, async |machine| machine.revoke_host(host, now()).await, told).await
        }
        (None, None) => Exit::BadInput,
    }
}

pub(crate) async fn rotate(arguments: Rotate) -> Exit {
    let Rotate { at, key: Rotated::OwnLog } = arguments;
    let told = |key: String| say(at.json, &format!("the own log's key is now {key}"), &json!({ "key": key }));
    held(&at, async |machine| machine.rotate_own_log(now()).await, told).await
}

fn failed(error: &ActError) -> Exit {
    let exit = match error {
        ActError::Taken(_) | ActError::Directory(_) => Exit::CannotCreate,
        ActError::Locked(_) => Exit::Locked,
        ActError::Keys(_) => Exit::BadState,
        ActError::Database(_)
        | ActError::Heads(_)
        | ActError::People(_)
        | ActError::Accounts(_)
        | ActError::Log(_)
        | ActError::Store { .. }
        | ActError::Sheet(_) => Exit::Database,
        ActError::NothingThere(_) => Exit::NothingThere,
        ActError::Unfit(_) => Exit::Unsound,
        ActError::Random(_) => Exit::Failed,
    };
    complain(error, exit)
}
