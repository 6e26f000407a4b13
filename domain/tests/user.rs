//! The rules of users: given what happened, when a command comes, then events or a rejection.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use cqrs_es::Aggregate;
use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use domain::{Email, FullName, Rejection, RejectionKind, Role, User, UserCommand, UserError, UserEvent};

fn name(text: &str) -> FullName {
    FullName::parse(text).unwrap()
}

fn email(text: &str) -> Email {
    Email::parse(text).unwrap()
}

fn given(events: Vec<UserEvent>) -> AggregateTestExecutor<User> {
    TestFramework::with(()).given(events)
}

fn given_nothing() -> AggregateTestExecutor<User> {
    given(vec![])
}

fn created() -> UserEvent {
    UserEvent::Created {
        full_name: name("Ada Lovelace"),
        email: None,
    }
}

fn created_with_email() -> UserEvent {
    UserEvent::Created {
        full_name: name("Ada Lovelace"),
        email: Some(email("ada@example.org")),
    }
}

fn granted(role: Role) -> UserEvent {
    UserEvent::RoleGranted { role }
}

fn revoked(role: Role) -> UserEvent {
    UserEvent::RoleRevoked { role }
}

fn register() -> UserCommand {
    UserCommand::Register {
        full_name: name("Ada Lovelace"),
        email: None,
    }
}

fn update(full_name: Option<FullName>, email: Option<Email>) -> UserCommand {
    UserCommand::UpdateProfile { full_name, email }
}

fn set(full_name: Option<FullName>, email: Option<Email>) -> UserCommand {
    UserCommand::SetProfile { full_name, email }
}

fn fold(events: Vec<UserEvent>) -> User {
    let mut user = User::default();
    for event in events {
        user.apply(event);
    }
    user
}

#[test]
fn anybody_can_be_registered_with_a_name() {
    given_nothing().when(register()).then_expect_events(vec![created()]);
}

#[test]
fn a_registration_keeps_the_email_address() {
    given_nothing()
        .when(UserCommand::Register {
            full_name: name("Ada Lovelace"),
            email: Some(email("ada@example.org")),
        })
        .then_expect_events(vec![created_with_email()]);
}

#[test]
fn an_id_is_registered_only_once() {
    given(vec![created()])
        .when(register())
        .then_expect_error(UserError::AlreadyExists);
}

#[test]
fn a_profile_update_replaces_name_and_email_address() {
    given(vec![created()])
        .when(update(Some(name("Ada King")), Some(email("king@example.org"))))
        .then_expect_events(vec![UserEvent::ProfileUpdated {
            full_name: name("Ada King"),
            email: Some(email("king@example.org")),
        }]);
}

#[test]
fn a_profile_update_leaves_an_absent_email_address_as_it_is() {
    given(vec![created_with_email()])
        .when(update(Some(name("Ada King")), None))
        .then_expect_events(vec![UserEvent::ProfileUpdated {
            full_name: name("Ada King"),
            email: Some(email("ada@example.org")),
        }]);
}

#[test]
fn a_profile_update_leaves_an_absent_name_as_it_is() {
    given(vec![created()])
        .when(update(None, Some(email("ada@example.org"))))
        .then_expect_events(vec![UserEvent::ProfileUpdated {
            full_name: name("Ada Lovelace"),
            email: Some(email("ada@example.org")),
        }]);
}

#[test]
fn a_profile_equal_to_the_present_one_changes_nothing() {
    for command in [
        update(Some(name("Ada Lovelace")), Some(email("ada@example.org"))),
        update(Some(name("  Ada Lovelace ")), None),
        update(None, Some(email("ada@example.org"))),
        update(None, None),
        set(Some(name("Ada Lovelace")), None),
        set(None, None),
    ] {
        given(vec![created_with_email()])
            .when(command)
            .then_expect_events(vec![]);
    }
}

#[test]
fn a_profile_is_compared_with_the_present_one_and_not_with_the_first() {
    let renamed = UserEvent::ProfileUpdated {
        full_name: name("Ada King"),
        email: None,
    };
    given(vec![created(), renamed])
        .when(update(Some(name("Ada Lovelace")), None))
        .then_expect_events(vec![UserEvent::ProfileUpdated {
            full_name: name("Ada Lovelace"),
            email: None,
        }]);
}

#[test]
fn the_profile_of_an_unknown_user_cannot_be_updated() {
    given_nothing()
        .when(update(Some(name("Ada Lovelace")), None))
        .then_expect_error(UserError::NotFound);
}

#[test]
fn setting_the_profile_of_an_unknown_user_registers_the_user_and_tells_the_profile() {
    given_nothing()
        .when(set(Some(name("Ada Lovelace")), Some(email("ada@example.org"))))
        .then_expect_events(vec![
            created_with_email(),
            UserEvent::ProfileUpdated {
                full_name: name("Ada Lovelace"),
                email: Some(email("ada@example.org")),
            },
        ]);
}

#[test]
fn setting_the_profile_of_an_unknown_user_needs_a_name() {
    given_nothing()
        .when(set(None, Some(email("ada@example.org"))))
        .then_expect_error(UserError::NotFound);
}

#[test]
fn setting_the_profile_of_a_registered_user_updates_it() {
    given(vec![created_with_email()])
        .when(set(Some(name("Ada King")), None))
        .then_expect_events(vec![UserEvent::ProfileUpdated {
            full_name: name("Ada King"),
            email: Some(email("ada@example.org")),
        }]);
}

#[test]
fn a_user_can_be_granted_every_role() {
    for role in Role::VALUES {
        given(vec![created()])
            .when(UserCommand::GrantRole { role })
            .then_expect_events(vec![granted(role)]);
    }
}

#[test]
fn granting_a_held_role_changes_nothing() {
    given(vec![created(), granted(Role::Manager), granted(Role::Customer)])
        .when(UserCommand::GrantRole { role: Role::Manager })
        .then_expect_events(vec![]);
}

#[test]
fn a_revoked_role_can_be_granted_again() {
    given(vec![created(), granted(Role::Manager), revoked(Role::Manager)])
        .when(UserCommand::GrantRole { role: Role::Manager })
        .then_expect_events(vec![granted(Role::Manager)]);
}

#[test]
fn an_unknown_user_cannot_be_granted_a_role() {
    given_nothing()
        .when(UserCommand::GrantRole { role: Role::Admin })
        .then_expect_error(UserError::NotFound);
}

#[test]
fn a_held_role_can_be_revoked() {
    given(vec![created(), granted(Role::BoxOffice)])
        .when(UserCommand::RevokeRole { role: Role::BoxOffice })
        .then_expect_events(vec![revoked(Role::BoxOffice)]);
}

#[test]
fn revoking_a_missing_role_changes_nothing() {
    given(vec![created(), granted(Role::Manager)])
        .when(UserCommand::RevokeRole { role: Role::BoxOffice })
        .then_expect_events(vec![]);
}

#[test]
fn a_role_of_an_unknown_user_cannot_be_revoked() {
    given_nothing()
        .when(UserCommand::RevokeRole { role: Role::Admin })
        .then_expect_error(UserError::NotFound);
}

#[test]
fn every_login_is_recorded() {
    given(vec![created(), UserEvent::LoggedIn {}])
        .when(UserCommand::RecordLogin)
        .then_expect_events(vec![UserEvent::LoggedIn {}]);
}

#[test]
fn an_unknown_user_cannot_log_in() {
    given_nothing()
        .when(UserCommand::RecordLogin)
        .then_expect_error(UserError::NotFound);
}

#[test]
fn a_registered_user_can_be_deleted() {
    given(vec![created(), granted(Role::Customer)])
        .when(UserCommand::Delete)
        .then_expect_events(vec![UserEvent::Deleted {}]);
}

#[test]
fn an_unknown_user_cannot_be_deleted() {
    given_nothing()
        .when(UserCommand::Delete)
        .then_expect_error(UserError::NotFound);
}

#[test]
fn nothing_happens_after_deletion_not_even_a_new_registration() {
    for command in [
        register(),
        update(Some(name("Ada King")), None),
        update(None, None),
        set(Some(name("Ada King")), None),
        set(None, None),
        UserCommand::GrantRole { role: Role::Admin },
        UserCommand::RevokeRole { role: Role::Admin },
        UserCommand::RecordLogin,
        UserCommand::Delete,
    ] {
        given(vec![created(), UserEvent::Deleted {}])
            .when(command)
            .then_expect_error(UserError::Deleted);
    }
}

#[test]
fn a_user_shows_the_present_profile_and_roles() {
    let user = fold(vec![
        created(),
        UserEvent::ProfileUpdated {
            full_name: name("Ada King"),
            email: Some(email("king@example.org")),
        },
        granted(Role::Operator),
        granted(Role::Customer),
        granted(Role::Manager),
        revoked(Role::Operator),
        UserEvent::LoggedIn {},
    ]);

    assert_eq!(user.full_name(), Some(&name("Ada King")));
    assert_eq!(user.email(), Some(&email("king@example.org")));
    assert!(user.roles().iter().eq(&[Role::Customer, Role::Manager]));
}

#[test]
fn a_deleted_user_shows_nothing_of_the_person() {
    let user = fold(vec![
        created_with_email(),
        granted(Role::Customer),
        UserEvent::Deleted {},
    ]);

    assert_eq!((user.full_name(), user.email(), user.roles().len()), (None, None, 0));
    assert!(!serde_json::to_string(&user).unwrap().contains("ada"));
}

#[test]
fn an_event_that_does_not_fit_the_state_changes_nothing() {
    let unregistered = [
        UserEvent::ProfileUpdated {
            full_name: name("Ada King"),
            email: None,
        },
        granted(Role::Admin),
        revoked(Role::Admin),
        UserEvent::LoggedIn {},
        UserEvent::Deleted {},
    ];
    assert_eq!(fold(unregistered.to_vec()), User::default());

    let twice = UserEvent::Created {
        full_name: name("Ada King"),
        email: None,
    };
    assert_eq!(
        fold(vec![created(), granted(Role::Admin), twice.clone()]),
        fold(vec![created(), granted(Role::Admin)])
    );

    let deleted = [created(), UserEvent::Deleted {}];
    let after = [deleted.to_vec(), vec![twice], unregistered.to_vec()].concat();
    assert_eq!(fold(after), fold(deleted.to_vec()));
}

#[test]
fn neither_events_nor_commands_show_personal_data_when_they_are_logged() {
    let command = update(Some(name("Ada Lovelace")), Some(email("ada@example.org")));
    let logged = format!(
        "{command:?} {:?} {:?}",
        created_with_email(),
        fold(vec![created_with_email()])
    );
    assert!(!logged.contains("Ada") && !logged.contains("example.org"), "{logged}");
}

#[test]
fn rejections_have_a_kind_and_a_stable_code() {
    for (error, kind, code) in [
        (UserError::NotFound, RejectionKind::NotFound, "USER_NOT_FOUND"),
        (UserError::AlreadyExists, RejectionKind::Exists, "USER_ALREADY_EXISTS"),
        (UserError::Deleted, RejectionKind::Gone, "USER_DELETED"),
    ] {
        assert_eq!((error.kind(), error.code()), (kind, code));
    }
}
