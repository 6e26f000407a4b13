//! What may be asked of a user.

use crate::{Email, FullName, Role};

/// A command to a user's stream.
#[derive(Clone, Debug, PartialEq)]
pub enum UserCommand {
    /// Registers a new user.
    Register {
        /// Name as shown.
        full_name: FullName,
        /// Address for mail, if given.
        email: Option<Email>,
    },
    /// Changes the profile of a registered user; what is absent stays as it is.
    UpdateProfile {
        /// The new name.
        full_name: Option<FullName>,
        /// The new address for mail.
        email: Option<Email>,
    },
    /// Changes the profile, what is absent staying as it is; an unknown user is registered by it and needs a name.
    ///
    /// The registration writes `user.created` and `user.profile.updated`, so that who listens to `user.profile.*`
    /// hears of the profile either way.
    SetProfile {
        /// The new name.
        full_name: Option<FullName>,
        /// The new address for mail.
        email: Option<Email>,
    },
    /// Gives the user a role; one already held changes nothing.
    GrantRole {
        /// The role.
        role: Role,
    },
    /// Takes a role from the user; one not held changes nothing.
    RevokeRole {
        /// The role.
        role: Role,
    },
    /// Records that the user logged in.
    RecordLogin,
    /// Deletes the user for ever.
    Delete,
}
