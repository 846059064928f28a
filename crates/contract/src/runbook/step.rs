//! Steps as a runbook writes them: a verb with its fields, each a literal or `$parameter`.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::action::{
    Action, CertRenew, CommandRun, FileRestore, FileTarget, FilesPrune, ProcessLimit, RestoreTest, Validator,
};
use super::{ParameterValue, Verb};
use crate::fact::FileMode;
use crate::ids::{ControlId, ParameterName};
use crate::resource::{AbsolutePath, Account, AccountRule, SysctlKey, UnitName};

/// A field that a runbook gives as a literal, or as `$name` of one of its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given<T> {
    /// Written out.
    Literal(T),
    /// Bound from the failing control.
    Parameter(ParameterName),
}

/// What can stand in a field: how it is written, and which parameter values fit.
pub trait Field: Sized + Clone {
    /// What is expected, for the message.
    const WHAT: &'static str;
    /// From a literal text.
    fn from_text(text: &str) -> Result<Self, String>;
    /// From a literal number.
    fn from_number(number: i64) -> Result<Self, String> {
        Err(format!("{number} is not {}", Self::WHAT))
    }
    /// From a parameter's value; none where it is of another type.
    fn from_value(value: &ParameterValue) -> Option<Self>;
    /// As it is written.
    fn to_text(&self) -> String;
    /// As the number that it is written as, where it is one.
    fn to_number(&self) -> Option<i64> {
        None
    }
}

impl<T: Field> Given<T> {
    /// The parameter that it names.
    pub const fn parameter(&self) -> Option<&ParameterName> {
        match self {
            Self::Literal(_) => None,
            Self::Parameter(name) => Some(name),
        }
    }

    fn resolve(&self, values: &Values) -> Result<T, Unresolved> {
        match self {
            Self::Literal(value) => Ok(value.clone()),
            Self::Parameter(name) => {
                values.get(name).and_then(T::from_value).ok_or_else(|| Unresolved(name.clone()))
            }
        }
    }
}

impl<T: Field> Serialize for Given<T> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Literal(value) => match value.to_number() {
                Some(number) => s.serialize_i64(number),
                None => s.serialize_str(&value.to_text()),
            },
            Self::Parameter(name) => s.collect_str(&format_args!("${name}")),
        }
    }
}

impl<'de, T: Field> Deserialize<'de> for Given<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Seen<T>(PhantomData<T>);
        impl<T: Field> Visitor<'_> for Seen<T> {
            type Value = Given<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}, or `$` and the name of a parameter", T::WHAT)
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Given<T>, E> {
                match text.strip_prefix('$') {
                    Some(name) => name.parse().map(Given::Parameter).map_err(E::custom),
                    None => T::from_text(text).map(Given::Literal).map_err(E::custom),
                }
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Given<T>, E> {
                T::from_number(number).map(Given::Literal).map_err(E::custom)
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Given<T>, E> {
                let number = i64::try_from(number).map_err(E::custom)?;
                self.visit_i64(number)
            }
        }
        d.deserialize_any(Seen(PhantomData))
    }
}

macro_rules! field {
    ($type:ty, $what:literal, $($pattern:pat => $value:expr),+) => {
        impl Field for $type {
            const WHAT: &'static str = $what;
            fn from_text(text: &str) -> Result<Self, String> {
                Self::try_from(text.to_owned()).map_err(|e| e.to_string())
            }
            fn from_value(value: &ParameterValue) -> Option<Self> {
                match value {
                    $($pattern => $value,)+
                    _ => None,
                }
            }
            fn to_text(&self) -> String {
                self.to_string()
            }
        }
    };
}

field!(FileMode, "a file mode in quotes", ParameterValue::FileMode(mode) => Some(*mode));
field!(UnitName, "a unit", ParameterValue::Unit(word) => word.as_str().parse().ok());
field!(SysctlKey, "a kernel parameter", ParameterValue::SysctlKey(word) => word.as_str().parse().ok());

impl Field for FileTarget {
    const WHAT: &'static str = "an absolute path";
    fn from_text(text: &str) -> Result<Self, String> {
        // An own directory has no literal: the executor alone knows where it is, and only a control's fact names it.
        text.parse().map(Self::Path).map_err(|e: crate::resource::BadResource| e.to_string())
    }
    fn from_value(value: &ParameterValue) -> Option<Self> {
        match value {
            ParameterValue::OwnDirectory(own) => Some(Self::Own(*own)),
            ParameterValue::Path(word) => word.as_str().parse().ok().map(Self::Path),
            _ => None,
        }
    }
    fn to_text(&self) -> String {
        match self {
            Self::Own(own) => own.word().to_owned(),
            Self::Path(path) => path.to_string(),
        }
    }
}

impl Field for i64 {
    const WHAT: &'static str = "a whole number";
    fn from_text(text: &str) -> Result<Self, String> {
        Err(format!("{text:?} is not a whole number"))
    }
    fn from_number(number: i64) -> Result<Self, String> {
        Ok(number)
    }
    fn from_value(value: &ParameterValue) -> Option<Self> {
        match value {
            ParameterValue::Number(number) => Some(*number),
            _ => None,
        }
    }
    fn to_text(&self) -> String {
        self.to_string()
    }
    fn to_number(&self) -> Option<i64> {
        Some(*self)
    }
}

/// `file.restore` as it is written: at least one of `content`, `mode` and `owner`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileRestoreStep {
    /// An own directory or a path.
    pub target: Given<FileTarget>,
    /// All that the file is to hold. At most 8 KiB, fixed in the runbook: no order brings content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// The mode it is to have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Given<FileMode>>,
    /// The owner it is to have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Account>,
    /// The group it is to have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Account>,
    /// What the candidate must pass before it is put in place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validate: Option<Validator>,
}

/// A step about one unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnitStep {
    /// Which.
    pub unit: Given<UnitName>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Step {
    /// [`Verb::UnitRestart`].
    #[serde(rename = "unit.restart")]
    UnitRestart(UnitStep),
    /// [`Verb::UnitStart`].
    #[serde(rename = "unit.start")]
    UnitStart(UnitStep),
    /// [`Verb::UnitStop`].
    #[serde(rename = "unit.stop")]
    UnitStop(UnitStep),
    /// [`Verb::UnitResetFailed`].
    #[serde(rename = "unit.reset-failed")]
    UnitResetFailed(UnitStep),
    /// [`Verb::UnitEnable`].
    #[serde(rename = "unit.enable")]
    UnitEnable(UnitStep),
    /// [`Verb::FileRestore`].
    #[serde(rename = "file.restore")]
    FileRestore(FileRestoreStep),
    /// [`Verb::SysctlRestore`].
    #[serde(rename = "sysctl.restore")]
    SysctlRestore {
        /// Which.
        key: Given<SysctlKey>,
        /// What it is to be.
        value: Given<i64>,
    },
    /// [`Verb::FilesPrune`].
    #[serde(rename = "files.prune")]
    FilesPrune(FilesPrune),
    /// [`Verb::JournalVacuum`].
    #[serde(rename = "journal.vacuum")]
    JournalVacuum {
        /// How much may stay, in MiB.
        keep_mb: u32,
    },
    /// [`Verb::CertRenew`].
    #[serde(rename = "cert.renew")]
    CertRenew(CertRenew),
    /// [`Verb::TimeSync`].
    #[serde(rename = "time.sync")]
    TimeSync {},
    /// [`Verb::UserLock`].
    #[serde(rename = "user.lock")]
    UserLock {
        /// Which accounts.
        which: AccountRule,
    },
    /// [`Verb::FirewallRestore`].
    #[serde(rename = "firewall.restore")]
    FirewallRestore {
        /// The declared rules, as nft reads them.
        ruleset: AbsolutePath,
    },
    /// [`Verb::ProcessLimit`].
    #[serde(rename = "process.limit")]
    ProcessLimit(ProcessLimit),
    /// [`Verb::GenerationSwitch`].
    #[serde(rename = "generation.switch")]
    GenerationSwitch {},
    /// [`Verb::StoreGc`].
    #[serde(rename = "store.gc")]
    StoreGc {
        /// How many generations stay, beside the one that runs and the one that boots.
        keep_generations: u32,
    },
    /// [`Verb::BackupRun`].
    #[serde(rename = "backup.run")]
    BackupRun(UnitStep),
    /// [`Verb::RestoreTest`].
    #[serde(rename = "restore.test")]
    RestoreTest(RestoreTest),
    /// [`Verb::CommandRun`].
    #[serde(rename = "command.run")]
    CommandRun(CommandRun),
    /// [`Verb::Check`].
    #[serde(rename = "check")]
    Check {
        /// Which.
        control: ControlId,
    },
    /// [`Verb::Wait`].
    #[serde(rename = "wait")]
    Wait {
        /// How long.
        ms: u32,
    },
}

/// The values of a runbook's parameters.
pub type Values = std::collections::BTreeMap<ParameterName, ParameterValue>;

/// A parameter that a step needs is missing or of another type. Guardrail 4 refuses it long before.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the parameter {0} is missing or of another type")]
pub struct Unresolved(pub ParameterName);

impl Step {
    /// Its verb.
    pub const fn verb(&self) -> Verb {
        match self {
            Self::UnitRestart(_) => Verb::UnitRestart,
            Self::UnitStart(_) => Verb::UnitStart,
            Self::UnitStop(_) => Verb::UnitStop,
            Self::UnitResetFailed(_) => Verb::UnitResetFailed,
            Self::UnitEnable(_) => Verb::UnitEnable,
            Self::FileRestore(_) => Verb::FileRestore,
            Self::SysctlRestore { .. } => Verb::SysctlRestore,
            Self::FilesPrune(_) => Verb::FilesPrune,
            Self::JournalVacuum { .. } => Verb::JournalVacuum,
            Self::CertRenew(_) => Verb::CertRenew,
            Self::TimeSync {} => Verb::TimeSync,
            Self::UserLock { .. } => Verb::UserLock,
            Self::FirewallRestore { .. } => Verb::FirewallRestore,
            Self::ProcessLimit(_) => Verb::ProcessLimit,
            Self::GenerationSwitch {} => Verb::GenerationSwitch,
            Self::StoreGc { .. } => Verb::StoreGc,
            Self::BackupRun(_) => Verb::BackupRun,
            Self::RestoreTest(_) => Verb::RestoreTest,
            Self::CommandRun(_) => Verb::CommandRun,
            Self::Check { .. } => Verb::Check,
            Self::Wait { .. } => Verb::Wait,
        }
    }

    /// The control that it looks at, where it does no more than that.
    pub const fn looks_at(&self) -> Option<&ControlId> {
        if let Self::Check { control } = self { Some(control) } else { None }
    }

    /// The parameters it uses.
    pub fn references(&self) -> Vec<&ParameterName> {
        let named = match self {
            Self::UnitRestart(s)
            | Self::UnitStart(s)
            | Self::UnitStop(s)
            | Self::UnitResetFailed(s)
            | Self::UnitEnable(s)
            | Self::BackupRun(s) => [s.unit.parameter(), None],
            Self::FileRestore(s) => [s.target.parameter(), s.mode.as_ref().and_then(Given::parameter)],
            Self::SysctlRestore { key, value } => [key.parameter(), value.parameter()],
            Self::FilesPrune(_)
            | Self::JournalVacuum { .. }
            | Self::CertRenew(_)
            | Self::TimeSync {}
            | Self::UserLock { .. }
            | Self::FirewallRestore { .. }
            | Self::ProcessLimit(_)
            | Self::GenerationSwitch {}
            | Self::StoreGc { .. }
            | Self::RestoreTest(_)
            | Self::CommandRun(_)
            | Self::Check { .. }
            | Self::Wait { .. } => [None, None],
        };
        named.into_iter().flatten().collect()
    }

    /// The step with every field known.
    pub fn resolve(&self, values: &Values) -> Result<Action, Unresolved> {
        Ok(match self {
            Self::UnitRestart(s) => Action::UnitRestart(s.unit.resolve(values)?),
            Self::UnitStart(s) => Action::UnitStart(s.unit.resolve(values)?),
            Self::UnitStop(s) => Action::UnitStop(s.unit.resolve(values)?),
            Self::UnitResetFailed(s) => Action::UnitResetFailed(s.unit.resolve(values)?),
            Self::UnitEnable(s) => Action::UnitEnable(s.unit.resolve(values)?),
            Self::FileRestore(s) => Action::FileRestore(FileRestore {
                target: s.target.resolve(values)?,
                content: s.content.clone(),
                mode: s.mode.as_ref().map(|mode| mode.resolve(values)).transpose()?,
                owner: s.owner.clone(),
                group: s.group.clone(),
                validate: s.validate,
            }),
            Self::SysctlRestore { key, value } => {
                Action::SysctlRestore { key: key.resolve(values)?, value: value.resolve(values)? }
            }
            Self::FilesPrune(prune) => Action::FilesPrune(prune.clone()),
            Self::JournalVacuum { keep_mb } => Action::JournalVacuum { keep_mb: *keep_mb },
            Self::CertRenew(renew) => Action::CertRenew(renew.clone()),
            Self::TimeSync {} => Action::TimeSync,
            Self::UserLock { which } => Action::UserLock(*which),
            Self::FirewallRestore { ruleset } => Action::FirewallRestore { ruleset: ruleset.clone() },
            Self::ProcessLimit(limit) => Action::ProcessLimit(limit.clone()),
            Self::GenerationSwitch {} => Action::GenerationSwitch,
            Self::StoreGc { keep_generations } => Action::StoreGc { keep_generations: *keep_generations },
            Self::BackupRun(s) => Action::BackupRun(s.unit.resolve(values)?),
            Self::RestoreTest(test) => Action::RestoreTest(test.clone()),
            Self::CommandRun(command) => Action::CommandRun(command.clone()),
            Self::Check { control } => Action::Check(control.clone()),
            Self::Wait { ms } => Action::Wait { ms: *ms },
        })
    }
}
