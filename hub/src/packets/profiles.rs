//! `packets.yaml`: which tenants get packets by themselves, by whose clock, how they look, and who gets them by mail. Read strictly.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use contract::ids::TenantId;
use contract::yaml::{self, YamlError};
use edge::file::{FileError, SECRET_BYTES_MAX, read_secret, read_text};
use packet::{Brand, Paper, Picture, Zone};
use serde::Deserialize;
use thiserror::Error;

use crate::alerts::Tls;

const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// The largest logo.
const LOGO_BYTES_MAX: u64 = 256 * 1024;
/// The most people who get one tenant's packets.
const WHOM_MAX: usize = 20;
/// The longest name, in characters.
const NAME_MAX: usize = 120;

/// Why the file was refused.
#[derive(Debug, Error)]
pub enum ProfilesError {
    /// It, or a file that it names, cannot be read.
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

/// What is said of packets.
#[derive(Debug, Clone, Default)]
pub(crate) struct Profiles {
    pub(super) mail: Option<MailServer>,
    tenants: BTreeMap<TenantId, Profile>,
}

/// How one tenant's packets are.
#[derive(Debug, Clone)]
pub(crate) struct Profile {
    pub(super) client: String,
    pub(super) zone: Zone,
    pub(super) paper: Paper,
    pub(super) brand: Brand,
    /// Who gets them by mail.
    pub(super) mail: Vec<String>,
    /// Whether the packet itself is in the mail, and not only where it is.
    pub(super) attach: bool,
    /// Whether there is a postcard each week.
    pub(super) postcard: bool,
}

/// By what mail goes out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MailServer {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: Tls,
    #[serde(default)]
    pub(super) user: Option<String>,
    #[serde(default)]
    pub(super) password_file: Option<PathBuf>,
    pub(super) from: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    version: u32,
    #[serde(default)]
    mail: Option<MailServer>,
    tenants: BTreeMap<TenantId, WrittenProfile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenProfile {
    client: String,
    zone: String,
    #[serde(default)]
    paper: Paper,
    prepared_by: String,
    #[serde(default)]
    contact: String,
    #[serde(default = "colour")]
    colour: String,
    #[serde(default)]
    logo: Option<PathBuf>,
    #[serde(default)]
    mail: Vec<String>,
    #[serde(default)]
    attach: bool,
    #[serde(default)]
    postcard: bool,
}

fn colour() -> String {
    "#1f3a5f".to_owned()
}

impl Profiles {
    /// Reads the file and what it names.
    pub(crate) fn read(path: &Path) -> Result<Self, ProfilesError> {
        let file = path.display().to_string();
        let Written { version, mail, tenants } = yaml::parse(&file, &read_text(path, FILE_BYTES_MAX)?)?;
        let nonsense = |what: String| ProfilesError::Nonsense { file: file.clone(), what };
        if version != 1 {
            return Err(nonsense(format!("version {version} is none that is known here: write 1")));
        }
        if let Some(server) = &mail {
            server.check().map_err(|what| nonsense(format!("mail: {what}")))?;
            if let Some(secret) = &server.password_file {
                read_secret(secret, SECRET_BYTES_MAX)?;
            }
        }
        let beside = path.parent().unwrap_or(Path::new("."));
        let mut profiles = BTreeMap::new();
        for (tenant, written) in tenants {
            if mail.is_none() && !written.mail.is_empty() {
                return Err(nonsense(format!(
                    "{tenant}: there is somebody to write to, and no `mail` to do it by"
                )));
            }
            let profile = written.profile(beside).map_err(|e| match e {
                Unfit::File(e) => ProfilesError::File(e),
                Unfit::What(what) => nonsense(format!("{tenant}: {what}")),
            })?;
            profiles.insert(tenant, profile);
        }
        Ok(Self { mail, tenants: profiles })
    }

    /// The tenants that get packets by themselves.
    pub(super) fn tenants(&self) -> impl Iterator<Item = (&TenantId, &Profile)> {
        self.tenants.iter()
    }

    /// A tenant's profile. One that nothing is said of has its own id as its name, and the month by UTC, which each packet says.
    pub(super) fn of(&self, tenant: &TenantId, hub: &str) -> Profile {
        self.tenants.get(tenant).cloned().unwrap_or_else(|| Profile {
            client: tenant.to_string(),
            zone: Zone::utc(),
            paper: Paper::default(),
            brand: Brand { name: hub.to_owned(), contact: String::new(), colour: colour(), logo: None },
            mail: Vec::new(),
            attach: false,
            postcard: false,
        })
    }
}

enum Unfit {
    File(FileError),
    What(String),
}

impl WrittenProfile {
    fn profile(self, beside: &Path) -> Result<Profile, Unfit> {
        let what = |what: String| Unfit::What(what);
        for (name, text) in [("client", &self.client), ("prepared_by", &self.prepared_by)] {
            if text.trim().is_empty() {
                return Err(what(format!("{name} is empty")));
            }
        }
        for (name, text) in
            [("client", &self.client), ("prepared_by", &self.prepared_by), ("contact", &self.contact)]
        {
            if text.chars().count() > NAME_MAX || text.chars().any(char::is_control) {
                return Err(what(format!("{name} is one line of up to {NAME_MAX} characters")));
            }
        }
        if !is_dark(&self.colour) {
            return Err(what(format!("colour: {:?} is no #rrggbb that can be read on white", self.colour)));
        }
        let address = |text: &String| text.parse::<lettre::message::Mailbox>().is_ok();
        if self.mail.len() > WHOM_MAX || !self.mail.iter().all(address) {
            return Err(what(format!("mail: up to {WHOM_MAX} mail addresses")));
        }
        let zone = Zone::named(&self.zone).map_err(|e| what(e.to_string()))?;
        let alt = format!("Logo of {}", self.prepared_by);
        let logo = self.logo.map(|logo| picture(&beside.join(logo), alt)).transpose()?;
        let brand = Brand { name: self.prepared_by, contact: self.contact, colour: self.colour, logo };
        let (client, paper, mail) = (self.client, self.paper, self.mail);
        Ok(Profile { client, zone, paper, brand, mail, attach: self.attach, postcard: self.postcard })
    }
}

/// A logo: shapes alone. What could run, or reach outside, is refused and not cut out.
fn picture(path: &Path, alt: String) -> Result<Picture, Unfit> {
    let svg = read_text(path, LOGO_BYTES_MAX).map_err(Unfit::File)?;
    let lower = svg.to_lowercase();
    let bad = [
        "<script",
        "<foreignobject",
        "<image",
        "<!doctype",
        "<!entity",
        "href=",
        "url(",
        "@import",
        "<style",
    ];
    if !lower.contains("<svg") || bad.iter().any(|bad| lower.contains(bad)) {
        let file = path.display();
        return Err(Unfit::What(format!(
            "logo: {file} is no SVG of shapes alone, without script, style, link or picture"
        )));
    }
    Ok(Picture { svg, alt })
}

impl MailServer {
    fn check(&self) -> Result<(), &'static str> {
        if self.tls == Tls::LoopbackOnly && !["127.0.0.1", "localhost", "::1"].contains(&self.host.as_str()) {
            return Err("without TLS mail goes to this machine only");
        }
        if self.user.is_some() != self.password_file.is_some() {
            return Err("user and password_file belong together");
        }
        if self.from.parse::<lettre::message::Mailbox>().is_err() {
            return Err("from must be a mail address");
        }
        Ok(())
    }
}

/// `#rrggbb` with a contrast of at least 4.5 to white (WCAG 2.2, 1.4.3).
fn is_dark(colour: &str) -> bool {
    let Some(hex) = colour.strip_prefix('#').filter(|hex| hex.len() == 6 && hex.is_ascii()) else {
        return false;
    };
    let part =
        |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).ok().map(|value| f64::from(value) / 255.0);
    let (Some(red), Some(green), Some(blue)) = (part(0), part(2), part(4)) else { return false };
    let linear =
        |value: f64| if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) };
    let luminance = 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
    1.05 / (luminance + 0.05) >= 4.5
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\
version: 1
mail: { host: 127.0.0.1, port: 25, tls: loopback-only, from: 'Packets <packets@msp.example>' }
tenants:
  riverside:
    client: Riverside Family Practice
    zone: America/Chicago
    paper: a4
    prepared_by: Lakeshore Managed IT
    contact: help@lakeshore.example
    colour: '#1f3a5f'
    mail: [office@riverside.example]
    postcard: true
";

    fn read(text: &str) -> Result<Profiles, ProfilesError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("packets.yaml");
        std::fs::write(&path, text).unwrap();
        std::fs::write(directory.path().join("bad.svg"), "<svg><script>1</script></svg>").unwrap();
        std::fs::write(directory.path().join("good.svg"), "<svg xmlns='x'><path d='M0 0'/></svg>").unwrap();
        Profiles::read(&path)
    }

    #[test]
    fn a_tenant_has_what_is_written_and_another_what_can_be_said_of_it() {
        let profiles = read(&GOOD.replace("    postcard", "    logo: good.svg\n    postcard")).unwrap();
        let profile = profiles.of(&"riverside".parse().unwrap(), "hub.example");
        assert_eq!(
            (profile.zone.name(), profile.paper, profile.postcard),
            ("America/Chicago", Paper::A4, true)
        );
        assert_eq!(profile.brand.logo.unwrap().alt, "Logo of Lakeshore Managed IT");
        let other = profiles.of(&"other".parse().unwrap(), "hub.example");
        assert_eq!((other.client.as_str(), other.zone.name(), other.mail.len()), ("other", "UTC", 0));
        assert_eq!(profiles.tenants().count(), 1);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (from, to, what) in [
            ("version: 1", "version: 2", "version 2"),
            ("America/Chicago", "Mars/Olympus", "no time zone"),
            ("#1f3a5f", "#ffee00", "read on white"),
            ("#1f3a5f", "blue", "read on white"),
            ("office@riverside.example", "office", "mail addresses"),
            ("Riverside Family Practice", "' '", "client is empty"),
            ("    postcard: true", "    logo: bad.svg", "shapes alone"),
            ("    postcard: true", "    postcards: true", "unknown"),
            ("loopback-only", "starttls, user: x", "belong together"),
            ("127.0.0.1", "mail.example", "this machine only"),
        ] {
            let text = GOOD.replace(from, to);
            assert_ne!(text, GOOD);
            let error = read(&text).unwrap_err().to_string();
            assert!(error.contains(what), "{error}");
        }
        let without: Vec<&str> = GOOD.lines().filter(|line| !line.starts_with("mail:")).collect();
        let without = without.join(
            "
",
        );
        assert!(read(&without).unwrap_err().to_string().contains("no `mail`"));
    }
}
