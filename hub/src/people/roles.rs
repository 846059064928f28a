//! What a role may: one table, and what has to hold beside it ([why a table](../../../docs/adr/0025-people.md)).

use contract::ids::TenantId;
use contract::people::{Reach, Right, Role};
use contract::time::UtcTime;

use super::identity::Identity;

/// An admin may everything.
const ADMIN: &[Role] = &[Role::MspAdmin];
/// Those who work for tenants.
const STAFF: &[Role] = &[Role::MspAdmin, Role::Technician];
/// Those who take evidence along.
const KEEPERS: &[Role] = &[Role::MspAdmin, Role::Technician, Role::Auditor];
/// Everybody: what is shown is what is within reach, and what is changed is one's own.
const ALL: &[Role] = &Role::ALL;

/// What a right has to do with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    /// One tenant, which then stands in the path.
    Tenant,
    /// The hub, or whoever asks.
    Hub,
}

/// The table: what each right is about, and which roles have it.
const fn line(right: Right) -> (About, &'static [Role]) {
    use About::{Hub, Tenant};
    match right {
        Right::IncidentsRead
        | Right::HostsRead
        | Right::OrdersRead
        | Right::SheetsRead
        | Right::PacketsRead
        | Right::PacketsAcknowledge
        | Right::ExceptionsRead => (Tenant, ALL),
        Right::KitsMake | Right::KitsFetch | Right::EvidenceRead | Right::PacketsMake => (Tenant, KEEPERS),
        Right::SitesAdd
        | Right::EnrolmentsAdd
        | Right::AllowlistsSet
        | Right::ExceptionsSet
        | Right::StandingWithhold
        | Right::BreakGlassCarry
        | Right::RunbooksOrder
        | Right::OrdersApprove
        | Right::QuarantineApprove
        | Right::GenerationsAnnounce => (Tenant, STAFF),
        // Which certificates and enrolments, the store asks: those of tenants within reach.
        Right::CertificatesRevoke | Right::EnrolmentsRead | Right::AlertsRead | Right::AlertsAcknowledge => {
            (Hub, STAFF)
        }
        // What is shown of tenants, the store asks: those within reach.
        Right::TenantsRead
        | Right::LibraryRead
        | Right::StatusRead
        | Right::ApprovalsRead
        | Right::EventsRead
        | Right::HeadsProve
        | Right::HubKeysRead
        | Right::OwnRead
        | Right::OwnChange => (Hub, ALL),
        Right::TenantsAdd
        | Right::ReleasesAdd
        | Right::RulesApprove
        | Right::PeopleRead
        | Right::PeopleChange
        | Right::AuditRead
        | Right::MetricsRead => (Hub, ADMIN),
    }
}

/// Whether a role has a right at all: where, its holder's reach says.
pub(crate) fn may(role: Role, right: Right) -> bool {
    line(right).1.contains(&role)
}

/// Whether a right is about one tenant.
#[cfg(test)]
pub(crate) const fn is_about_a_tenant(right: Right) -> bool {
    match line(right).0 {
        About::Tenant => true,
        About::Hub => false,
    }
}

/// Whether the role of `who` has the right now, for this tenant where it is about one.
pub(crate) fn permit(who: &Identity, right: Right, tenant: Option<&TenantId>, now: UtcTime) -> bool {
    let (about, roles) = line(right);
    let within = match (about, tenant) {
        (About::Tenant, Some(tenant)) => who.reach.holds(tenant),
        (About::Hub, None) => is_wide_enough(who, right),
        // A right about a tenant without one is nobody's, and a tenant does not widen a right that is about none.
        (About::Tenant, None) | (About::Hub, Some(_)) => false,
    };
    roles.contains(&who.role) && within && is_itself(who) && who.until.is_none_or(|until| now < until)
}

/// A key for some tenants opens nothing that is about all of them, whoever made it: people, the hub's own log, what is added to the hub. The
/// metrics are excepted: they are counts, and nobody's names are among them.
fn is_wide_enough(who: &Identity, right: Right) -> bool {
    let is_about_all = line(right).1 == ADMIN && right != Right::MetricsRead;
    who.key.is_none() || !is_about_all || who.reach == Reach::Everywhere
}

/// Whether the role has the bounds without which it is none: a viewer's and an auditor's tenants are named, and an auditor has an end. No account is made
/// otherwise; one that the database holds all the same may nothing.
const fn is_itself(who: &Identity) -> bool {
    match (who.role, &who.reach, who.until) {
        (Role::MspAdmin | Role::Technician, _, _)
        | (Role::ClinicViewer, Reach::Tenants(_), _)
        | (Role::Auditor, Reach::Tenants(_), Some(_)) => true,
        (Role::ClinicViewer | Role::Auditor, Reach::Everywhere, _) | (Role::Auditor, _, None) => false,
    }
}

#[cfg(test)]
mod tests;
