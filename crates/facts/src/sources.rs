//! One room for each source, behind one interface.

mod accounts;
mod administrators;
mod audit;
mod backup;
mod cpu;
mod devices;
mod disk;
mod firewall;
mod journal;
mod keys;
mod listening;
mod login_defs;
mod mounts;
mod nixos;
mod nixos_units;
mod own;
mod pam;
mod path;
mod settings;
mod setuid;
mod shells;
mod sshd;
mod sshd_match;
mod sudo;
mod sudoers;
mod sysctl;
mod time;
mod tls;
mod unit;
mod updates;

pub use disk::filled_percent;
pub use nixos::is_nixos;
pub use tls::ROOT_STORES;

use contract::fact::{Observation, Source};

use crate::config::Config;
use crate::inputs::Input;

/// Where facts of one kind come from. A source lives for one scan and remembers what its facts share.
pub trait FactSource {
    /// Looks at the fact of this name. A name that the source does not know is [`contract::fact::Absence::Unsupported`].
    fn read(&self, name: &str) -> Observation;

    /// What that fact hangs on. Never empty for a name that the source knows; what it finds may follow from what the machine holds now (the accounts that
    /// there are, the files that one includes), so it is asked for again after a change.
    fn inputs(&self, name: &str) -> Vec<Input>;
}

/// The room of `source`, for one scan.
pub(crate) fn open(source: Source, config: &Config) -> Box<dyn FactSource + '_> {
    match source {
        Source::Accounts => Box::new(accounts::Accounts::new(config)),
        Source::Audit => Box::new(audit::Audit::new(config)),
        Source::Backup => Box::new(backup::Backup::new(config)),
        Source::Cpu => Box::new(cpu::Cpu::new(config)),
        Source::Disk => Box::new(disk::Disk::new(config)),
        Source::Firewall => Box::new(firewall::Firewall::new(config)),
        Source::Journal => Box::new(journal::Journal::new(config)),
        Source::Listening => Box::new(listening::Listening::new(config)),
        Source::LoginDefs => Box::new(login_defs::LoginDefs::new(config)),
        Source::Nixos => Box::new(nixos::Nixos::new(config)),
        Source::Own => Box::new(own::Own::new(config)),
        Source::Pam => Box::new(pam::Pam::new(config)),
        Source::Path => Box::new(path::Path::new(config)),
        Source::Sshd => Box::new(sshd::Sshd::new(config)),
        Source::Sudo => Box::new(sudo::Sudo::new(config)),
        Source::Sysctl => Box::new(sysctl::Sysctl::new(config)),
        Source::Time => Box::new(time::Time::new(config)),
        Source::Tls => Box::new(tls::Tls::new(config)),
        Source::Unit => Box::new(unit::Unit::new(config)),
        Source::Updates => Box::new(updates::Updates::new(config)),
    }
}
