//! Setting a trial up: hub, tenant, site, enrolment, and the two processes of the site.

use std::time::{Duration, Instant};

use contract::baseline::Baseline;
use contract::dsse::{self, PayloadType};
use contract::event::Event;
use contract::ids::{SiteId, TenantId};
use contract::plane::EnrolmentSheet;
use edge::file;

use super::layout::Layout;
use super::processes::Processes;
use crate::exit::{Failure, Status};
use crate::operator::Operator;
use crate::say::Voice;

/// The first operator port that is tried, and how many after it.
const OPERATOR_PORTS: std::ops::Range<u16> = 6767..6799;
/// How long a process may take to get ready.
const READY_MAX: Duration = Duration::from_secs(30);

/// A trial that is set up.
pub(crate) struct SetUp {
    pub(crate) operator: Operator,
    pub(crate) operator_address: String,
    pub(crate) tenant: TenantId,
    pub(crate) baseline: Baseline,
    /// The hub's witness key, from the enrolment sheet: from outside the log.
    pub(crate) witness: String,
    pub(crate) resumed: bool,
}

/// Starts everything, enrolling this machine where it is not enrolled yet.
pub(crate) fn set_up(voice: Voice, layout: &Layout, processes: &mut Processes) -> Result<SetUp, Failure> {
    let (device, operator_address) = start_hub(voice, layout, processes)?;
    super::account::have(voice, layout, processes, &operator_address)?;
    let operator = Operator::new(&operator_address, &layout.operator_token())?;
    let tenant = local::<TenantId>("local")?;
    let resumed = layout.agent_identity().exists();
    if resumed {
        voice.line("  this machine is enrolled already: its log goes on where it ended");
    } else {
        enrol(voice, layout, processes, &operator, &tenant)?;
    }
    let sheet = read_sheet(layout)?;
    write_agent_config(layout, &device)?;
    let baseline = open_baseline(&sheet)?;
    let text = |path: std::path::PathBuf| path.display().to_string();
    processes
        .start("suture-executor", vec!["run".into(), "--config".into(), text(layout.executor_config())])?;
    wait_for(processes, "the executor", |event| match event {
        Event::ExecutorReady { size, resumed } => Some((*size, *resumed)),
        _ => None,
    })
    .map(|(size, unfinished)| {
        let settled =
            if unfinished > 0 { format!(", {unfinished} interrupted runs settled") } else { String::new() };
        voice.line(&format!("  executor  holds the evidence log ({size} records{settled}); no network"));
    })?;
    processes.start("suture-agent", vec!["run".into(), "--config".into(), text(layout.agent_config())])?;
    voice.line("  agent     watches; outbound mutual TLS only, no listening socket");
    Ok(SetUp { operator, operator_address, tenant, baseline, witness: sheet.witness_key, resumed })
}

fn local<T: std::str::FromStr>(id: &str) -> Result<T, Failure>
where
    T::Err: std::fmt::Display,
{
    id.parse().map_err(|e: T::Err| Failure::new(Status::CannotCreate, e.to_string()))
}

/// Tries one operator port after the other. Only binding it tells whether a port is free, and only the hub binds it.
fn start_hub(voice: Voice, layout: &Layout, processes: &mut Processes) -> Result<(String, String), Failure> {
    for port in OPERATOR_PORTS {
        let arguments = [
            "serve".to_owned(),
            "--dir".to_owned(),
            layout.hub().display().to_string(),
            "--device".to_owned(),
            "127.0.0.1:0".to_owned(),
            "--operator".to_owned(),
            format!("127.0.0.1:{port}"),
        ];
        processes.start("suture-hub", arguments.into())?;
        let ready = wait_for(processes, "the hub", |event| match event {
            Event::HubReady { device, operator } => Some((device.clone(), operator.clone())),
            _ => None,
        });
        match ready {
            Ok((device, operator)) => {
                voice.line(&format!(
                    "  hub       device plane {device} (mutual TLS 1.3 only), operator plane {operator}"
                ));
                return Ok((device, operator));
            }
            Err(failure) if failure.status == Status::Unavailable => {
                voice.line(&format!("  127.0.0.1:{port} is taken; the operator plane goes to the next port"));
            }
            Err(failure) => return Err(failure),
        }
    }
    let words = "127.0.0.1: all ports from 6767 to 6798 are taken; stop what listens there and try again";
    Err(Failure::new(Status::Unavailable, words))
}

/// Tenant, site, sheet, the executor's key, the agent's certificate. Each step may be repeated: an interrupted enrolment is begun again.
fn enrol(
    voice: Voice,
    layout: &Layout,
    processes: &Processes,
    operator: &Operator,
    tenant: &TenantId,
) -> Result<(), Failure> {
    let site = local::<SiteId>("here")?;
    operator.new_tenant(tenant)?;
    operator.new_site(tenant, &site)?;
    if !layout.sheet().exists() {
        let sheet = operator.new_enrolment(tenant, &site)?;
        let bytes =
            serde_json::to_vec(&sheet).map_err(|e| Failure::new(Status::CannotCreate, e.to_string()))?;
        file::write_durably(&layout.sheet(), &bytes)?;
    }
    let uid = rustix::process::geteuid().as_raw().to_string();
    let text = |path: std::path::PathBuf| path.display().to_string();
    let (sheet, keys) = (text(layout.sheet()), text(layout.agent_keys()));
    file::private_directory(&layout.agent_keys())?;
    let executor = [
        "init",
        "--sheet",
        &sheet,
        "--dir",
        &text(layout.executor()),
        "--socket",
        &text(layout.socket()),
        "--agent-uid",
        &uid,
        "--agent-keys",
        &keys,
        "--enforce",
        "RB-FILE-001-own-directories",
    ];
    let key = succeed("suture-executor init", &processes.run("suture-executor", &executor)?)?;
    file::write_durably(&layout.public_key(), key.as_bytes())?;
    // A trial leaves nothing behind, and needs nothing of the machine: no TPM either.
    let agent = [
        "enrol",
        "--unsealed",
        "--sheet",
        &sheet,
        "--dir",
        &text(layout.agent()),
        "--evidence-key",
        key.trim(),
    ];
    succeed("suture-agent enrol", &processes.run("suture-agent", &agent)?)?;
    let host = read_sheet(layout)?.host;
    voice.line(&format!("  enrolled  {tenant}/{site}/{host}: key and request made here, token used up"));
    Ok(())
}

fn succeed(what: &str, output: &std::process::Output) -> Result<String, Failure> {
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    Err(Failure::new(Status::NotProven, format!("{what} failed ({}):\n  {}", output.status, words.trim())))
}

fn read_sheet(layout: &Layout) -> Result<EnrolmentSheet, Failure> {
    let path = layout.sheet();
    let refused = |why: String| Failure::new(Status::CannotCreate, format!("{}: {why}", path.display()));
    serde_json::from_slice(&file::read(&path, 4 << 20)?)
        .map_err(|e| refused(format!("not an enrolment sheet: {e}")))
}

/// The baseline that the site was given, for the table. Only signed bytes are parsed.
fn open_baseline(sheet: &EnrolmentSheet) -> Result<Baseline, Failure> {
    let refused = |why: String| Failure::new(Status::NotProven, format!("the sheet's baseline: {why}"));
    let signed = dsse::open(PayloadType::Baseline, &sheet.baseline.0, std::slice::from_ref(&sheet.hub_key))
        .map_err(|e| refused(e.to_string()))?;
    Baseline::parse("baseline", &String::from_utf8_lossy(signed.payload()))
        .map_err(|e| refused(e.to_string()))
}

/// The hub's port is another one at each start, so this file is written each time.
fn write_agent_config(layout: &Layout, device: &str) -> Result<(), Failure> {
    let quoted = |path: std::path::PathBuf| serde_json::Value::from(path.display().to_string()).to_string();
    let port = device.rsplit_once(':').map_or(device, |(_, port)| port);
    let config = format!(
        "# Written by `suture try` at each start. Unknown keys are refused.\n\
         hub: \"https://localhost:{port}\"\ndir: {}\nsocket: {}\nexecutor_uid: {}\n\
         own:\n  evidence: {}\n  executor_keys: {}\n  agent_keys: {}\n",
        quoted(layout.agent()),
        quoted(layout.socket()),
        rustix::process::geteuid().as_raw(),
        quoted(layout.evidence()),
        quoted(layout.executor_keys()),
        quoted(layout.agent_keys()),
    );
    Ok(file::write_durably(&layout.agent_config(), config.as_bytes())?)
}

/// Waits for one particular event.
pub(super) fn wait_for<T>(
    processes: &mut Processes,
    whom: &str,
    wanted: impl Fn(&Event) -> Option<T>,
) -> Result<T, Failure> {
    let began = Instant::now();
    while began.elapsed() < READY_MAX {
        if let Some(found) = processes.next()?.and_then(|traced| wanted(&traced.event)) {
            return Ok(found);
        }
    }
    Err(Failure::new(Status::NotProven, format!("{whom} was not ready within {} s", READY_MAX.as_secs())))
}
