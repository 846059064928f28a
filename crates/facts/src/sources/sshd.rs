//! The effective configuration of the SSH server, as `sshd -T` prints it. What `Match` blocks change for some is counted apart.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use contract::fact::{Absence, FactValue, Observation};

use super::settings::{matches, number_or_word, quantity};
use super::{FactSource, sshd_match};
use crate::config::Config;
use crate::inputs::Input;
use crate::program;
use crate::root::count;

/// Settings that are reported as `sshd -T` prints them.
pub(super) const KEYWORDS: [&str; 13] = [
    "allowtcpforwarding",
    "clientalivecountmax",
    "clientaliveinterval",
    "hostbasedauthentication",
    "kbdinteractiveauthentication",
    "logingracetime",
    "loglevel",
    "maxauthtries",
    "passwordauthentication",
    "permitemptypasswords",
    "permitrootlogin",
    "permituserenvironment",
    "x11forwarding",
];

/// Parts of names that mark an algorithm as weak: broken hashes, short tags, block modes without authentication.
const WEAK_CIPHERS: [&str; 6] = ["cbc", "arcfour", "3des", "blowfish", "cast128", "none"];
const WEAK_MACS: [&str; 6] = ["md5", "sha1", "umac-64", "ripemd160", "-96", "none"];
const WEAK_KEX: [&str; 2] = ["sha1", "group1-"];

/// Units of `sshd_config(5)`.
const TIME_UNITS: &[(&[&str], i64)] = &[
    (&["s", "S"], 1),
    (&["m", "M"], 60),
    (&["h", "H"], 3600),
    (&["d", "D"], 86_400),
    (&["w", "W"], 604_800),
];

/// The SSH server.
pub(crate) struct Sshd<'a> {
    config: &'a Config,
    effective: OnceCell<Result<BTreeMap<String, String>, Absence>>,
}

impl<'a> Sshd<'a> {
    pub(crate) fn new(config: &'a Config) -> Self {
        Self { config, effective: OnceCell::new() }
    }

    fn effective(&self) -> Result<&BTreeMap<String, String>, Absence> {
        self.effective.get_or_init(|| self.ask()).as_ref().map_err(|a| *a)
    }

    fn ask(&self) -> Result<BTreeMap<String, String>, Absence> {
        let root = &self.config.root;
        let printed = program::run(root, "sshd", &["-T"], self.config.limit)?;
        if !printed.status.success() {
            // It reads the host keys first, which only root can; then it wants the directory that its service makes at its start.
            return Err(match () {
                () if !root.is_superuser() => Absence::NeedsRoot,
                () if printed.err.contains("privilege separation directory") => Absence::NotRunning,
                () => Absence::Malformed,
            });
        }
        let settings: BTreeMap<_, _> = printed
            .out
            .lines()
            .filter_map(|l| l.split_once(' '))
            .map(|(keyword, value)| (keyword.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        if settings.is_empty() { Err(Absence::Malformed) } else { Ok(settings) }
    }

    /// `sshd -T` prints every keyword it knows. One that it does not print, this sshd does not have.
    fn setting(&self, keyword: &str) -> Result<&str, Absence> {
        self.effective()?.get(keyword).map(String::as_str).ok_or(Absence::NotInstalled)
    }

    fn weak(&self, keyword: &str, marks: &[&str]) -> Observation {
        let is_weak = |name: &&str| marks.iter().any(|mark| name.contains(mark));
        count(self.setting(keyword)?.split(',').filter(is_weak).count())
    }

    /// Seconds after which a session without any traffic is closed; 0 where none is. `ClientAliveInterval` is no such limit: it ends only
    /// connections whose other end has gone.
    fn session_idle_seconds(&self) -> Observation {
        // Before OpenSSH 9.2 there was no way to ask for it, and an idle session stayed open.
        let timeouts = self.effective()?.get("channeltimeout").map_or("none", String::as_str);
        match timeouts.split_whitespace().find_map(session_timeout) {
            None => Ok(FactValue::Number(0)),
            Some(time) => quantity(time, TIME_UNITS).map(FactValue::Number).ok_or(Absence::Malformed),
        }
    }
}

impl FactSource for Sshd<'_> {
    fn read(&self, name: &str) -> Observation {
        match name {
            "weak_ciphers" => self.weak("ciphers", &WEAK_CIPHERS),
            "weak_macs" => self.weak("macs", &WEAK_MACS),
            "weak_kex" => self.weak("kexalgorithms", &WEAK_KEX),
            "session_idle_seconds" => self.session_idle_seconds(),
            "match_overrides" => sshd_match::overrides(&self.config.root),
            keyword if KEYWORDS.contains(&keyword) => number_or_word(self.setting(keyword)?),
            _ => Err(Absence::Unsupported),
        }
    }

    /// `sshd -T` reads the host keys too. What lies outside its directory is included by name.
    fn inputs(&self, name: &str) -> Vec<Input> {
        let root = &self.config.root;
        let files = sshd_match::inputs(root);
        match name {
            "match_overrides" => files,
            "weak_ciphers" | "weak_macs" | "weak_kex" | "session_idle_seconds" => {
                [program::inputs(root, "sshd"), files].concat()
            }
            keyword if KEYWORDS.contains(&keyword) => [program::inputs(root, "sshd"), files].concat(),
            _ => Vec::new(),
        }
    }
}

/// The time of `channel=time`, where the channel's pattern covers an interactive session.
fn session_timeout(entry: &str) -> Option<&str> {
    let (channel, time) = entry.split_once('=')?;
    (channel == "global" || matches(channel, "session:shell")).then_some(time)
}
