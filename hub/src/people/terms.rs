//! How long things last, and which roles there can be.

use contract::people::{Reach, Role};
use contract::time::UtcTime;
use thiserror::Error;

/// A session that nobody uses ends after this.
pub(crate) const IDLE_MS: u64 = 30 * 60 * 1000;
/// A session ends after this however it is used.
pub(crate) const SESSION_MS: u64 = 12 * 60 * 60 * 1000;
/// An invitation is good for this long.
const INVITED_MS: u64 = 60 * 60 * 1000;
/// After a rotation the key before is good for this long.
pub(crate) const OVERLAP_MS: u64 = 24 * 60 * 60 * 1000;
/// The longest time of an auditor.
const AUDIT_MS_MAX: u64 = 90 * DAY_MS;
/// The most days of a key.
pub(crate) const KEY_DAYS_MAX: u16 = 366;
pub(crate) const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// Why a role cannot be given like this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum Unfit {
    /// An admin of some tenants.
    #[error("an MSP admin is one everywhere: give another role, or `everywhere`")]
    AdminOfSome,
    /// A viewer or auditor of everything.
    #[error("a clinic viewer and an auditor are so for tenants that are named: name at least one")]
    Boundless,
    /// An auditor without an end.
    #[error("an auditor has an end, within 90 days from now: name it with `until`")]
    Endless,
    /// An end that has passed.
    #[error("the end that is named has passed")]
    Over,
}

/// Until when an invitation can be used.
pub(crate) fn invited_until(now: UtcTime) -> UtcTime {
    now.plus_ms(INVITED_MS)
}

/// When a session that began at `begun` and was last used at `seen` is over.
pub(crate) fn session_ends(begun: UtcTime, seen: UtcTime) -> UtcTime {
    begun.plus_ms(SESSION_MS).min(seen.plus_ms(IDLE_MS))
}

/// When a key of so many days ends; none where that is not a time that a key has.
pub(crate) fn key_until(days: u16, now: UtcTime) -> Option<UtcTime> {
    (1..=KEY_DAYS_MAX).contains(&days).then(|| now.plus_ms(u64::from(days) * DAY_MS))
}

/// Whether there can be such a role.
pub(crate) fn fit(role: Role, reach: &Reach, until: Option<UtcTime>, now: UtcTime) -> Result<(), Unfit> {
    if until.is_some_and(|until| until <= now) {
        return Err(Unfit::Over);
    }
    let named = matches!(reach, Reach::Tenants(tenants) if !tenants.is_empty());
    match role {
        Role::MspAdmin if *reach != Reach::Everywhere => Err(Unfit::AdminOfSome),
        Role::ClinicViewer | Role::Auditor if !named => Err(Unfit::Boundless),
        Role::Auditor if until.is_none_or(|until| until > now.plus_ms(AUDIT_MS_MAX)) => Err(Unfit::Endless),
        Role::MspAdmin | Role::Technician | Role::ClinicViewer | Role::Auditor => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> UtcTime {
        UtcTime::from_unix_ms(1_800_000_000_000).unwrap().plus_ms(ms)
    }

    #[test]
    fn a_session_ends_when_it_idles_and_when_it_is_old() {
        assert_eq!(session_ends(at(0), at(0)), at(IDLE_MS));
        assert_eq!(session_ends(at(0), at(SESSION_MS - 1)), at(SESSION_MS));
    }

    #[test]
    fn an_auditor_has_an_end_and_an_admin_no_bounds() {
        let some = Reach::Tenants(["a".parse().unwrap()].into());
        let none = Reach::Tenants([].into());
        let ask = |role, reach: &Reach, until| fit(role, reach, until, at(0));
        assert_eq!(ask(Role::Auditor, &some, None), Err(Unfit::Endless));
        assert_eq!(ask(Role::Auditor, &some, Some(at(AUDIT_MS_MAX + 1))), Err(Unfit::Endless));
        assert_eq!(ask(Role::Auditor, &some, Some(at(AUDIT_MS_MAX))), Ok(()));
        assert_eq!(ask(Role::Auditor, &Reach::Everywhere, Some(at(1))), Err(Unfit::Boundless));
        assert_eq!(ask(Role::ClinicViewer, &none, None), Err(Unfit::Boundless));
        assert_eq!(ask(Role::MspAdmin, &some, None), Err(Unfit::AdminOfSome));
        assert_eq!(ask(Role::Technician, &some, Some(at(0))), Err(Unfit::Over));
    }
}
