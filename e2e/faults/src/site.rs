//! The clinic's machine of the lab: Suture installed from its package, enrolled, and quiet.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use contract::plane::{IncidentState, IncidentView};
use lab::{Image, Ran, Template};

use crate::Result;
use crate::contained::{self, Contained};
use crate::hub::{Hub, copy};
use crate::machine::Machine;

/// What a clinic's server is set up with before Suture comes.
pub(crate) const CLINIC: &str = include_str!("../clinic.sh");
/// What it is set up with afterwards.
const SITE_SCRIPT: &str = include_str!("../site.sh");
/// How long the machine may take to come to rest after Suture's first look at it.
const REST: Duration = Duration::from_secs(240);
/// For how long nothing may have happened then.
const QUIET: Duration = Duration::from_secs(12);

/// What is tested.
#[derive(Debug, Clone)]
pub struct Programs {
    /// Where cargo put the binaries.
    pub binaries: PathBuf,
    /// The package of the site's machine.
    pub package: PathBuf,
}

/// The frozen machine, with its hub as it was then.
#[derive(Debug)]
pub struct Lab {
    programs: Programs,
    template: Template,
    scratch: tempfile::TempDir,
    device: String,
    key: String,
    log_key: String,
    time: Option<Child>,
    /// What waited for a person when the machine was at rest: nobody's fault here.
    pub standing: Vec<IncidentView>,
}

/// One copy of machine and hub.
#[derive(Debug)]
pub struct Site {
    /// The machine.
    pub machine: Machine,
    /// Its hub.
    pub hub: Hub,
    /// What an outsider checks its evidence with.
    pub verifier: PathBuf,
    /// The key of its log, as it was when it was installed.
    pub log_key: String,
    _scratch: tempfile::TempDir,
}

fn free_port() -> Result<u16> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").map_err(|e| e.to_string())?;
    Ok(listener.local_addr().map_err(|e| e.to_string())?.port())
}

impl Lab {
    /// Boots a clinic's machine, installs the package, enrols, waits until nothing happens any more, and freezes both.
    pub fn make(programs: Programs) -> Result<Self> {
        let scratch = tempfile::tempdir().map_err(|e| e.to_string())?;
        let (device, time_port) = (format!("127.0.0.1:{}", free_port()?), free_port()?);
        let time = clock_server(scratch.path(), time_port)?;
        let directory = scratch.path().join("hub");
        let hub = Hub::first(&programs.binaries.join("suture-hub"), &directory, &device)?;
        let package =
            std::fs::read(&programs.package).map_err(|e| format!("{}: {e}", programs.package.display()))?;
        let image = Image::ready()?.set_up_by(CLINIC)?;
        let (standing, log_key) = (RefCell::new(Vec::new()), RefCell::new(String::new()));
        let hub = RefCell::new(Some(hub));
        let template = Template::make(&image, &|machine: &mut lab::Machine| {
            machine.set_clock(edge::clock::utc())?;
            let time = format!("sed -i 's/ port [0-9]* / port {time_port} /' /etc/chrony/chrony.conf");
            machine.ok(&format!("{time} && systemctl restart chrony"))?;
            machine.put("/var/lab/suture-agent.deb", &package)?;
            let hub = hub.borrow_mut().take().ok_or("no hub")?;
            hub.allow(&machine.ok(ALLOWED)?)?;
            machine.put("/var/lab/sheet.json", &hub.sheet()?)?;
            machine.ok("dpkg -i /var/lab/suture-agent.deb && rm /var/lab/suture-agent.deb")?;
            machine.ok("suture-enrol --mode enforce /var/lab/sheet.json && rm /var/lab/sheet.json")?;
            *log_key.borrow_mut() = machine.ok("cat /var/lib/suture/executor/evidence.pub")?;
            machine.put("/var/lab/site.sh", SITE_SCRIPT.as_bytes())?;
            machine.ok("sh -eu /var/lab/site.sh && systemctl restart suture-executor suture-agent")?;
            *standing.borrow_mut() = at_rest(&mut |script| machine.sh(script), &hub)?;
            // A clock that is put right afterwards is no jump that anybody has to hear of.
            machine.ok("systemctl stop suture-agent suture-executor chrony")?;
            drop(hub);
            Ok(())
        })?;
        let key = std::fs::read_to_string(directory.with_extension("key")).map_err(|e| e.to_string())?;
        Ok(Self {
            programs,
            template,
            scratch,
            device,
            key,
            log_key: log_key.into_inner(),
            time: Some(time),
            standing: standing.into_inner(),
        })
    }

    /// A copy of machine and hub, running.
    pub fn site(&self) -> Result<Site> {
        let scratch = tempfile::tempdir().map_err(|e| e.to_string())?;
        let directory = copy(&self.scratch.path().join("hub"), &scratch.path().join("hub"))?;
        let hub =
            Hub::again(&self.programs.binaries.join("suture-hub"), &directory, &self.key, &self.device)?;
        let mut machine = self.template.clone_machine()?;
        machine.ok("systemctl start chrony; chronyc -n waitsync 100 0.5 0 0.2 >/dev/null; touch /run/started; systemctl start suture-executor suture-agent")?;
        let verifier = self.programs.binaries.join("suture-verify");
        let machine = Machine::Own(machine);
        Ok(Site { machine, hub, verifier, log_key: self.log_key.clone(), _scratch: scratch })
    }
}

impl Site {
    /// The clinic's machine as a container on this one, set up anew: installed, enrolled, and quiet.
    pub fn contained(programs: &Programs) -> Result<Self> {
        let scratch = tempfile::tempdir().map_err(|e| e.to_string())?;
        let contained = Contained::boot()?;
        let device = format!("{}:{}", contained::HUB, free_port()?);
        let hub = Hub::first(&programs.binaries.join("suture-hub"), &scratch.path().join("hub"), &device)?;
        let package =
            std::fs::read(&programs.package).map_err(|e| format!("{}: {e}", programs.package.display()))?;
        contained.put("/var/lab/set-up.sh", CLINIC.as_bytes());
        contained.put("/var/lab/suture-agent.deb", &package);
        let mut machine = Machine::Contained(contained);
        machine.ok("sh -eux /var/lab/set-up.sh >/var/lab/set-up.log 2>&1 || { tail -12 /var/lab/set-up.log; exit 1; }")?;
        hub.allow(&machine.ok(ALLOWED)?)?;
        let sheet = hub.sheet()?;
        if let Machine::Contained(contained) = &machine {
            contained.put("/var/lab/sheet.json", &sheet);
            contained.put("/var/lab/site.sh", SITE_SCRIPT.as_bytes());
        }
        machine.ok("dpkg -i /var/lab/suture-agent.deb && suture-enrol --mode enforce /var/lab/sheet.json")?;
        let log_key = machine.ok("cat /var/lib/suture/executor/evidence.pub")?;
        machine.ok("sh -eu /var/lab/site.sh && systemctl restart suture-executor suture-agent")?;
        at_rest(&mut |script| machine.sh(script), &hub)?;
        machine.ok("touch /run/started; systemctl restart suture-executor suture-agent")?;
        let verifier = programs.binaries.join("suture-verify");
        Ok(Self { machine, hub, verifier, log_key, _scratch: scratch })
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if let Some(mut time) = self.time.take() {
            let _ = time.kill();
            let _ = time.wait();
        }
    }
}

/// What the machine has as it was set up is what it may have.
const ALLOWED: &str = r#"
echo 'listening: { tcp: [22, 80, 443], udp: [] }'
echo 'setuid:'
find / -xdev -type f -perm /6000 -printf '  - %p\n'
echo 'administrators: [tess]'
echo "ssh_keys: [\"$(ssh-keygen -lf /home/tess/.ssh/authorized_keys | cut -d' ' -f2)\"]"
"#;

/// Time for the machine: chronyd, which sets no clock here.
fn clock_server(scratch: &Path, port: u16) -> Result<Child> {
    let file = scratch.join("chrony.conf");
    let text = format!(
        "local stratum 2\nallow all\nbindaddress 127.0.0.1\nport {port}\ncmdport 0\nbindcmdaddress /\npidfile {}\n",
        scratch.join("chrony.pid").display()
    );
    std::fs::write(&file, text).map_err(|e| e.to_string())?;
    Command::new("setpriv")
        .args(["--pdeathsig", "KILL", "--", "chronyd", "-x", "-d", "-U", "-u", "root", "-f"])
        .arg(&file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| format!("chronyd: {e}"))
}

/// Waits until no incident has changed for a while and none is under way; answers those that are not closed.
fn at_rest(sh: &mut dyn FnMut(&str) -> Result<Ran>, hub: &Hub) -> Result<Vec<IncidentView>> {
    let begun = Instant::now();
    let (mut last, mut since) = (String::new(), Instant::now());
    loop {
        let incidents = hub.incidents()?;
        let now = format!("{incidents:?}");
        if now != last {
            (last, since) = (now, Instant::now());
        }
        let under_way =
            |i: &IncidentView| matches!(i.state, IncidentState::Drifted | IncidentState::Ordered(_));
        if since.elapsed() > QUIET && !incidents.is_empty() && !incidents.iter().any(under_way) {
            return Ok(incidents.into_iter().filter(|i| !i.state.is_over()).collect());
        }
        if begun.elapsed() > REST {
            let journal = sh("journalctl --no-pager -n 60 -u suture-agent -u suture-executor")?;
            return Err(format!("not at rest after {} s: {last}\n{}", REST.as_secs(), journal.out));
        }
        std::thread::sleep(Duration::from_millis(500));
    }
}
