//! What one cinema's stream has come to.

use chrono::{DateTime, Utc};
use domain::{Address, CinemaEvent, CinemaName, CityId, Event, Sequence, TimeZone};

use crate::Recorded;
use crate::row::{Contradiction, Row, expect_next};

/// The row of a cinema. Its programme names movies whatever has become of them: their streams are not its own.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub(super) struct CinemaRow {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) city_id: String,
    pub(super) address: String,
    pub(super) time_zone: String,
    /// Ids of movies in the order they were added, none twice.
    pub(super) programme: Vec<String>,
    pub(super) opened_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) sequence: i64,
    pub(super) gone: bool,
}

impl CinemaRow {
    fn set_details(&mut self, name: &CinemaName, city_id: &CityId, address: &Address, time_zone: &TimeZone) {
        name.as_str().clone_into(&mut self.name);
        city_id.as_str().clone_into(&mut self.city_id);
        address.as_str().clone_into(&mut self.address);
        time_zone.as_str().clone_into(&mut self.time_zone);
    }
}

impl Row for CinemaRow {
    fn begin(recorded: &Recorded) -> Result<Self, Contradiction> {
        let Event::Cinema(CinemaEvent::Opened {
            name,
            city_id,
            address,
            time_zone,
        }) = &recorded.event
        else {
            return Err(Contradiction::misplaced(recorded));
        };
        let envelope = &recorded.envelope;
        let mut row = Self {
            id: envelope.aggregate_id.clone(),
            name: String::new(),
            city_id: String::new(),
            address: String::new(),
            time_zone: String::new(),
            programme: Vec::new(),
            opened_at: envelope.recorded_at,
            updated_at: envelope.recorded_at,
            sequence: envelope.sequence.0,
            gone: false,
        };
        row.set_details(name, city_id, address, time_zone);
        Ok(row)
    }

    fn apply(&mut self, recorded: &Recorded) -> Result<(), Contradiction> {
        expect_next(Sequence(self.sequence), self.gone, recorded)?;
        let Event::Cinema(event) = &recorded.event else {
            return Err(Contradiction::misplaced(recorded));
        };
        match event {
            CinemaEvent::Opened { .. } => return Err(Contradiction::misplaced(recorded)),
            CinemaEvent::DetailsUpdated {
                name,
                city_id,
                address,
                time_zone,
            } => {
                self.set_details(name, city_id, address, time_zone);
            }
            CinemaEvent::MovieAdded { movie_id } => {
                if !self.programme.iter().any(|listed| listed == movie_id.as_str()) {
                    self.programme.push(movie_id.as_str().to_owned());
                }
            }
            CinemaEvent::MovieRemoved { movie_id } => self.programme.retain(|listed| listed != movie_id.as_str()),
            CinemaEvent::Closed {} => self.gone = true,
        }
        self.updated_at = recorded.envelope.recorded_at;
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

    fn details(name: &str) -> Value {
        json!({"name": name, "city_id": "berlin", "address": "Unter den Linden 1", "time_zone": "Europe/Berlin"})
    }

    fn stream() -> Vec<Recorded> {
        vec![
            event(1, "cinema.opened", details("Lichtspiele")),
            event(2, "cinema.programme.movie_added", json!({"movie_id": "alien"})),
            event(3, "cinema.programme.movie_added", json!({"movie_id": "brazil"})),
        ]
    }

    #[test]
    fn a_programme_is_in_the_order_the_movies_were_added() {
        let mut events = stream();
        events.push(event(4, "cinema.programme.movie_removed", json!({"movie_id": "alien"})));
        events.push(event(5, "cinema.programme.movie_added", json!({"movie_id": "alien"})));
        let row: CinemaRow = row_of(&events).expect("a valid stream");
        assert_eq!(row.programme, ["brazil", "alien"]);
    }

    #[test]
    fn a_cinema_is_what_the_last_events_say() {
        let mut events = stream();
        events.push(event(4, "cinema.details.updated", details("Neue Lichtspiele")));
        let row: CinemaRow = row_of(&events).expect("a valid stream");
        assert_eq!(
            (row.name.as_str(), row.city_id.as_str()),
            ("Neue Lichtspiele", "berlin")
        );
        assert_eq!(
            (row.opened_at, row.updated_at, row.sequence, row.gone),
            (minute(1), minute(4), 4, false)
        );
    }

    #[test]
    fn a_cinema_takes_only_the_next_event_of_the_stream() {
        assert_guarded::<CinemaRow>(&stream(), &event(4, "cinema.closed", json!({})));
    }
}
