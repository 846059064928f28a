//! Who is logged in, and what comes of it by type.

use std::collections::BTreeSet;
use std::ops::Deref;

use contract::ids::{ApiKeyId, OperatorId, TenantId};
use contract::people::{Reach, Right, Role};
use contract::record::NotAllowed;
use contract::time::UtcTime;

use super::roles::permit;

/// Somebody whose credential was good. Only the store of accounts makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(super) person: OperatorId,
    pub(super) role: Role,
    pub(super) reach: Reach,
    pub(super) until: Option<UtcTime>,
    /// The key that was used, and what it is good for; none where it was a session.
    pub(super) key: Option<(ApiKeyId, BTreeSet<Right>)>,
}

impl Identity {
    /// Who.
    pub(crate) const fn person(&self) -> &OperatorId {
        &self.person
    }

    /// The key that was used.
    pub(crate) fn key(&self) -> Option<&ApiKeyId> {
        self.key.as_ref().map(|(id, _)| id)
    }

    pub(crate) const fn role(&self) -> Role {
        self.role
    }

    pub(crate) const fn reach(&self) -> &Reach {
        &self.reach
    }

    pub(crate) const fn until(&self) -> Option<UtcTime> {
        self.until
    }

    /// Whether a right may be made use of, for this tenant where it is about one. A tenant out of reach is refused as such whatever the right is: whoever
    /// asks is told that there is none.
    pub(crate) fn admit(
        self,
        right: Right,
        tenant: Option<&TenantId>,
        now: UtcTime,
    ) -> Result<Granted, NotAllowed> {
        let refused = match tenant {
            Some(tenant) if !self.reach.holds(tenant) => Some(NotAllowed::OtherTenant),
            _ if !permit(&self, right, tenant, now) => Some(NotAllowed::Role),
            _ if self.key.as_ref().is_some_and(|(_, rights)| !rights.contains(&right)) => {
                Some(NotAllowed::Key)
            }
            _ => None,
        };
        match refused {
            Some(why) => Err(why),
            None => Ok(Granted { identity: self }),
        }
    }
}

/// An identity that was admitted. Only [`Identity::admit`] makes one.
#[derive(Debug, Clone)]
pub(crate) struct Granted {
    identity: Identity,
}

impl Granted {
    /// Who.
    pub(crate) const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The tenant, where it is within reach.
    pub(crate) fn scope(&self, tenant: TenantId) -> Option<Scope<TenantId>> {
        self.identity.reach.holds(&tenant).then_some(Scope(tenant))
    }

    /// Everything that is within reach.
    pub(crate) fn reach(&self) -> Scope<Reach> {
        Scope(self.identity.reach.clone())
    }
}

/// Something that whoever is logged in may have to do with: a tenant, all tenants within reach, a host that was looked up among a tenant's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scope<T>(T);

impl<T> Scope<T> {
    /// What was found within this scope by a question that names it: for the store alone.
    #[expect(clippy::unused_self, reason = "that there is a scope is what counts")]
    pub(crate) fn holding<U>(&self, found: U) -> Scope<U> {
        Scope(found)
    }

    /// What whoever sits at the hub's own machine, with its directory and its lock, has to do with: anything.
    pub(crate) const fn at_the_machine(value: T) -> Self {
        Self(value)
    }

    /// For tests of the store.
    #[cfg(test)]
    pub(crate) const fn of_a_test(value: T) -> Self {
        Self(value)
    }
}

impl<T> Deref for Scope<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(role: Role, tenants: &[&str], rights: Option<&[Right]>) -> Identity {
        Identity {
            person: "ada".parse().unwrap(),
            role,
            reach: Reach::Tenants(tenants.iter().map(|t| t.parse().unwrap()).collect()),
            until: None,
            key: rights.map(|rights| ("k-1".parse().unwrap(), rights.iter().copied().collect())),
        }
    }

    #[test]
    fn another_tenant_is_no_tenant_whatever_the_right_is() {
        let now = edge::clock::utc();
        let (own, other) = ("a".parse().unwrap(), "b".parse().unwrap());
        for role in [Role::Technician, Role::ClinicViewer, Role::Auditor] {
            for right in Right::ALL {
                let refused = identity(role, &["a"], None).admit(*right, Some(&other), now).unwrap_err();
                assert_eq!(refused, NotAllowed::OtherTenant, "{role:?} {right:?}");
            }
        }
        let granted = identity(Role::Technician, &["a"], None).admit(Right::SitesAdd, Some(&own), now);
        let granted = granted.unwrap();
        assert!(granted.scope(own).is_some() && granted.scope(other).is_none());
    }

    #[test]
    fn a_key_is_good_for_what_it_was_made_for_and_never_for_more_than_its_owner() {
        let (now, tenant) = (edge::clock::utc(), "a".parse().unwrap());
        let rights: &[Right] = &[Right::IncidentsRead, Right::SitesAdd];
        let ask = |role, right| identity(role, &["a"], Some(rights)).admit(right, Some(&tenant), now);
        assert!(ask(Role::Technician, Right::SitesAdd).is_ok());
        assert_eq!(ask(Role::Technician, Right::EnrolmentsAdd).unwrap_err(), NotAllowed::Key);
        assert!(ask(Role::ClinicViewer, Right::IncidentsRead).is_ok());
        assert_eq!(ask(Role::ClinicViewer, Right::SitesAdd).unwrap_err(), NotAllowed::Role);
    }
}
