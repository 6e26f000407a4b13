//! What can happen to a user.

use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

use crate::{Email, FullName, Role};

/// An event of a user's stream. The tag is the event type, which is also the routing key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum UserEvent {
    /// The user was registered.
    #[serde(rename = "user.created")]
    Created {
        /// Name as shown.
        full_name: FullName,
        /// Address for mail, if given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        email: Option<Email>,
    },
    /// Name and e-mail address as they are from now on.
    #[serde(rename = "user.profile.updated")]
    ProfileUpdated {
        /// Name as shown.
        full_name: FullName,
        /// Address for mail; absent when the user has none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        email: Option<Email>,
    },
    /// The user was given a role.
    #[serde(rename = "user.roles.granted")]
    RoleGranted {
        /// The role.
        role: Role,
    },
    /// A role was taken from the user.
    #[serde(rename = "user.roles.revoked")]
    RoleRevoked {
        /// The role.
        role: Role,
    },
    /// The user logged in.
    #[serde(rename = "user.logged_in")]
    LoggedIn {},
    /// The user was deleted; the last event of the stream.
    #[serde(rename = "user.deleted")]
    Deleted {},
}

impl DomainEvent for UserEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Created { .. } => "user.created",
            Self::ProfileUpdated { .. } => "user.profile.updated",
            Self::RoleGranted { .. } => "user.roles.granted",
            Self::RoleRevoked { .. } => "user.roles.revoked",
            Self::LoggedIn {} => "user.logged_in",
            Self::Deleted {} => "user.deleted",
        }
        .into()
    }

    fn event_version(&self) -> String {
        "1".into()
    }
}
