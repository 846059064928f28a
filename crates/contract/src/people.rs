//! People at the hub's operator plane: what they are, what they may, and the messages by which they come in.
//!
//! A right is a closed word, so that a key can be narrowed to some of them and a record can name the one that was used. Nothing here decides who has
//! which: the hub does.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::ids::{ApiKeyId, OperatorId, TenantId};
use crate::time::UtcTime;

/// What somebody is at the hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Runs the hub: tenants, people, everything.
    MspAdmin,
    /// Looks after tenants.
    Technician,
    /// Reads what concerns the own clinic.
    ClinicViewer,
    /// Reads evidence, until a day that was set.
    Auditor,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::MspAdmin, Self::Technician, Self::ClinicViewer, Self::Auditor];

    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::MspAdmin => "msp-admin",
            Self::Technician => "technician",
            Self::ClinicViewer => "clinic-viewer",
            Self::Auditor => "auditor",
        }
    }
}

macro_rules! rights {
    ($($(#[$doc:meta])* $name:ident = $word:literal),+ $(,)?) => {
        /// One thing that can be done at the operator plane.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Right {
            $($(#[$doc])* #[serde(rename = $word)] $name),+
        }

        impl Right {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Its word.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$name => $word),+
                }
            }
        }
    };
}

rights! {
    /// Add a tenant.
    TenantsAdd = "tenants-add",
    /// Add a site of a tenant.
    SitesAdd = "sites-add",
    /// Make an enrolment sheet.
    EnrolmentsAdd = "enrolments-add",
    /// Set what the hosts of a site, or one host, may have.
    AllowlistsSet = "allowlists-set",
    /// Set which failures a tenant accepts.
    ExceptionsSet = "exceptions-set",
    /// Read a tenant's incidents.
    IncidentsRead = "incidents-read",
    /// Withhold standing orders, or no longer do.
    StandingWithhold = "standing-withhold",
    /// Have a break-glass grant carried to a host.
    BreakGlassCarry = "break-glass-carry",
    /// Order a runbook for an incident.
    RunbooksOrder = "runbooks-order",
    /// Read the orders that wait.
    OrdersRead = "orders-read",
    /// Hand in a signature for an order.
    OrdersApprove = "orders-approve",
    /// Read how hosts stand.
    StatusRead = "status-read",
    /// Follow what happens, as it happens.
    EventsRead = "events-read",
    /// Read how a site's machines stand, control by control.
    HostsRead = "hosts-read",
    /// Read which orders wait on their machines, and what they would do.
    ApprovalsRead = "approvals-read",
    /// Read the records of a machine's evidence, with their proofs.
    EvidenceRead = "evidence-read",
    /// Fetch a proof out of the log of heads.
    HeadsProve = "heads-prove",
    /// Read the hub's public keys.
    HubKeysRead = "hub-keys-read",
    /// Have a kit made.
    KitsMake = "kits-make",
    /// Fetch a kit.
    KitsFetch = "kits-fetch",
    /// Read a tenant's packets.
    PacketsRead = "packets-read",
    /// Have a packet made, corrected or previewed.
    PacketsMake = "packets-make",
    /// Say that one has read a packet.
    PacketsAcknowledge = "packets-acknowledge",
    /// Read a machine's installation sheet.
    SheetsRead = "sheets-read",
    /// Revoke a machine's certificate.
    CertificatesRevoke = "certificates-revoke",
    /// Approve what runs on a machine that is in quarantine.
    QuarantineApprove = "quarantine-approve",
    /// Announce a generation that a tenant's machines are going to run.
    GenerationsAnnounce = "generations-announce",
    /// Load the list of released programs.
    ReleasesAdd = "releases-add",
    /// Read the alerts within reach.
    AlertsRead = "alerts-read",
    /// Say that one looks after an alert.
    AlertsAcknowledge = "alerts-acknowledge",
    /// Read the hub's metrics.
    MetricsRead = "metrics-read",
    /// Read who there is.
    PeopleRead = "people-read",
    /// Invite, change and disable people.
    PeopleChange = "people-change",
    /// Read which tenants and sites there are, within reach.
    TenantsRead = "tenants-read",
    /// Read which hosts wait for their machine.
    EnrolmentsRead = "enrolments-read",
    /// Read which failures a tenant accepts.
    ExceptionsRead = "exceptions-read",
    /// Read the runbooks and the baseline that are handed out.
    LibraryRead = "library-read",
    /// Read what runs teach, and approve a change of the rules.
    RulesApprove = "rules-approve",
    /// Read the hub's own log.
    AuditRead = "audit-read",
    /// Read one's own keys.
    OwnRead = "own-read",
    /// Change one's own credentials.
    OwnChange = "own-change",
}

crate::schema::words!(Right, Right::ALL.iter().map(|right| right.word()));

/// Which tenants somebody has to do with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Reach {
    /// All of them, those that are added later too.
    Everywhere,
    /// These.
    Tenants(BTreeSet<TenantId>),
}

impl Reach {
    /// Whether the tenant is among them.
    pub fn holds(&self, tenant: &TenantId) -> bool {
        match self {
            Self::Everywhere => true,
            Self::Tenants(tenants) => tenants.contains(tenant),
        }
    }

    /// Those that are in both.
    #[must_use]
    pub fn within(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Everywhere, both) | (both, Self::Everywhere) => both.clone(),
            (Self::Tenants(a), Self::Tenants(b)) => Self::Tenants(a.intersection(b).cloned().collect()),
        }
    }
}

/// `POST /api/v1/join`: an invitation is used, once. The first one of a hub names nobody: whoever holds it chooses the name.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Join {
    /// What the link holds.
    pub secret: String,
    /// Who.
    pub person: OperatorId,
    /// The password that is to count from now on.
    pub password: String,
}

/// `POST /api/v1/login`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// Who.
    pub person: OperatorId,
    /// The password.
    pub password: String,
    /// The six digits, where the account asks for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// The answer to both. A browser is given the same as a cookie.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SessionOpened {
    /// What opens the operator plane, as `Authorization: Bearer`.
    pub session: String,
    /// What has to come with every change that a browser makes, as `X-Suture-Csrf`.
    pub csrf: String,
    /// When it ends, however it is used.
    pub until: UtcTime,
}

/// `POST /api/v1/oidc`: a login at the provider of identities; with an invitation, the account is bound to whoever the provider says it is.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct OidcBegin {
    /// Where somebody comes in for the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invitation: Option<Invitation>,
}

/// An invitation, and for whom.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Invitation {
    /// What the link holds.
    pub secret: String,
    /// Who.
    pub person: OperatorId,
}

/// Its answer.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct OidcBegun {
    /// Where the browser goes. It comes back by itself.
    pub authorize: String,
}

/// `POST /api/v1/people`: an invitation for somebody, new or known. A known person's password and second factor are set anew by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewPerson {
    /// Who.
    pub person: OperatorId,
    /// As what.
    pub role: Role,
    /// For which tenants.
    pub reach: Reach,
    /// Until when. An auditor has an end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<UtcTime>,
}

/// Its answer. It is shown once.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Invited {
    /// What [`Join::secret`] must be.
    pub secret: String,
    /// Until when it can be used.
    pub until: UtcTime,
}

/// `POST /api/v1/people/<person>/role`. It ends the person's sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RoleChange {
    /// As what.
    pub role: Role,
    /// For which tenants.
    pub reach: Reach,
    /// Until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<UtcTime>,
}

/// `POST /api/v1/people/<person>/disabled`. True ends the person's sessions, and keys open nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Disabling {
    /// Whether the account is closed.
    pub disabled: bool,
}

/// One person, as `GET /api/v1/people` lists them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PersonView {
    /// Who.
    pub person: OperatorId,
    /// As what.
    pub role: Role,
    /// For which tenants.
    pub reach: Reach,
    /// Until when.
    pub until: Option<UtcTime>,
    /// Whether the account is closed.
    pub disabled: bool,
    /// Whether a second factor is asked for.
    pub second_factor: bool,
    /// How many keys that were not revoked.
    pub keys: u32,
}

/// Who asks, as `GET /api/v1/me` says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct MeView {
    /// Who.
    pub person: OperatorId,
    /// As what.
    pub role: Role,
    /// For which tenants: of a key, those that it was made for and that its owner has to do with.
    pub reach: Reach,
    /// Until when; none where no end was set.
    pub until: Option<UtcTime>,
    /// The key that asks; none where it is a session.
    pub key: Option<ApiKeyId>,
}

/// `POST /api/v1/me/keys`: a key of one's own. It never opens more than its owner may at the time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewKey {
    /// For which tenants.
    pub reach: Reach,
    /// For what.
    pub rights: BTreeSet<Right>,
    /// For how many days, at most a year.
    #[cfg_attr(feature = "schema", schema(minimum = 1, maximum = 366))]
    #[serde(deserialize_with = "whole")]
    pub days: u16,
}

/// A whole number, however it is written: to JSON, `7` and `7.0` are the same.
fn whole<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    let number = f64::deserialize(deserializer)?;
    if number.fract() != 0.0 || !(0.0..=f64::from(u16::MAX)).contains(&number) {
        return Err(serde::de::Error::custom("it is not a whole number of days"));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it was looked at just now")]
    let days = number as u16;
    Ok(days)
}

/// Its answer, and that of a rotation. The key is shown once.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct KeyMade {
    /// Its name.
    pub id: ApiKeyId,
    /// What opens the operator plane, as `Authorization: Bearer`.
    pub key: String,
    /// When it ends.
    pub until: UtcTime,
    /// Until when the one before it still opens, after a rotation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_until: Option<UtcTime>,
}

/// One key, as `GET /api/v1/me/keys` lists them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct KeyView {
    /// Its name.
    pub id: ApiKeyId,
    /// For which tenants.
    pub reach: Reach,
    /// For what.
    pub rights: BTreeSet<Right>,
    /// When it ends.
    pub until: UtcTime,
    /// Whether it was revoked.
    pub revoked: bool,
}

/// The answer to `POST /api/v1/me/totp`: a second factor that counts once a code from it was seen.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SecondFactor {
    /// The secret, in base 32.
    pub secret: String,
    /// The same for a camera.
    pub uri: String,
    /// What a camera is shown: an SVG.
    pub drawing: String,
}

/// `POST /api/v1/me/totp/confirm`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Code {
    /// The six digits.
    pub code: String,
}

/// An error of the operator plane: RFC 9457, `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ProblemDetails {
    /// `about:blank`: the status says what kind of problem it is.
    pub r#type: String,
    /// The status in words.
    pub title: String,
    /// The status.
    pub status: u16,
    /// What went wrong, whose fault it is and what to do next.
    pub detail: String,
    /// This very answer: the hub's own messages about it name it too.
    pub instance: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(tenants: &[&str]) -> Reach {
        Reach::Tenants(tenants.iter().map(|t| t.parse().unwrap()).collect())
    }

    #[test]
    fn what_is_within_two_reaches_is_in_both() {
        let (a, b) = (some(&["a", "b"]), some(&["b", "c"]));
        assert_eq!(a.within(&b), some(&["b"]));
        assert_eq!(Reach::Everywhere.within(&b), b);
        assert_eq!(b.within(&Reach::Everywhere), b);
        assert!(!some(&[]).holds(&"a".parse().unwrap()));
    }

    #[test]
    fn a_key_is_made_for_whole_days() {
        let read = |days: &str| {
            let text = format!(r#"{{"reach":"everywhere","rights":[],"days":{days}}}"#);
            serde_json::from_str::<NewKey>(&text).map(|new| new.days).ok()
        };
        assert_eq!((read("7"), read("7.0"), read("65535")), (Some(7), Some(7), Some(65535)));
        for bad in ["7.5", "-1", "65536", "\"7\"", "null", "1e30"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_word_is_the_same_on_the_wire() {
        for right in Right::ALL {
            assert_eq!(serde_json::to_value(right).unwrap(), right.word());
        }
        for role in Role::ALL {
            assert_eq!(serde_json::to_value(role).unwrap(), role.word());
        }
    }
}
