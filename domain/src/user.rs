//! A user of the platform: registered once, with a profile and roles, until deleted.

mod command;
mod error;
mod event;

use std::collections::BTreeSet;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

pub use command::UserCommand;
pub use error::UserError;
pub use event::UserEvent;

use crate::{Email, FullName, Role};

/// A user as the history of its stream has made it.
///
/// ```text
/// unregistered ──created──▶ registered ──deleted──▶ deleted
///                            profile, roles, logins: any number of times
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct User {
    state: State,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
enum State {
    #[default]
    Unregistered,
    Registered(Account),
    /// Keeps nothing of the person.
    Deleted,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Account {
    full_name: FullName,
    email: Option<Email>,
    roles: BTreeSet<Role>,
}

impl User {
    /// Gives the present name; `None` before registration and after deletion.
    #[must_use]
    pub fn full_name(&self) -> Option<&FullName> {
        self.account().map(|account| &account.full_name)
    }

    /// Gives the present e-mail address; `None` also when the user has none.
    #[must_use]
    pub fn email(&self) -> Option<&Email> {
        self.account().and_then(|account| account.email.as_ref())
    }

    /// Gives the roles held; none before registration and after deletion.
    #[must_use]
    pub fn roles(&self) -> &BTreeSet<Role> {
        static NONE: BTreeSet<Role> = BTreeSet::new();
        self.account().map_or(&NONE, |account| &account.roles)
    }

    fn account(&self) -> Option<&Account> {
        match &self.state {
            State::Registered(account) => Some(account),
            State::Unregistered | State::Deleted => None,
        }
    }

    fn decide(&self, command: UserCommand) -> Result<Vec<UserEvent>, UserError> {
        match &self.state {
            State::Unregistered => decide_unregistered(command),
            State::Registered(account) => account.decide(command),
            State::Deleted => Err(UserError::Deleted),
        }
    }
}

fn decide_unregistered(command: UserCommand) -> Result<Vec<UserEvent>, UserError> {
    match command {
        UserCommand::Register { full_name, email } => Ok(vec![UserEvent::Created { full_name, email }]),
        UserCommand::SetProfile {
            full_name: Some(full_name),
            email,
        } => Ok(vec![
            UserEvent::Created {
                full_name: full_name.clone(),
                email: email.clone(),
            },
            UserEvent::ProfileUpdated { full_name, email },
        ]),
        UserCommand::SetProfile { full_name: None, .. }
        | UserCommand::UpdateProfile { .. }
        | UserCommand::GrantRole { .. }
        | UserCommand::RevokeRole { .. }
        | UserCommand::RecordLogin
        | UserCommand::Delete => Err(UserError::NotFound),
    }
}

impl Account {
    fn decide(&self, command: UserCommand) -> Result<Vec<UserEvent>, UserError> {
        match command {
            UserCommand::Register { .. } => Err(UserError::AlreadyExists),
            UserCommand::SetProfile { full_name, email } | UserCommand::UpdateProfile { full_name, email } => {
                Ok(self.update_profile(full_name, email))
            }
            UserCommand::GrantRole { role } if self.roles.contains(&role) => Ok(vec![]),
            UserCommand::GrantRole { role } => Ok(vec![UserEvent::RoleGranted { role }]),
            UserCommand::RevokeRole { role } if self.roles.contains(&role) => Ok(vec![UserEvent::RoleRevoked { role }]),
            UserCommand::RevokeRole { .. } => Ok(vec![]),
            UserCommand::RecordLogin => Ok(vec![UserEvent::LoggedIn {}]),
            UserCommand::Delete => Ok(vec![UserEvent::Deleted {}]),
        }
    }

    fn update_profile(&self, full_name: Option<FullName>, email: Option<Email>) -> Vec<UserEvent> {
        let full_name = full_name.unwrap_or_else(|| self.full_name.clone());
        let email = email.or_else(|| self.email.clone());
        if full_name == self.full_name && email == self.email {
            return vec![];
        }
        vec![UserEvent::ProfileUpdated { full_name, email }]
    }

    fn apply(&mut self, event: UserEvent) {
        match event {
            UserEvent::ProfileUpdated { full_name, email } => {
                self.full_name = full_name;
                self.email = email;
            }
            UserEvent::RoleGranted { role } => {
                self.roles.insert(role);
            }
            UserEvent::RoleRevoked { role } => {
                self.roles.remove(&role);
            }
            // Of the account nothing changes with a login; the first and the last event are the state's, not its own.
            UserEvent::LoggedIn {} | UserEvent::Created { .. } | UserEvent::Deleted {} => {}
        }
    }
}

impl Aggregate for User {
    const TYPE: &'static str = "user";
    type Command = UserCommand;
    type Event = UserEvent;
    type Error = UserError;
    type Services = ();

    async fn handle(&mut self, command: UserCommand, (): &(), sink: &EventSink<Self>) -> Result<(), UserError> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    /// Never fails: an event that does not fit the state, which no command can have written, changes nothing.
    fn apply(&mut self, event: UserEvent) {
        match (&mut self.state, event) {
            (State::Unregistered, UserEvent::Created { full_name, email }) => {
                self.state = State::Registered(Account {
                    full_name,
                    email,
                    roles: BTreeSet::new(),
                });
            }
            (State::Registered(_), UserEvent::Deleted {}) => self.state = State::Deleted,
            (State::Registered(account), event) => account.apply(event),
            (State::Unregistered | State::Deleted, _) => {}
        }
    }
}
