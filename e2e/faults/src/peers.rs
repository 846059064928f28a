//! Other programs that repair, beside us: in the same machine, with the same faults, on the same clock.

use lab::{Image, Machine, Template};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::catalogue::Fault;
use crate::site::CLINIC;

/// The shortest interval of the slowest of them is a minute.
const LIMIT_S: u32 = 130;

/// Another program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Peer {
    /// monit, which looks every second.
    Monit,
    /// Its executor looks every minute.
    Cfengine,
}

impl Peer {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Monit, Self::Cfengine];

    /// As it stands in a table.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Monit => "monit",
            Self::Cfengine => "CFEngine",
        }
    }

    /// Starts it, and waits until it has looked once.
    const fn start(self) -> &'static str {
        match self {
            Self::Monit => "systemd-run --quiet --unit=peer monit -I -c /etc/monit/monitrc; sleep 6",
            Self::Cfengine => {
                "systemd-run --quiet --unit=peer cf-execd --no-fork --file /etc/lab/promises.cf; sleep 6"
            }
        }
    }
}

/// The machine, without Suture.
#[derive(Debug)]
pub struct Peers(Template);

impl Peers {
    /// Boots it, and installs their configurations.
    pub fn make() -> Result<Self> {
        let image = Image::ready()?.set_up_by(CLINIC)?;
        let template = Template::make(&image, &|machine: &mut Machine| {
            machine.set_clock(edge::clock::utc())?;
            machine.put("/var/lab/monitrc", include_bytes!("../peers/monitrc"))?;
            machine.put("/var/lab/promises.cf", include_bytes!("../peers/promises.cf"))?;
            machine.put("/var/lab/peers.sh", include_bytes!("../peers/peers.sh"))?;
            machine.ok("sh -eu /var/lab/peers.sh").map(drop)
        })?;
        Ok(Self(template))
    }

    /// How long it takes one of them from the injection until the fault's proof holds, in milliseconds of the machine's clock; none where it does not.
    pub fn repairs(&self, peer: Peer, fault: &Fault) -> Result<Option<u64>> {
        let proof = fault.proof.as_deref().ok_or("a fault without a proof cannot be compared")?;
        let mut machine = self.0.clone_machine()?;
        machine.ok(peer.start())?;
        let script = format!(
            "mark() {{ cut -d' ' -f1 /proc/uptime >/run/mark; }}; mark\n{}\n\
             while [ \"$(cut -d. -f1 /proc/uptime)\" -lt $(($(cut -d. -f1 /run/mark) + {})) ]; do if ({proof}) >/dev/null 2>&1; then echo \"$(cat /run/mark) $(cut -d' ' -f1 /proc/uptime)\"; exit 0; fi; sleep 0.1; done",
            fault.inject, LIMIT_S,
        );
        let said = machine.ok(&script)?;
        let mut times = said.split(' ').filter_map(|time| time.parse::<f64>().ok());
        Ok(times.next().zip(times.next()).map(|(from, to)| crate::course::rounded((to - from) * 1000.0)))
    }
}
