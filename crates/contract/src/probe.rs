//! Facts that only root can see, and that the executor looks at for the agent.
//!
//! A fixed list: the agent cannot have another file read or another program run, however it asks. Each fact is a count, a switch or a word as any other,
//! so no user's name and no line of a file crosses the socket either way.

use crate::fact::FactId;

/// All of them.
pub const PROBED: [&str; 41] = [
    "accounts:administrators_with_key",
    "accounts:empty_passwords",
    "accounts:open_home_directories",
    "accounts:system_accounts_with_password",
    "accounts:unlisted_administrators",
    "accounts:unlisted_ssh_keys",
    "accounts:weak_password_hashes",
    "audit:enabled",
    "audit:max_log_file_action",
    "audit:rules",
    "disk:fullest_percent",
    "firewall:inbound_default",
    "nixos:store_altered_paths",
    "own:agent-keys",
    "own:evidence",
    "own:executor-keys",
    "path:unlisted_setuid_files",
    "path:world_writable_in_etc",
    "sshd:allowtcpforwarding",
    "sshd:clientalivecountmax",
    "sshd:clientaliveinterval",
    "sshd:hostbasedauthentication",
    "sshd:kbdinteractiveauthentication",
    "sshd:logingracetime",
    "sshd:loglevel",
    "sshd:match_overrides",
    "sshd:maxauthtries",
    "sshd:passwordauthentication",
    "sshd:permitemptypasswords",
    "sshd:permitrootlogin",
    "sshd:permituserenvironment",
    "sshd:session_idle_seconds",
    "sshd:weak_ciphers",
    "sshd:weak_kex",
    "sshd:weak_macs",
    "sshd:x11forwarding",
    "sudo:logs",
    "sudo:nopasswd_rules",
    "sudo:timestamp_timeout_minutes",
    "sudo:use_pty",
    "tls:exposed_keys",
];

/// Whether the executor looks at `fact` for the agent.
pub fn is_probed(fact: &FactId) -> bool {
    PROBED.contains(&fact.to_string().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_one_is_a_fact_and_a_path_is_none() {
        for fact in PROBED {
            assert!(is_probed(&fact.parse().unwrap()), "{fact}");
        }
        for fact in ["path:/etc/shadow", "unit:ssh.service", "accounts:uid_zero"] {
            assert!(!is_probed(&fact.parse().unwrap()), "{fact}");
        }
    }
}
