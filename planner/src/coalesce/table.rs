//! What follows from what, within which time. A closed table: whoever adds a line adds it here, and a test holds it to the order of [`Trouble`].

use super::trouble::Trouble;

const MINUTE_MS: u64 = 60 * 1000;
const HOUR_MS: u64 = 60 * MINUTE_MS;

/// One line: a cause, what follows from it on the same machine, and when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Link {
    pub(super) cause: Trouble,
    pub(super) symptoms: &'static [Trouble],
    /// A symptom may have been found so long before its cause was: looking takes turns.
    pub(super) before_ms: u64,
    /// And so long after it. Later than that it is looked into for itself.
    pub(super) after_ms: u64,
}

/// How long before a machine fell silent something must have been found to belong to that.
pub(super) const BEFORE_DARK_MS: u64 = 10 * MINUTE_MS;
/// How long before the site did a machine must have fallen silent to belong to it.
pub(super) const BEFORE_SITE_DARK_MS: u64 = 30 * MINUTE_MS;
/// A site is dark where at least so many of its machines, of a hundred, are;
pub(super) const SITE_DARK_PERCENT: usize = 80;
/// and where it has at least so many.
pub(super) const SITE_HOSTS_MIN: usize = 3;

/// How long after a signal something may still follow from it. A line of a log has no end, and a person closes what came of it, perhaps a day later: until
/// then nothing that fails for itself may wait for it.
const AFTER_SIGNAL_MS: u64 = 2 * HOUR_MS;

const SERVICES: &[Trouble] = &[Trouble::Database, Trouble::Web, Trouble::Service];

/// Causes on one machine. Darkness is not among them: from that everything follows that [`Trouble::of`] knows, whatever its kind.
pub(super) const LINKS: &[Link] = &[
    Link {
        cause: Trouble::DiskFailing,
        symptoms: &[
            Trouble::DiskSpace,
            Trouble::DiskFull,
            Trouble::JournalService,
            Trouble::Database,
            Trouble::Web,
            Trouble::Service,
            Trouble::Backup,
            Trouble::LogLoss,
            Trouble::AuditLoss,
        ],
        before_ms: HOUR_MS,
        after_ms: AFTER_SIGNAL_MS,
    },
    Link { cause: Trouble::MemoryOut, symptoms: SERVICES, before_ms: 5 * MINUTE_MS, after_ms: HOUR_MS },
    Link {
        cause: Trouble::LinkDown,
        symptoms: &[Trouble::ClockWrong, Trouble::Backup, Trouble::Certificate, Trouble::Scheduled],
        before_ms: 5 * MINUTE_MS,
        after_ms: AFTER_SIGNAL_MS,
    },
    Link {
        // The same fullness, told twice.
        cause: Trouble::DiskSpace,
        symptoms: &[Trouble::DiskFull],
        before_ms: HOUR_MS,
        after_ms: 24 * HOUR_MS,
    },
    Link { cause: Trouble::DiskSpace, symptoms: FULL, before_ms: HOUR_MS, after_ms: 24 * HOUR_MS },
    Link { cause: Trouble::DiskFull, symptoms: FULL, before_ms: HOUR_MS, after_ms: AFTER_SIGNAL_MS },
    Link {
        cause: Trouble::ClockService,
        symptoms: &[Trouble::ClockWrong],
        before_ms: HOUR_MS,
        after_ms: 24 * HOUR_MS,
    },
    Link {
        cause: Trouble::ClockWrong,
        symptoms: &[Trouble::Certificate, Trouble::AuditLoss],
        before_ms: HOUR_MS,
        after_ms: 24 * HOUR_MS,
    },
    Link {
        cause: Trouble::TimersService,
        symptoms: &[Trouble::Backup, Trouble::Certificate, Trouble::Scheduled],
        before_ms: HOUR_MS,
        after_ms: 72 * HOUR_MS,
    },
    Link {
        cause: Trouble::JournalService,
        symptoms: &[Trouble::LogLoss],
        before_ms: HOUR_MS,
        after_ms: HOUR_MS,
    },
    Link { cause: Trouble::AuditService, symptoms: &[Trouble::Audit], before_ms: HOUR_MS, after_ms: HOUR_MS },
    Link {
        cause: Trouble::FirewallService,
        symptoms: &[Trouble::Firewall],
        before_ms: HOUR_MS,
        after_ms: HOUR_MS,
    },
    Link {
        cause: Trouble::Database,
        symptoms: &[Trouble::Web],
        before_ms: 10 * MINUTE_MS,
        after_ms: HOUR_MS,
    },
];

/// What a file system that is full does to others.
const FULL: &[Trouble] = &[
    Trouble::JournalService,
    Trouble::Database,
    Trouble::Web,
    Trouble::Service,
    Trouble::Backup,
    Trouble::LogLoss,
    Trouble::AuditLoss,
];
