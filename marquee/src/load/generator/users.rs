//! Commands about users.

use std::collections::BTreeSet;

use domain::Role;
use reqwest::Method;
use serde_json::json;

use super::Generator;
use crate::load::command::Command;
use crate::load::subject::{Subject, User};
use crate::load::words::{any, full_name};

impl Generator {
    pub(super) fn register_user(&mut self) -> Command {
        let id = self.new_id();
        let body = json!({"id": id, "full_name": full_name(&mut self.rng), "email": email(&id, 0)});
        let user = User {
            id,
            revision: 0,
            roles: BTreeSet::new(),
        };
        self.command(
            (Method::POST, "/users".to_owned(), Some(body)),
            vec![],
            vec![Subject::User(user)],
        )
    }

    pub(super) fn set_profile(&mut self) -> Command {
        let Some(user) = self.users.take(&mut self.rng) else {
            return self.register_user();
        };
        let revision = user.revision + 1;
        let body = json!({"full_name": full_name(&mut self.rng), "email": email(&user.id, revision)});
        let request = (Method::POST, format!("/users/{}", user.id), Some(body));
        let after = User {
            revision,
            ..user.clone()
        };
        self.command(request, vec![Subject::User(user)], vec![Subject::User(after)])
    }

    pub(super) fn grant_role(&mut self) -> Command {
        let Some(user) = self.users.take(&mut self.rng) else {
            return self.register_user();
        };
        let missing: Vec<Role> = Role::VALUES
            .into_iter()
            .filter(|role| !user.roles.contains(role))
            .collect();
        if missing.is_empty() {
            return self.revoke_from(user);
        }
        self.grant_to(user, &missing)
    }

    pub(super) fn revoke_role(&mut self) -> Command {
        let Some(user) = self.users.take(&mut self.rng) else {
            return self.register_user();
        };
        if user.roles.is_empty() {
            return self.grant_to(user, &Role::VALUES);
        }
        self.revoke_from(user)
    }

    pub(super) fn record_login(&mut self) -> Command {
        let Some(user) = self.users.take(&mut self.rng) else {
            return self.register_user();
        };
        let request = (Method::POST, format!("/users/{}/logins", user.id), None);
        self.command(request, vec![Subject::User(user.clone())], vec![Subject::User(user)])
    }

    pub(super) fn delete_user(&mut self) -> Command {
        let Some(user) = self.users.take(&mut self.rng) else {
            return self.register_user();
        };
        let request = (Method::DELETE, format!("/users/{}", user.id), None);
        self.command(request, vec![Subject::User(user)], vec![])
    }

    /// Grants one of the roles, of which the user has none.
    fn grant_to(&mut self, user: User, missing: &[Role]) -> Command {
        let role = any(missing, &mut self.rng);
        let mut after = user.clone();
        after.roles.insert(role);
        let body = json!({"role": role.as_str()});
        let request = (Method::POST, format!("/users/{}/roles", user.id), Some(body));
        self.command(request, vec![Subject::User(user)], vec![Subject::User(after)])
    }

    /// Revokes one of the roles the user has, which are some.
    fn revoke_from(&mut self, user: User) -> Command {
        let held: Vec<Role> = user.roles.iter().copied().collect();
        let role = any(&held, &mut self.rng);
        let mut after = user.clone();
        after.roles.remove(&role);
        let request = (
            Method::DELETE,
            format!("/users/{}/roles/{}", user.id, role.as_str()),
            None,
        );
        self.command(request, vec![Subject::User(user)], vec![Subject::User(after)])
    }
}

/// Another one with every revision, so that every update changes something. The domain is nobody's.
fn email(id: &str, revision: u32) -> String {
    format!("{id}.{revision}@example.org")
}
