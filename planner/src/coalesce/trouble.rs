//! What kinds of trouble can follow from each other, and which incidents are of which kind.
//!
//! The order of the kinds is the order of causes: nothing can follow from what stands further down, so there is no circle. What people do on a machine
//! (log in, get in, plug something in, give themselves rights) is of no kind at all and follows from nothing: a break-in is never folded into a full disk,
//! nor into the silence of the machine after it.

use contract::fact::FactValue;
use contract::ids::ControlId;
use contract::incident::What;
use contract::signal::{Mount, Signal, SignalKind};
use serde::{Deserialize, Serialize};

/// A kind of trouble, causes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// Most machines of a site are silent.
    SiteDark,
    /// A machine is silent.
    HostDark,
    /// A disk fails, or a file system on it is damaged.
    DiskFailing,
    /// Memory ran out.
    MemoryOut,
    /// The link is down.
    LinkDown,
    /// The control for room on disks fails.
    DiskSpace,
    /// A file system is full or soon will be, by what programs say.
    DiskFull,
    /// The service that keeps the clock stands still.
    ClockService,
    /// The clock is wrong.
    ClockWrong,
    /// The service of timers stands still.
    TimersService,
    /// The journal stands still.
    JournalService,
    /// The audit daemon stands still.
    AuditService,
    /// The packet filter's service stands still.
    FirewallService,
    /// The database is in trouble.
    Database,
    /// The web server answers with errors, or cannot start, by what it says.
    Web,
    /// Any other service is in trouble.
    Service,
    /// A backup failed, is missing or could not be restored.
    Backup,
    /// Log lines were lost.
    LogLoss,
    /// Auditing is off. That may be somebody's doing, so it follows from its own service alone.
    Audit,
    /// The audit trail lost events, or has no room.
    AuditLoss,
    /// The packet filter does not hold what was declared.
    Firewall,
    /// A certificate ends or could not be renewed.
    Certificate,
    /// Updates or other scheduled work failed.
    Scheduled,
    /// Any other trouble of the machine itself: it waits where the machine is silent, and follows from nothing else.
    Other,
}

impl Trouble {
    /// Every kind, in order.
    pub const ALL: [Self; 24] = [
        Self::SiteDark,
        Self::HostDark,
        Self::DiskFailing,
        Self::MemoryOut,
        Self::LinkDown,
        Self::DiskSpace,
        Self::DiskFull,
        Self::ClockService,
        Self::ClockWrong,
        Self::TimersService,
        Self::JournalService,
        Self::AuditService,
        Self::FirewallService,
        Self::Database,
        Self::Web,
        Self::Service,
        Self::Backup,
        Self::LogLoss,
        Self::Audit,
        Self::AuditLoss,
        Self::Firewall,
        Self::Certificate,
        Self::Scheduled,
        Self::Other,
    ];

    /// The kind of trouble that `what` is; none where it neither causes nor follows.
    pub fn of(what: &What) -> Option<Self> {
        match what {
            What::Drift { control, fact: _, observed } => Self::of_control(control, observed),
            What::Signal(signal) => Self::of_signal(signal),
        }
    }

    fn of_control(control: &ControlId, observed: &FactValue) -> Option<Self> {
        let known = CONTROLS.iter().find(|(id, _)| *id == control.as_str()).map(|(_, trouble)| *trouble);
        let of_people = PEOPLE.iter().any(|prefix| control.as_str().starts_with(prefix));
        match (known, observed) {
            // The control fails long before a disk is full, and until it is, nothing stops for want of room.
            (Some(Self::DiskSpace), FactValue::Number(percent)) if *percent >= i64::from(FULL_PERCENT) => {
                known
            }
            (Some(Self::DiskSpace), _) => Some(Self::Other),
            (Some(_), _) => known,
            (None, _) => (!of_people).then_some(Self::Other),
        }
    }

    fn of_signal(signal: &Signal) -> Option<Self> {
        match signal.kind {
            SignalKind::DiskErrors | SignalKind::FileSystemDamage => Some(Self::DiskFailing),
            SignalKind::MemoryExhausted => Some(Self::MemoryOut),
            SignalKind::NetworkLink => Some(Self::LinkDown),
            SignalKind::DiskFull => {
                Some(if signal.about.mount.is_none_or(is_worked_on) { Self::DiskFull } else { Self::Other })
            }
            SignalKind::DiskFilling => {
                let is_full = signal.about.percent.is_some_and(|percent| percent >= FULL_PERCENT);
                let counts = is_full && signal.about.mount.is_none_or(is_worked_on);
                Some(if counts { Self::DiskFull } else { Self::Other })
            }
            SignalKind::Clock => Some(Self::ClockWrong),
            SignalKind::DatabaseFault => Some(Self::Database),
            SignalKind::WebFault => Some(Self::Web),
            SignalKind::ServiceFailure | SignalKind::CrashLoop => Some(Self::Service),
            SignalKind::BackupFailed | SignalKind::BackupMissing => Some(Self::Backup),
            SignalKind::LogLoss => Some(Self::LogLoss),
            SignalKind::AuditTrail => {
                let by_hand = SWITCHED_OFF.contains(&signal.detector.as_str());
                (!by_hand).then_some(Self::AuditLoss)
            }
            SignalKind::CertificateRenewal | SignalKind::CertificateExpiring => Some(Self::Certificate),
            SignalKind::ScheduledWork | SignalKind::Updates => Some(Self::Scheduled),
            SignalKind::BootFailure
            | SignalKind::KernelFault
            | SignalKind::HardwareFault
            | SignalKind::DiskHealth
            | SignalKind::Power => Some(Self::Other),
            // What people do, what only a person can judge, and what nobody said.
            SignalKind::Unsaid
            | SignalKind::FailedLogins
            | SignalKind::BreakIn
            | SignalKind::Privilege
            | SignalKind::AccountChange
            | SignalKind::BackupDamaged
            | SignalKind::RemovableStorage
            | SignalKind::StoreIntegrity
            | SignalKind::Malware => None,
        }
    }
}

/// Detectors of an audit trail that somebody may have ended: the first thing that an intruder does is no symptom of a full disk.
const SWITCHED_OFF: [&str; 2] = ["audit.stopped", "audit.switched-off"];

/// From so much of a hundred on, programs stop for want of room: what is kept for root is about the rest.
const FULL_PERCENT: u8 = 95;

/// A full `/boot` or a full stick stops no service.
fn is_worked_on(mount: Mount) -> bool {
    const ASIDE: [&str; 5] = ["/boot", "/boot/efi", "/media", "/mnt", "/swap"];
    !ASIDE.contains(&mount.to_string().as_str())
}

/// How the controls begin that say what people may do, or did: they follow from nothing.
pub(super) const PEOPLE: [&str; 6] =
    ["accounts.", "sudo.", "network.unlisted", "files.unlisted", "files.world-writable", "nixos.store"];

/// The baseline's controls that are of a kind. A test holds every name to the shipped baseline.
pub(super) const CONTROLS: [(&str, Trouble); 19] = [
    ("disk.space", Trouble::DiskSpace),
    ("services.clock", Trouble::ClockService),
    ("time.sync", Trouble::ClockWrong),
    ("time.offset", Trouble::ClockWrong),
    ("services.timers", Trouble::TimersService),
    ("services.journal", Trouble::JournalService),
    ("services.audit", Trouble::AuditService),
    ("services.firewall", Trouble::FirewallService),
    ("services.database", Trouble::Database),
    // A server whose database is gone answers with errors, and runs: that it does not run has another cause.
    ("services.web", Trouble::Service),
    ("services.ssh", Trouble::Service),
    ("services.failed-units", Trouble::Service),
    ("backup.recent", Trouble::Backup),
    ("backup.restore-weekly", Trouble::Backup),
    ("backup.restore-test", Trouble::Backup),
    ("audit.enabled", Trouble::Audit),
    ("firewall.inbound", Trouble::Firewall),
    ("tls.expiry", Trouble::Certificate),
    ("updates.fresh-lists", Trouble::Scheduled),
];
