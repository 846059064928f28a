//! The files that are shipped: baseline, rule table and runbooks, each as `(its name, its text)`. They stand here once, so that hub, operator's command
//! and tests speak of the same bytes. A runbook that is not in this list is not shipped; a test holds the list to the directory.

use contract::runbook::CatalogueFile;

/// The baseline, and the name under which messages speak of it.
pub const BASELINE: (&str, &str) = ("baseline/hipaa-v1.yaml", include_str!("../../baseline/hipaa-v1.yaml"));

/// The rule table, and the name under which messages speak of it.
pub const RULES: (&str, &str) = ("planner/rules/controls.yaml", include_str!("../rules/controls.yaml"));

/// The labelled incidents that planners are measured by, and the name under which messages speak of them.
pub const INCIDENTS: (&str, &str) = ("planner/eval/incidents.jsonl", include_str!("../eval/incidents.jsonl"));

/// Each runbook's file with its text.
macro_rules! texts {
    ($($file:literal,)*) => { [$(($file, include_str!(concat!("../../runbooks/", $file)))),*] };
}

/// The runbooks, by name.
pub const RUNBOOKS: [(&str, &str); 28] = texts![
    "RB-ACCOUNT-001-empty-passwords.yaml",
    "RB-ACCOUNT-002-system-passwords.yaml",
    "RB-AUDIT-001-daemon.yaml",
    "RB-AUDIT-002-rules.yaml",
    "RB-BACKUP-001-run.yaml",
    "RB-CERT-001-renew.yaml",
    "RB-CERT-002-key-mode.yaml",
    "RB-CPU-001-runaway.yaml",
    "RB-DISK-001-space.yaml",
    "RB-FILE-001-own-directories.yaml",
    "RB-FILE-002-system-files.yaml",
    "RB-FIREWALL-001-declared.yaml",
    "RB-FIREWALL-002-service.yaml",
    "RB-JOURNAL-001-settings.yaml",
    "RB-KERNEL-001-sysctl.yaml",
    "RB-KERNEL-002-pointers.yaml",
    "RB-KERNEL-003-tracing.yaml",
    "RB-KERNEL-004-bpf.yaml",
    "RB-PAM-001-password-length.yaml",
    "RB-RESTORE-001-test.yaml",
    "RB-SERVICE-001-restart.yaml",
    "RB-SHELL-001-timeout.yaml",
    "RB-SSH-001-log-in.yaml",
    "RB-SSH-002-settings.yaml",
    "RB-SUDO-001-defaults.yaml",
    "RB-TIME-001-sync.yaml",
    "RB-UPDATE-001-automatic.yaml",
    "RB-UPDATE-002-lists.yaml",
];

/// The runbooks as a catalogue is made of them.
pub fn runbooks() -> Vec<CatalogueFile> {
    RUNBOOKS
        .iter()
        .map(|(file, text)| CatalogueFile { file: (*file).to_owned(), text: (*text).to_owned() })
        .collect()
}
