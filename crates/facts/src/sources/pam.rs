//! PAM: whether an account locks after failed passwords, and how short a password may be.

use contract::fact::{Absence, FactValue, Observation};

use super::FactSource;
use super::settings::{lines, matches};
use crate::config::Config;
use crate::inputs::{self, Input};
use crate::root::Root;

/// The stacks that a log-in or a change of password goes through: Debian's shared ones, others' shared ones, and NixOS's of their own.
const STACKS: [&str; 8] =
    ["common-auth", "common-password", "system-auth", "password-auth", "login", "sshd", "passwd", "su"];
const FAILLOCK: &str = "/etc/security/faillock.conf";
const PWQUALITY: &str = "/etc/security/pwquality.conf";
const PWQUALITY_DROP_INS: &str = "/etc/security/pwquality.conf.d";
/// See `faillock.conf(5)`.
const FAILLOCK_DENY: i64 = 3;
/// See `pam_pwquality(8)`.
const PWQUALITY_MINLEN: i64 = 8;
/// See `pam_unix(8)`.
const UNIX_MINLEN: i64 = 6;

/// PAM's configuration.
pub(crate) struct Pam<'a> {
    root: &'a Root,
}

/// One line of a stack.
struct Rule {
    kind: String,
    module: String,
    arguments: Vec<String>,
}

impl Rule {
    /// A number after `name=`; `Malformed` where it is no number.
    fn number(&self, name: &str) -> Result<Option<i64>, Absence> {
        let value = self.arguments.iter().find_map(|a| a.strip_prefix(name)?.strip_prefix('='));
        value.map(|v| v.parse().map_err(|_| Absence::Malformed)).transpose()
    }
}

impl<'a> Pam<'a> {
    pub(crate) const fn new(config: &'a Config) -> Self {
        Self { root: &config.root }
    }

    fn rules(&self) -> Result<Vec<Rule>, Absence> {
        let mut rules = Vec::new();
        let mut found = false;
        for stack in STACKS {
            if let Some(text) = self.root.optional_text(format!("/etc/pam.d/{stack}"))? {
                found = true;
                rules.extend(lines(&text).filter_map(parse));
            }
        }
        if found { Ok(rules) } else { Err(Absence::NotInstalled) }
    }

    /// Failures after which an account locks; 0 where none does.
    fn faillock_deny(&self) -> Observation {
        let rules = self.rules()?;
        let mut locks = rules.iter().filter(|r| r.kind == "auth" && r.module == "pam_faillock.so").peekable();
        if locks.peek().is_none() {
            return Ok(FactValue::Number(0));
        }
        let mut arguments = Vec::new();
        for rule in locks {
            arguments.extend(rule.number("deny")?);
        }
        // Of several stacks, the most patient one counts.
        let deny = match arguments.into_iter().max() {
            Some(deny) => deny,
            None => self.setting(&[FAILLOCK], "deny")?.unwrap_or(FAILLOCK_DENY),
        };
        Ok(FactValue::Number(deny))
    }

    fn password_min_length(&self) -> Observation {
        let rules = self.rules()?;
        let of = |module: &str| rules.iter().find(|r| r.kind == "password" && r.module == module);
        let length = if let Some(quality) = of("pam_pwquality.so") {
            match quality.number("minlen")? {
                Some(length) => length,
                None => self.pwquality_minlen()?.unwrap_or(PWQUALITY_MINLEN),
            }
        } else if let Some(unix) = of("pam_unix.so") {
            unix.number("minlen")?.unwrap_or(UNIX_MINLEN)
        } else {
            return Err(Absence::Malformed);
        };
        Ok(FactValue::Number(length))
    }

    fn pwquality_minlen(&self) -> Result<Option<i64>, Absence> {
        let directory = PWQUALITY_DROP_INS;
        let drop_ins = self.root.names(directory)?.into_iter().filter(|n| matches("*.conf", n));
        let mut files: Vec<_> = drop_ins.map(|name| format!("{directory}/{name}")).collect();
        files.insert(0, PWQUALITY.to_owned());
        self.setting(&files, "minlen")
    }

    /// The last `key = number` of these files.
    fn setting(&self, files: &[impl AsRef<str>], key: &str) -> Result<Option<i64>, Absence> {
        let mut found = None;
        for file in files {
            let text = self.root.optional_text(file.as_ref())?.unwrap_or_default();
            for (name, value) in lines(&text).filter_map(|l| l.split_once('=')) {
                if name.trim() == key {
                    found = Some(value.trim().parse().map_err(|_| Absence::Malformed)?);
                }
            }
        }
        Ok(found)
    }
}

impl FactSource for Pam<'_> {
    fn read(&self, name: &str) -> Observation {
        match name {
            "faillock_deny" => self.faillock_deny(),
            "password_min_length" => self.password_min_length(),
            _ => Err(Absence::Unsupported),
        }
    }

    fn inputs(&self, name: &str) -> Vec<Input> {
        let stacks = inputs::files(self.root, STACKS.map(|stack| format!("/etc/pam.d/{stack}")));
        let settings = match name {
            "faillock_deny" => inputs::files(self.root, [FAILLOCK]),
            "password_min_length" => {
                [inputs::files(self.root, [PWQUALITY]), inputs::entries(self.root, [PWQUALITY_DROP_INS])]
                    .concat()
            }
            _ => return Vec::new(),
        };
        [stacks, settings].concat()
    }
}

/// `auth [success=1 default=ignore] pam_unix.so nullok`: kind, control, module and its arguments. NixOS names modules by their full path.
fn parse(line: &str) -> Option<Rule> {
    let (kind, rest) = line.split_once([' ', '\t'])?;
    let rest = rest.trim_start();
    let after_control = match rest.strip_prefix('[') {
        Some(values) => values.split_once(']')?.1,
        None => rest.split_once([' ', '\t'])?.1,
    };
    let mut words = after_control.split_whitespace();
    let module = words.next()?.rsplit('/').next()?.to_owned();
    Some(Rule {
        kind: kind.trim_start_matches('-').to_owned(),
        module,
        arguments: words.map(str::to_owned).collect(),
    })
}
