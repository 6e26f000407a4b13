//! `marquee events stream`: the events of one stream, and the state they make by the aggregate's own code.

use std::process::ExitCode;
use std::str::FromStr;

use clap::Args;
use cqrs_es::Aggregate;
use domain::{Cinema, CinemaId, DecodeError, Envelope, Event, Movie, MovieId, Sequence, User, UserId};
use event_store::LogReader;
use serde_json::{Value, json};
use service::with_causes;

use super::{line, log};
use crate::databases::EventStoreArgs;
use crate::failure::Failure;
use crate::terminal::print;

/// Events read at once.
const CHUNK: u32 = 500;

pub(crate) const HELP: &str = "\
Examples:
  marquee events stream user/1                     What happened to user 1, and what that makes of the user
  marquee events stream user/1 --at-sequence 2     The same as of its second event
  marquee events stream movie/heat --json | jq .state";

/// Settings of `marquee events stream`.
#[derive(Args, Clone, Debug)]
pub(crate) struct StreamArgs {
    /// Which stream: user/ID, movie/ID or cinema/ID
    #[arg(value_name = "STREAM")]
    stream: StreamName,
    #[command(flatten)]
    event_store: EventStoreArgs,
    /// End with the event of this sequence
    #[arg(long, value_name = "SEQUENCE", value_parser = clap::value_parser!(i64).range(1..))]
    at_sequence: Option<i64>,
    /// One JSON object: `events` and `state`
    #[arg(long)]
    json: bool,
}

/// The name of a stream: its kind and its id.
#[derive(Clone, Debug)]
struct StreamName {
    kind: &'static str,
    id: String,
}

impl FromStr for StreamName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const SHAPE: &str = "must be user/ID, movie/ID or cinema/ID";
        let (kind, id) = text.split_once('/').ok_or(SHAPE)?;
        let (kind, is_id) = match kind {
            User::TYPE => (User::TYPE, UserId::parse(id).is_ok()),
            Movie::TYPE => (Movie::TYPE, MovieId::parse(id).is_ok()),
            Cinema::TYPE => (Cinema::TYPE, CinemaId::parse(id).is_ok()),
            _ => return Err(SHAPE),
        };
        if is_id {
            Ok(Self {
                kind,
                id: id.to_owned(),
            })
        } else {
            Err("the ID is 1 to 64 characters of A-Z, a-z, 0-9, _ and -")
        }
    }
}

impl std::fmt::Display for StreamName {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}/{}", self.kind, self.id)
    }
}

/// What a stream's events make, by the code that decides commands on it.
enum State {
    User(User),
    Movie(Movie),
    Cinema(Cinema),
}

impl State {
    fn before_everything(stream: &StreamName) -> Self {
        match stream.kind {
            Movie::TYPE => Self::Movie(Movie::default()),
            Cinema::TYPE => Self::Cinema(Cinema::default()),
            _ => Self::User(User::default()),
        }
    }

    /// An event of another kind of stream changes nothing.
    fn apply(&mut self, event: Event) {
        match (self, event) {
            (Self::User(user), Event::User(event)) => user.apply(event),
            (Self::Movie(movie), Event::Movie(event)) => movie.apply(event),
            (Self::Cinema(cinema), Event::Cinema(event)) => cinema.apply(event),
            _ => {}
        }
    }

    fn json(&self) -> Result<Value, serde_json::Error> {
        match self {
            Self::User(user) => serde_json::to_value(user),
            Self::Movie(movie) => serde_json::to_value(movie),
            Self::Cinema(cinema) => serde_json::to_value(cinema),
        }
    }
}

pub(crate) async fn run(args: StreamArgs) -> Result<ExitCode, Failure> {
    let log = log(&args.event_store.url().await?);
    refuse_what_is_not_there(&log, &args).await?;
    let mut show = Show::begin(&args)?;
    let mut state = State::before_everything(&args.stream);
    let mut reached = Sequence(0);
    let mut unreadable = None;
    'reading: loop {
        let events = log.stream(args.stream.kind, &args.stream.id, reached, CHUNK).await?;
        let is_last = events.len() < CHUNK as usize;
        for event in events {
            if args.at_sequence.is_some_and(|at| event.sequence.0 > at) {
                break 'reading;
            }
            show.event(&event)?;
            match event.decode() {
                Ok(decoded) => state.apply(decoded),
                Err(error) => {
                    unreadable = Some((event, error));
                    break 'reading;
                }
            }
            reached = event.sequence;
        }
        if is_last {
            break;
        }
    }
    show.end(reached, &state, unreadable.as_ref())?;
    match unreadable {
        None => Ok(ExitCode::SUCCESS),
        Some((event, error)) => Err(Failure::from(format!(
            "the event at position {} (sequence {}) cannot be read; the state is that before it: {}",
            event.position.0,
            event.sequence.0,
            with_causes(&error)
        ))),
    }
}

async fn refuse_what_is_not_there(log: &LogReader, args: &StreamArgs) -> Result<(), Failure> {
    let StreamName { kind, id } = &args.stream;
    if log.stream(kind, id, Sequence(0), 1).await?.is_empty() {
        return Err(Failure::from(format!("there is no stream {}", args.stream)));
    }
    if let Some(at) = args.at_sequence
        && log.stream(kind, id, Sequence(at - 1), 1).await?.is_empty()
    {
        return Err(Failure::from(format!("{} has no event of sequence {at}", args.stream)));
    }
    Ok(())
}

/// Writes as it goes, so that a long stream is never held.
struct Show {
    stream: String,
    json: bool,
    events: usize,
}

impl Show {
    fn begin(args: &StreamArgs) -> std::io::Result<Self> {
        let stream = args.stream.to_string();
        if args.json {
            print(&format!(r#"{{"stream": "{stream}", "events": ["#))?;
        }
        Ok(Self {
            stream,
            json: args.json,
            events: 0,
        })
    }

    fn event(&mut self, event: &Envelope) -> std::io::Result<()> {
        let comma = if self.events == 0 { "" } else { "," };
        self.events += 1;
        print(&if self.json {
            format!("{comma}{}", line::object(event))
        } else {
            line::text(event)
        })
    }

    fn end(
        &self,
        reached: Sequence,
        state: &State,
        unreadable: Option<&(Envelope, DecodeError)>,
    ) -> Result<(), Failure> {
        let state = state.json()?;
        if self.json {
            let unreadable = unreadable.map(|(event, error)| {
                json!({"position": event.position, "sequence": event.sequence, "reason": with_causes(error)})
            });
            let sequence = reached.0;
            print(&format!(
                r#"], "sequence": {sequence}, "state": {state}, "unreadable": {}}}"#,
                json!(unreadable)
            ))?;
        } else {
            let state = serde_json::to_string_pretty(&state)?;
            print(&format!(
                "\nState of {} at sequence {}:\n{state}",
                self.stream, reached.0
            ))?;
        }
        Ok(())
    }
}
