//! Grants: what is signed ahead of need. A standing order lets a site heal itself while the hub cannot be reached; break-glass lets a named person
//! act where the site's mode or window would not, for a few hours. Both are parsed from signed bytes only.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::digest::Digest;
use crate::dsse::Signed;
use crate::ids::{GrantId, HostId, OperatorId, RunbookId, SiteId, TenantId};
use crate::time::UtcTime;

/// How long a standing order is good for by default: 7 days.
pub const STANDING_LIFETIME_MS: u64 = 7 * 24 * 60 * 60 * 1000;
/// The longest a standing order may be good for: 31 days.
pub const STANDING_LIFETIME_MAX_MS: u64 = 31 * 24 * 60 * 60 * 1000;
/// How long the hub must have been silent before a standing order counts: 5 minutes.
pub const SILENCE_MS: u64 = 5 * 60 * 1000;
/// The longest that break-glass lasts: 4 hours.
pub const BREAK_GLASS_MAX_MS: u64 = 4 * 60 * 60 * 1000;

/// A hub's expiring grant of a rule table and of runbooks that disturb nobody. It names digests: the bytes come beside it and are checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StandingOrder {
    /// Its id.
    pub grant: GrantId,
    /// For this tenant,
    pub tenant: TenantId,
    /// this site,
    pub site: SiteId,
    /// this host.
    pub host: HostId,
    /// The catalogue that its runbooks are in.
    pub catalogue_digest: Digest,
    /// The rule table that decides.
    pub rules_digest: Digest,
    /// What it grants. Empty: the grant before is taken back.
    pub runbooks: Vec<RunbookId>,
    /// Strictly rising for each host, apart from the orders' counter.
    pub counter: u64,
    /// When it was signed.
    pub issued: UtcTime,
    /// When it stops being good.
    pub expires: UtcTime,
}

/// A named person's grant to act where mode or window would not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BreakGlassGrant {
    /// Its id.
    pub grant: GrantId,
    /// For this tenant,
    pub tenant: TenantId,
    /// this site,
    pub site: SiteId,
    /// this host.
    pub host: HostId,
    /// Who asks; the signature must be this person's.
    pub person: OperatorId,
    /// Why.
    pub reason: Reason,
    /// When it begins.
    pub from: UtcTime,
    /// When it ends.
    pub until: UtcTime,
    /// Strictly rising for each host.
    pub counter: u64,
}

impl StandingOrder {
    /// Parses it out of signed bytes. The error is the column at which they stop making sense.
    pub fn from_signed(signed: &Signed) -> Result<Self, u32> {
        serde_json::from_slice(signed.payload()).map_err(|e| u32::try_from(e.column()).unwrap_or(u32::MAX))
    }
}

impl BreakGlassGrant {
    /// Parses it out of signed bytes. The error is the column at which they stop making sense.
    pub fn from_signed(signed: &Signed) -> Result<Self, u32> {
        serde_json::from_slice(signed.payload()).map_err(|e| u32::try_from(e.column()).unwrap_or(u32::MAX))
    }
}

/// The least that a reason says, in characters.
pub const REASON_MIN: usize = 20;
/// The most.
pub const REASON_MAX: usize = 200;

/// A person's reason, in one line of 20 to 200 printable characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Reason(String);

/// Why a string is not a reason.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "a reason is one line of {REASON_MIN} to {REASON_MAX} printable characters, and this has {0} that count"
)]
pub struct BadReason(usize);

impl Reason {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Reason {
    type Error = BadReason;
    fn try_from(s: String) -> Result<Self, BadReason> {
        // Blanks at the ends, and a run of one character, are no reason.
        let characters = s.trim().chars().count();
        let distinct = s.chars().collect::<std::collections::BTreeSet<_>>().len();
        let plain = s.trim() == s && !s.chars().any(char::is_control) && distinct >= 5;
        if plain && (REASON_MIN..=REASON_MAX).contains(&characters) {
            Ok(Self(s))
        } else {
            Err(BadReason(if plain { characters } else { 0 }))
        }
    }
}

impl From<Reason> for String {
    fn from(r: Reason) -> String {
        r.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_says_something() {
        let is = |s: &str| Reason::try_from(s.to_owned()).is_ok();
        assert!(is("the lab's analyser is down"));
        for bad in [
            "",
            "because",
            "aaaaaaaaaaaaaaaaaaaaaaaa",
            "                        ",
            "short of twenty chrs",
            "two lines\nof a longer text",
        ] {
            assert_eq!(is(bad), bad == "short of twenty chrs", "{bad:?}");
        }
        assert!(!is(&"a reason ".repeat(30)));
    }
}
