//! Records of the hub's own log: who came in, and what was done or refused at its operator plane.

use serde::{Deserialize, Serialize};

use crate::ids::{ApiKeyId, OperatorId, TenantId};
use crate::people::Right;

/// Somebody acted at the operator plane, or was kept from it; or acted on the hub's own machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Acted {
    /// Who; none where nobody was known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<OperatorId>,
    /// Who, as the hub's own machine knows them, where it was done there and not at the plane.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine_user: Option<String>,
    /// The key that was used; none where it was a session, or nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<ApiKeyId>,
    /// What was asked for; none where it was nothing that there is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub right: Option<Right>,
    /// Whose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<TenantId>,
    /// Where: the path, for somebody who is known; on the hub's own machine, the command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What became of it.
    pub stage: Stage,
}

/// How far an act came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Stage {
    /// It is allowed, and is about to be done.
    Begun,
    /// It is over, and will be answered like this.
    Ended {
        /// The HTTP status.
        status: u16,
    },
    /// It was not allowed.
    Refused {
        /// Why.
        why: NotAllowed,
        /// How many refusals of people who are not known this stands for.
        times: u64,
    },
}

/// Why something at the operator plane was not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum NotAllowed {
    /// No credential came, or one that opens nothing: unknown, ended, revoked.
    NotKnown,
    /// The tenant is none of this person's.
    OtherTenant,
    /// The role has no such right.
    Role,
    /// The key was not made for it.
    Key,
    /// It came from another page.
    CrossSite,
    /// It named somebody else.
    OtherPerson,
}

/// Somebody came in, or tried to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoggedIn {
    /// Who, by their own word where they did not come in.
    pub person: OperatorId,
    /// How.
    pub entry: Entry,
}

/// How somebody came in or did not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// With a password, and the second factor where there is one.
    Password,
    /// By an invitation, which is used up.
    Invitation,
    /// By the provider of identities.
    Provider,
    /// The password, the second factor or the account was not right. Which, is not said.
    Refused,
    /// The invitation is none, is used up, or has run out.
    NoInvitation,
}
