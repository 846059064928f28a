//! `alerts.yaml`: when to tell whom, and how. Read strictly: an unknown key, kind, channel or time zone is refused with its line.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use contract::time::UtcTime;
use contract::yaml::{self, YamlError};
use edge::file::{FileError, SECRET_BYTES_MAX, read_secret, read_text};
use jiff::civil::Time;
use jiff::tz::TimeZone;
use reqwest::Url;
use serde::Deserialize;
use thiserror::Error;

use super::facts::Kind;
use super::reseller::Reseller;

const FILE_BYTES_MAX: u64 = 256 * 1024;
const MINUTE_MS: u64 = 60_000;

/// Why the file was refused.
#[derive(Debug, Error)]
pub enum RulesError {
    /// It, or a secret that it names, cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It does not parse.
    #[error(transparent)]
    Yaml(#[from] YamlError),
    /// It says something that makes no sense.
    #[error("{file}: {what}")]
    Nonsense {
        /// Which file.
        file: String,
        /// What.
        what: String,
    },
}

/// When to tell whom.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    pub(crate) dark_after_ms: u64,
    /// A backup that is older than this is a fault; none where backups are somebody else's matter.
    pub(crate) backup_within_ms: Option<u64>,
    pub(crate) quiet: Option<Quiet>,
    /// Whose systems hear of it, where the hub is looked after by a reseller.
    pub(crate) reseller: Option<Reseller>,
    pub(crate) channels: BTreeMap<String, Channel>,
    routes: Vec<Route>,
    pub(crate) escalation: Option<Escalation>,
}

impl Default for Rules {
    fn default() -> Self {
        let dark_after_ms = 15 * MINUTE_MS;
        let (channels, routes) = (BTreeMap::new(), Vec::new());
        let (quiet, reseller, escalation) = (None, None, None);
        Self { dark_after_ms, backup_within_ms: None, quiet, reseller, channels, routes, escalation }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Route {
    /// None: all.
    kinds: Option<BTreeSet<Kind>>,
    channels: BTreeSet<String>,
}

/// Who hears of what nobody acknowledged in time.
#[derive(Debug, Clone)]
pub(crate) struct Escalation {
    pub(crate) after_ms: u64,
    pub(crate) channels: BTreeSet<String>,
}

/// Hours in which what can wait waits.
#[derive(Debug, Clone)]
pub(crate) struct Quiet {
    zone: TimeZone,
    from: Time,
    to: Time,
    /// What cannot wait.
    except: BTreeSet<Kind>,
}

/// A way out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Channel {
    /// HTTP POST of JSON, signed.
    Webhook { url: HookUrl, secret_file: PathBuf },
    /// Mail.
    Smtp {
        host: String,
        port: u16,
        tls: Tls,
        #[serde(default)]
        user: Option<String>,
        #[serde(default)]
        password_file: Option<PathBuf>,
        from: String,
        to: Vec<String>,
    },
    /// RFC 5424, to the machine's own socket, or over TCP.
    Syslog {
        #[serde(default)]
        socket: Option<PathBuf>,
        #[serde(default)]
        tcp: Option<String>,
    },
}

impl Channel {
    fn secret_file(&self) -> Option<&Path> {
        match self {
            Self::Webhook { secret_file, .. } => Some(secret_file),
            Self::Smtp { password_file, .. } => password_file.as_deref(),
            Self::Syslog { .. } => None,
        }
    }
}

/// Where a webhook is: over TLS, or on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct HookUrl(pub(super) Url);

impl TryFrom<String> for HookUrl {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        let url: Url = text.parse().map_err(|_| "a webhook's url is no address")?;
        let is_here = url.scheme() == "http"
            && ["127.0.0.1", "localhost", "[::1]"].contains(&url.host_str().unwrap_or_default());
        if !url.username().is_empty() || url.password().is_some() {
            return Err("a webhook's url holds no name and no password: what opens it is its secret_file");
        }
        if url.scheme() == "https" || is_here {
            Ok(Self(url))
        } else {
            Err("a webhook's url must be https, or http to this machine")
        }
    }
}

/// How mail is kept from being read on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Tls {
    /// From the first byte.
    Implicit,
    /// By STARTTLS, which must succeed.
    Starttls,
    /// Not at all: to this machine only.
    LoopbackOnly,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    #[serde(default)]
    site_dark_after_minutes: Option<u64>,
    #[serde(default)]
    backup_within_hours: Option<u64>,
    #[serde(default)]
    quiet: Option<QuietFile>,
    #[serde(default)]
    reseller: Option<Reseller>,
    channels: BTreeMap<String, Channel>,
    routes: Vec<Route>,
    #[serde(default)]
    escalation: Option<EscalationFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QuietFile {
    zone: String,
    from: String,
    to: String,
    #[serde(default)]
    except: BTreeSet<Kind>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EscalationFile {
    after_minutes: u64,
    channels: BTreeSet<String>,
}

impl Rules {
    /// Reads the file, and looks that every secret that it names can be read and by nobody else.
    pub(crate) fn read(path: &Path) -> Result<Self, RulesError> {
        let rules = Self::parse(&path.display().to_string(), &read_text(path, FILE_BYTES_MAX)?)?;
        for channel in rules.channels.values() {
            if let Some(file) = channel.secret_file() {
                read_secret(file, SECRET_BYTES_MAX)?;
            }
        }
        Ok(rules)
    }

    pub(crate) fn parse(name: &str, text: &str) -> Result<Self, RulesError> {
        let nonsense = |what: String| RulesError::Nonsense { file: name.to_owned(), what };
        let file: File = yaml::parse(name, text)?;
        let File {
            version,
            site_dark_after_minutes,
            backup_within_hours,
            quiet,
            reseller,
            channels,
            routes,
            escalation,
        } = file;
        if version != 1 {
            return Err(nonsense(format!("version {version} is not known: write `version: 1`")));
        }
        let named = routes.iter().flat_map(|route| &route.channels);
        let escalated = escalation.iter().flat_map(|escalation| &escalation.channels);
        if let Some(unknown) = named.chain(escalated).find(|name| !channels.contains_key(*name)) {
            return Err(nonsense(format!("there is no channel {unknown}")));
        }
        for (channel, way) in &channels {
            fits(way).map_err(|what| nonsense(format!("channel {channel}: {what}")))?;
        }
        let minutes = site_dark_after_minutes.unwrap_or(15);
        if !(1..=7 * 24 * 60).contains(&minutes) {
            return Err(nonsense("site_dark_after_minutes must be from 1 to a week".to_owned()));
        }
        Ok(Self {
            dark_after_ms: minutes * MINUTE_MS,
            backup_within_ms: backup_within_hours.map(|hours| hours.clamp(1, 24 * 366) * 60 * MINUTE_MS),
            quiet: quiet.map(Quiet::parse).transpose().map_err(nonsense)?,
            reseller,
            channels,
            routes,
            escalation: escalation.map(|EscalationFile { after_minutes, channels }| Escalation {
                after_ms: after_minutes.clamp(1, 7 * 24 * 60) * MINUTE_MS,
                channels,
            }),
        })
    }

    /// Through which channels something of a kind is told. Who hears of what waits hears of what cannot wait as well.
    pub(crate) fn channels_of(&self, kind: Kind) -> BTreeSet<String> {
        let told = |route: &&Route| {
            let of = |kinds: &BTreeSet<Kind>| {
                kinds.contains(&kind) || (kind == Kind::Call && kinds.contains(&Kind::Waiting))
            };
            route.kinds.as_ref().is_none_or(of)
        };
        self.routes.iter().filter(told).flat_map(|route| route.channels.iter().cloned()).collect()
    }

    /// Whether something of a kind has to wait now.
    pub(crate) fn is_quiet(&self, kind: Kind, now: UtcTime) -> bool {
        self.quiet.as_ref().is_some_and(|quiet| !quiet.except.contains(&kind) && quiet.holds(now))
    }
}

impl Quiet {
    fn parse(QuietFile { zone, from, to, except }: QuietFile) -> Result<Self, String> {
        let time = |text: &str| {
            let bad = || format!("quiet: {text:?} is no time of day: write it like \"22:30\"");
            let (hour, minute) = text.split_once(':').ok_or_else(bad)?;
            let parsed = (hour.parse().ok()).zip(minute.parse().ok()).filter(|_| text.len() == 5);
            parsed.and_then(|(hour, minute)| Time::new(hour, minute, 0, 0).ok()).ok_or_else(bad)
        };
        let zone = TimeZone::get(&zone).map_err(|_| format!("quiet: there is no time zone {zone:?}"))?;
        let (from, to) = (time(&from)?, time(&to)?);
        if from == to {
            return Err("quiet: it begins and ends at the same time".to_owned());
        }
        Ok(Self { zone, from, to, except })
    }

    /// Whether it is quiet: by the clock on the wall there, over midnight too.
    fn holds(&self, now: UtcTime) -> bool {
        let Ok(instant) = jiff::Timestamp::from_millisecond(now.unix_ms()) else { return false };
        let time = instant.to_zoned(self.zone.clone()).time();
        if self.from < self.to {
            (self.from..self.to).contains(&time)
        } else {
            time >= self.from || time < self.to
        }
    }
}

fn fits(channel: &Channel) -> Result<(), String> {
    match channel {
        Channel::Webhook { .. } => Ok(()),
        Channel::Smtp { host, port: _, tls, user, password_file, from, to } => {
            if *tls == Tls::LoopbackOnly && !["127.0.0.1", "localhost", "::1"].contains(&host.as_str()) {
                return Err("without TLS mail goes to this machine only".to_owned());
            }
            if user.is_some() != password_file.is_some() {
                return Err("user and password_file belong together".to_owned());
            }
            let address = |text: &String| text.parse::<lettre::message::Mailbox>().is_ok();
            if to.is_empty() || !std::iter::once(from).chain(to).all(address) {
                return Err(
                    "from and to must be mail addresses, and there must be one to write to".to_owned()
                );
            }
            Ok(())
        }
        Channel::Syslog { socket, tcp } => match (socket, tcp) {
            (Some(_), None) | (None, Some(_)) => Ok(()),
            (Some(_), Some(_)) | (None, None) => Err("it needs a socket or a tcp address".to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"
version: 1
site_dark_after_minutes: 20
backup_within_hours: 26
quiet: { zone: Europe/Berlin, from: "22:00", to: "06:30", except: [evidence] }
reseller: northwind-it
channels:
  pager: { webhook: { url: "https://pager.example/in", secret_file: /etc/suture/pager } }
  mail: { smtp: { host: mail.example, port: 465, tls: implicit, from: "hub@msp.example", to: ["help@msp.example"] } }
  log: { syslog: { socket: /dev/log } }
routes:
  - { channels: [log] }
  - { kinds: [site-dark, evidence], channels: [mail] }
escalation: { after_minutes: 30, channels: [pager] }
"#;

    fn at(text: &str) -> UtcTime {
        UtcTime::try_from(text.to_owned()).unwrap()
    }

    #[test]
    fn the_whole_file_is_read() {
        let rules = Rules::parse("alerts.yaml", WHOLE).unwrap();
        assert_eq!(rules.channels_of(Kind::SiteDark), ["log".to_owned(), "mail".to_owned()].into());
        assert_eq!(rules.channels_of(Kind::Fault), ["log".to_owned()].into());
        assert_eq!(rules.reseller.map(String::from).as_deref(), Some("northwind-it"));
        assert!(Rules::parse("alerts.yaml", &WHOLE.replace("northwind-it", "\"a] b\"")).is_err());
        assert_eq!((rules.dark_after_ms, rules.backup_within_ms), (1_200_000, Some(93_600_000)));
    }

    #[test]
    fn nights_are_those_of_the_place_in_summer_and_in_winter() {
        let rules = Rules::parse("alerts.yaml", WHOLE).unwrap();
        for (time, quiet) in [
            ("2026-07-01T19:59:59.999Z", false),
            ("2026-07-01T20:00:00.000Z", true),
            ("2026-07-02T04:29:59.000Z", true),
            ("2026-07-02T04:30:00.000Z", false),
            ("2026-12-01T20:30:00.000Z", false),
            ("2026-12-01T21:00:00.000Z", true),
        ] {
            assert_eq!(rules.is_quiet(Kind::Waiting, at(time)), quiet, "{time}");
            assert!(!rules.is_quiet(Kind::Evidence, at(time)), "{time}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_and_named() {
        for (from, to, says) in [
            ("version: 1", "version: 2", "version 2"),
            ("routes:", "routs:", "alerts.yaml:"),
            ("Europe/Berlin", "Europe/Atlantis", "Atlantis"),
            ("\"22:00\"", "\"22\"", "no time of day"),
            ("\"22:00\"", "\"06:30\"", "same time"),
            ("kinds: [site-dark", "kinds: [site-bright", "alerts.yaml:"),
            ("channels: [pager] }", "channels: [bell] }", "no channel bell"),
            ("https://pager", "http://pager", "https"),
            ("https://pager.example", "http://localhost.evil.example", "https"),
            ("https://pager.example", "http://localhost@evil.example", "no name"),
            ("https://pager.example", "https://token@pager.example", "no name"),
            ("tls: implicit", "tls: loopback-only", "this machine only"),
            ("from: \"hub@msp.example\"", "from: \"hub\\r\\nBcc: x@y.example\"", "mail addresses"),
            ("from: \"hub@msp.example\"", "user: u, from: \"hub@msp.example\"", "belong together"),
            ("{ socket: /dev/log }", "{}", "socket or a tcp"),
            ("after_minutes: 20", "after_minutes: 0", "from 1"),
        ] {
            assert!(WHOLE.contains(from), "{from}");
            let told = Rules::parse("alerts.yaml", &WHOLE.replace(from, to)).unwrap_err().to_string();
            assert!(told.contains(says), "{to}: {told}");
        }
    }
}
