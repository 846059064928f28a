//! Where messages stand: one subject for each site of each tenant.

use std::fmt;

use contract::ids::{SiteId, TenantId};

/// A site's incidents. Its text is `tenants.<tenant>.sites.<site>.incidents`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject {
    tenant: TenantId,
    site: SiteId,
}

impl Subject {
    /// The subject of this site of this tenant.
    pub const fn new(tenant: TenantId, site: SiteId) -> Self {
        Self { tenant, site }
    }

    /// Whose it is.
    pub const fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// Where.
    pub const fn site(&self) -> &SiteId {
        &self.site
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&contract::incident::subject(&self.tenant, &self.site))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_names_one_site_of_one_tenant() {
        let subject = Subject::new("clinic-7".parse().unwrap(), "main".parse().unwrap());
        assert_eq!(subject.to_string(), "tenants.clinic-7.sites.main.incidents");
        for wild in ["*", ">", "a.b", "a b", ""] {
            assert!(wild.parse::<TenantId>().is_err(), "{wild:?} would reach another tenant");
        }
    }
}
