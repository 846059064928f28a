//! Which controls measure what a detector saw. An order names a control that is measured before and after, and a signal names none; where a control says
//! the same thing, a runbook for that control may be ordered, and the executor measures first whether it fails at all.
//!
//! A closed table. What people do on a machine, and what only people can judge, is not in it.

use contract::baseline::{Baseline, Control};
use contract::signal::{Signal, SignalKind};

/// The controls that measure what a signal is about, the nearest first.
pub(super) fn measured_by<'a>(signal: &Signal, baseline: &'a Baseline) -> Vec<&'a Control> {
    let unit = signal.about.unit.map(|unit| format!("unit:{unit}"));
    let of_unit =
        unit.as_ref().and_then(|fact| baseline.controls().iter().find(|c| c.observe.to_string() == *fact));
    let named = controls_of(signal.kind).iter().filter_map(|name| {
        let id = name.parse().ok()?;
        // A control of another unit than the one that is told measures something else.
        let of_another = |control: &&Control| {
            let observed = control.observe.to_string();
            unit.as_ref().is_some_and(|unit| observed.starts_with("unit:") && observed != *unit)
        };
        baseline.control(&id).filter(|control| !of_another(control))
    });
    // Which service it is, its unit alone says.
    let by_unit = matches!(signal.kind, SignalKind::ServiceFailure | SignalKind::CrashLoop);
    of_unit.filter(|_| by_unit).into_iter().chain(named).collect()
}

/// The controls of a kind of signal, the nearest first.
pub(super) const fn controls_of(kind: SignalKind) -> &'static [&'static str] {
    match kind {
        SignalKind::DiskFull | SignalKind::DiskFilling => &["disk.space"],
        SignalKind::DatabaseFault => &["services.database"],
        SignalKind::WebFault => &["services.web"],
        SignalKind::BackupFailed | SignalKind::BackupMissing => &["backup.recent"],
        SignalKind::CertificateRenewal | SignalKind::CertificateExpiring => &["tls.expiry"],
        SignalKind::Clock => &["time.sync", "time.offset", "services.clock"],
        SignalKind::AuditTrail => &["audit.enabled", "services.audit"],
        SignalKind::LogLoss => &["services.journal"],
        SignalKind::ScheduledWork => &["services.timers"],
        SignalKind::Updates => &["updates.fresh-lists"],
        // A service's unit says which it is. Whoever did it, or whether it is broken, only a person can judge; of the rest no control says the same.
        SignalKind::ServiceFailure
        | SignalKind::CrashLoop
        | SignalKind::Unsaid
        | SignalKind::FailedLogins
        | SignalKind::BreakIn
        | SignalKind::Privilege
        | SignalKind::AccountChange
        | SignalKind::BootFailure
        | SignalKind::MemoryExhausted
        | SignalKind::KernelFault
        | SignalKind::HardwareFault
        | SignalKind::DiskErrors
        | SignalKind::DiskHealth
        | SignalKind::FileSystemDamage
        | SignalKind::BackupDamaged
        | SignalKind::RemovableStorage
        | SignalKind::StoreIntegrity
        | SignalKind::Malware
        | SignalKind::Power
        | SignalKind::NetworkLink => &[],
    }
}
