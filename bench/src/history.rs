//! A history of the platform, as long as is wanted: valid streams in a mix like that of life, written into the log at once.
//!
//! Of twenty events twelve are of users, five of movies and three of cinemas. A stream has four events; a thousand streams
//! of a kind are under way at a time, and their events take turns. Ids are spread over the whole range of their first
//! characters, as those of a client would be.

use std::fmt::Write as _;

use chrono::{TimeDelta, Utc};
use cqrs_es::Aggregate;
use cqrs_es::DomainEvent;
use domain::{
    Address, AgeRating, Announcement, Cinema, CinemaEvent, CinemaName, CityId, Email, FullName, Genres, Metadata,
    Movie, MovieDetails, MovieEvent, MovieId, Premiere, PremiereDate, Role, RuntimeMinutes, Synopsis, TimeZone, Title,
    User, UserEvent,
};
use service::BoxError;
use sqlx::{Connection, Executor, PgConnection};
use uuid::Uuid;

/// Events of one stream.
const STREAM_EVENTS: i64 = 4;
/// Streams of one kind that are under way at a time.
const STREAMS_AT_ONCE: i64 = 1_000;
/// Sent to the database at once.
const COPY_BYTES: usize = 1 << 20;

/// An event on its way into the log.
struct Recorded {
    kind: &'static str,
    id: String,
    sequence: i64,
    event_type: String,
    event_version: String,
    payload: String,
}

impl Recorded {
    fn new(kind: &'static str, id: String, sequence: i64, event: &impl DomainEvent) -> Self {
        Self {
            kind,
            id,
            sequence,
            event_type: event.event_type(),
            event_version: event.event_version(),
            payload: serde_json::to_string(event).expect("events can be written"),
        }
    }
}

/// Writes a history of so many events behind what is in the log.
///
/// # Errors
/// What the database refuses.
pub(crate) async fn append(event_store_url: &str, events: i64) -> Result<(), BoxError> {
    let mut of_kind = [0_i64; 3];
    write(event_store_url, events, |number| {
        let kind = match number % 20 {
            0..12 => 0,
            12..17 => 1,
            _ => 2,
        };
        let nth = of_kind[kind];
        of_kind[kind] += 1;
        let block = nth / (STREAM_EVENTS * STREAMS_AT_ONCE);
        let stream = block * STREAMS_AT_ONCE + nth % STREAMS_AT_ONCE;
        let sequence = nth / STREAMS_AT_ONCE % STREAM_EVENTS + 1;
        match kind {
            0 => user_event(stream, sequence),
            1 => movie_event(stream, sequence),
            _ => cinema_event(stream, sequence),
        }
    })
    .await
}

/// Writes one user's stream of so many events behind what is in the log.
///
/// # Errors
/// What the database refuses.
pub(crate) async fn append_user(event_store_url: &str, id: &str, events: i64) -> Result<(), BoxError> {
    write(event_store_url, events, |number| {
        let full_name = name(number);
        let event = match number {
            0 => UserEvent::Created { full_name, email: None },
            _ => UserEvent::ProfileUpdated { full_name, email: None },
        };
        Recorded::new(User::TYPE, id.to_owned(), number + 1, &event)
    })
    .await
}

async fn write(event_store_url: &str, events: i64, mut event: impl FnMut(i64) -> Recorded) -> Result<(), BoxError> {
    let mut connection = PgConnection::connect(event_store_url).await?;
    let head: i64 =
        sqlx::query_scalar("SELECT coalesce((SELECT position FROM events ORDER BY position DESC LIMIT 1), 0)")
            .fetch_one(&mut connection)
            .await?;
    // Not before the store was made: such a log is one that was restored into it.
    let began = Utc::now();
    let mut copying = connection
        .copy_in_raw(
            "COPY events (position, aggregate_type, aggregate_id, sequence, event_id, event_type, event_version, \
             payload, metadata, recorded_at) FROM STDIN",
        )
        .await?;
    let mut rows = String::new();
    for number in 0..events {
        let position = head + number + 1;
        let recorded_at = began + TimeDelta::microseconds(position);
        let Recorded {
            kind,
            id,
            sequence,
            event_type,
            event_version,
            payload,
        } = event(number);
        let (event_id, metadata) = (Uuid::now_v7(), metadata());
        writeln!(
            rows,
            "{position}\t{kind}\t{id}\t{sequence}\t{event_id}\t{event_type}\t{event_version}\t{payload}\t{metadata}\t\
             {recorded_at}"
        )?;
        if rows.len() >= COPY_BYTES {
            copying.send(std::mem::take(&mut rows).into_bytes()).await?;
        }
    }
    copying.send(rows.into_bytes()).await?;
    copying.finish().await?;
    // Else the server would do it at a moment of its own choice, and in the middle of a measurement.
    connection.execute("VACUUM (ANALYZE) events").await?;
    connection.execute("CHECKPOINT").await?;
    connection.close().await?;
    Ok(())
}

/// As the command API records it.
pub(crate) fn metadata() -> String {
    let metadata = Metadata {
        correlation_id: Some(Uuid::now_v7().to_string()),
        causation_id: Some(Uuid::now_v7().to_string()),
        principal: Some("anonymous".to_owned()),
        traceparent: Some(format!("00-{}-{:016x}-00", Uuid::new_v4().simple(), 1)),
    };
    serde_json::to_string(&metadata).expect("metadata can be written")
}

/// A different name for every number.
pub(crate) fn name(number: i64) -> FullName {
    const FIRST: [&str; 8] = [
        "Ada", "Grace", "Alan", "Edsger", "Barbara", "Donald", "Frances", "Niklaus",
    ];
    const LAST: [&str; 8] = [
        "Lovelace", "Hopper", "Turing", "Dijkstra", "Liskov", "Knuth", "Allen", "Wirth",
    ];
    let of = |words: [&'static str; 8], number: i64| words[usize::try_from(number % 8).unwrap_or(0)];
    let text = format!("{} {} {number}", of(FIRST, number), of(LAST, number / 8));
    FullName::parse(&text).expect("a name")
}

/// An e-mail address for every number.
pub(crate) fn email(number: i64) -> Email {
    Email::parse(&format!("person-{number}@example.org")).expect("an address")
}

/// Spreads numbers that follow one another over all ids (the finalizer of SplitMix64).
pub(crate) fn id(number: i64) -> String {
    let mut bits = number.cast_unsigned().wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    format!("{:016x}", bits ^ (bits >> 31))
}

fn user_event(stream: i64, sequence: i64) -> Recorded {
    let event = match sequence {
        1 => UserEvent::Created {
            full_name: name(stream),
            email: Some(email(stream)),
        },
        2 => UserEvent::ProfileUpdated {
            full_name: name(stream + 1),
            email: Some(email(stream)),
        },
        3 => UserEvent::RoleGranted {
            role: Role::parse("customer").expect("a role"),
        },
        _ => UserEvent::LoggedIn {},
    };
    Recorded::new(User::TYPE, id(stream), sequence, &event)
}

fn movie_event(stream: i64, sequence: i64) -> Recorded {
    let title = Title::parse(&format!("The Machine That Went {stream}")).expect("a title");
    let synopsis = Synopsis::parse(
        "A mathematician writes a program for a machine that does not exist yet, and finds that it has been waiting for her.",
    )
    .expect("a synopsis");
    let runtime_minutes = RuntimeMinutes::parse(90 + stream % 60).expect("a runtime");
    let age_rating = AgeRating::parse("12").expect("a rating");
    let genres = Genres::parse(vec!["drama".to_owned(), "thriller".to_owned()]).expect("genres");
    let premiere_date = PremiereDate::parse(&format!(
        "2026-{:02}-{:02}",
        stream % 12 + 1,
        (stream + sequence) % 28 + 1
    ))
    .expect("a day");
    let details = MovieDetails {
        synopsis: Some(synopsis),
        runtime_minutes: Some(runtime_minutes),
        ratings: age_rating.into(),
        genres,
        ..MovieDetails::of(title)
    };
    let premiere = Premiere::from(premiere_date);
    let event = match sequence {
        1 => MovieEvent::Announced(Box::new(Announcement { details, premiere })),
        3 => MovieEvent::DetailsUpdated(Box::new(details)),
        _ => MovieEvent::PremiereRescheduled(premiere),
    };
    Recorded::new(Movie::TYPE, id(stream), sequence, &event)
}

fn cinema_event(stream: i64, sequence: i64) -> Recorded {
    let event = match sequence {
        1 => CinemaEvent::Opened {
            name: CinemaName::parse(&format!("Odeon {stream}")).expect("a name"),
            city_id: CityId::parse(&format!("city-{}", stream % 500)).expect("an id"),
            address: Address::parse(&format!("{} High Street", stream % 300 + 1)).expect("an address"),
            time_zone: TimeZone::parse("Europe/Berlin").expect("a time zone"),
        },
        _ => CinemaEvent::MovieAdded {
            movie_id: MovieId::parse(&id(stream + sequence)).expect("an id"),
        },
    };
    Recorded::new(Cinema::TYPE, id(stream), sequence, &event)
}
