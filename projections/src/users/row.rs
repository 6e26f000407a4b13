//! What one user's stream has come to.

use chrono::{DateTime, Utc};
use domain::{Email, Event, FullName, Sequence, UserEvent};

use crate::Recorded;
use crate::row::{Contradiction, Row, expect_next};
use crate::search::text::{SearchText, Searched};

/// The row of a user; without personal data once the user is gone. It has no `Debug`, which would show that data.
#[derive(Clone, PartialEq, sqlx::FromRow)]
pub(super) struct UserRow {
    pub(super) id: String,
    pub(super) full_name: String,
    pub(super) email: Option<String>,
    /// In the order they were granted.
    pub(super) roles: Vec<String>,
    pub(super) created_at: DateTime<Utc>,
    /// When profile or roles last changed.
    pub(super) updated_at: DateTime<Utc>,
    pub(super) last_login_at: Option<DateTime<Utc>>,
    pub(super) sequence: i64,
    pub(super) gone: bool,
}

impl UserRow {
    fn set_profile(&mut self, full_name: &FullName, email: Option<&Email>) {
        full_name.as_str().clone_into(&mut self.full_name);
        self.email = email.map(|email| email.as_str().to_owned());
    }

    /// What the user is found by: the name.
    pub(super) fn searched(&self) -> Searched {
        SearchText::default().title(&self.full_name).finish()
    }

    fn forget_person(&mut self) {
        self.full_name.clear();
        self.email = None;
        self.roles.clear();
        self.last_login_at = None;
        self.gone = true;
    }
}

impl Row for UserRow {
    fn begin(recorded: &Recorded) -> Result<Self, Contradiction> {
        let Event::User(UserEvent::Created { full_name, email }) = &recorded.event else {
            return Err(Contradiction::misplaced(recorded));
        };
        let envelope = &recorded.envelope;
        let mut row = Self {
            id: envelope.aggregate_id.clone(),
            full_name: String::new(),
            email: None,
            roles: Vec::new(),
            created_at: envelope.recorded_at,
            updated_at: envelope.recorded_at,
            last_login_at: None,
            sequence: envelope.sequence.0,
            gone: false,
        };
        row.set_profile(full_name, email.as_ref());
        Ok(row)
    }

    fn apply(&mut self, recorded: &Recorded) -> Result<(), Contradiction> {
        expect_next(Sequence(self.sequence), self.gone, recorded)?;
        let Event::User(event) = &recorded.event else {
            return Err(Contradiction::misplaced(recorded));
        };
        let recorded_at = recorded.envelope.recorded_at;
        match event {
            UserEvent::Created { .. } => return Err(Contradiction::misplaced(recorded)),
            UserEvent::ProfileUpdated { full_name, email } => self.set_profile(full_name, email.as_ref()),
            UserEvent::RoleGranted { role } => {
                if !self.roles.iter().any(|held| held == role.as_str()) {
                    self.roles.push(role.as_str().to_owned());
                }
            }
            UserEvent::RoleRevoked { role } => self.roles.retain(|held| held != role.as_str()),
            UserEvent::LoggedIn {} => self.last_login_at = Some(recorded_at),
            UserEvent::Deleted {} => self.forget_person(),
        }
        if !matches!(event, UserEvent::LoggedIn {}) {
            self.updated_at = recorded_at;
        }
        self.sequence = recorded.envelope.sequence.0;
        Ok(())
    }

    fn pass_over(&mut self, sequence: Sequence) {
        if self.sequence == sequence.0 - 1 {
            self.sequence = sequence.0;
        }
    }

    fn id(&self) -> &str {
        &self.id
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::row::testing::{assert_guarded, minute, recorded, row_of};

    fn event(sequence: i64, event_type: &str, payload: Value) -> Recorded {
        recorded(sequence, event_type, "1", payload)
    }

    fn stream() -> Vec<Recorded> {
        vec![
            event(
                1,
                "user.created",
                json!({"full_name": "Ada Byron", "email": "ada@example.org"}),
            ),
            event(2, "user.roles.granted", json!({"role": "manager"})),
            event(3, "user.profile.updated", json!({"full_name": "Ada Lovelace"})),
        ]
    }

    #[test]
    fn a_user_is_what_the_last_events_say() {
        let mut events = stream();
        events.push(event(4, "user.roles.granted", json!({"role": "admin"})));
        events.push(event(5, "user.roles.revoked", json!({"role": "manager"})));
        let row: UserRow = row_of(&events).expect("a valid stream");
        assert_eq!((row.full_name.as_str(), row.email), ("Ada Lovelace", None));
        assert_eq!(row.roles, ["admin"]);
        assert_eq!(
            (row.created_at, row.updated_at, row.sequence),
            (minute(1), minute(5), 5)
        );
    }

    #[test]
    fn a_login_is_no_change_of_the_user() {
        let mut events = stream();
        events.push(event(4, "user.logged_in", json!({})));
        let row: UserRow = row_of(&events).expect("a valid stream");
        assert_eq!(
            (row.updated_at, row.last_login_at, row.sequence),
            (minute(3), Some(minute(4)), 4)
        );
    }

    #[test]
    fn nothing_personal_is_left_of_a_deleted_user() {
        let mut events = stream();
        events.push(event(4, "user.deleted", json!({})));
        let row: UserRow = row_of(&events).expect("a valid stream");
        assert!(row.gone && row.full_name.is_empty() && row.email.is_none());
    }

    #[test]
    fn a_user_takes_only_the_next_event_of_the_stream() {
        assert_guarded::<UserRow>(&stream(), &event(4, "user.deleted", json!({})));
    }
}
