//! From old versions of an event to the current one, for aggregates and projections alike.
//!
//! Each step raises one event type by one version; the chain goes on until no step fits. A step that meets a payload it
//! cannot read leaves it as it is, or in a way no decoder reads: the decoder behind it then says what is wrong.

mod movie_announced;
mod movie_details;

use cqrs_es::persist::{EventUpcaster, SerializedEvent};
use serde_json::Value;

/// One step of the chain.
#[derive(Clone, Copy)]
struct Upcast {
    event_type: &'static str,
    from: &'static str,
    to: &'static str,
    payload: fn(Value) -> Value,
}

/// All steps, those of one event type in the order of its versions: cqrs-es goes through them once, first to last.
const CHAIN: [Upcast; 4] = [
    Upcast {
        event_type: "movie.announced",
        from: "1",
        to: "2",
        payload: movie_announced::from_1_to_2,
    },
    Upcast {
        event_type: "movie.announced",
        from: "2",
        to: "3",
        payload: movie_details::announced_from_2_to_3,
    },
    Upcast {
        event_type: "movie.details.updated",
        from: "1",
        to: "2",
        payload: movie_details::updated_from_1_to_2,
    },
    Upcast {
        event_type: "movie.premiere.rescheduled",
        from: "1",
        to: "2",
        payload: movie_details::rescheduled_from_1_to_2,
    },
];

/// Gives the chain to the loader of aggregates.
#[must_use]
pub fn upcasters() -> Vec<Box<dyn EventUpcaster>> {
    CHAIN
        .into_iter()
        .map(|upcast| Box::new(upcast) as Box<dyn EventUpcaster>)
        .collect()
}

/// Tells whether the chain has anything to do for this version.
pub(crate) fn is_old(event_type: &str, event_version: &str) -> bool {
    CHAIN.iter().any(|upcast| upcast.can_upcast(event_type, event_version))
}

/// Brings a payload of any version to the current one.
pub(crate) fn to_current(event_type: &str, event_version: &str, payload: Value) -> Value {
    let (_, payload) = CHAIN
        .iter()
        .fold((event_version, payload), |(version, payload), upcast| {
            if upcast.can_upcast(event_type, version) {
                (upcast.to, (upcast.payload)(payload))
            } else {
                (version, payload)
            }
        });
    payload
}

impl EventUpcaster for Upcast {
    /// Fits exactly one version. (The semantic versions of cqrs-es would also take `1.7`, which nobody has written.)
    fn can_upcast(&self, event_type: &str, event_version: &str) -> bool {
        self.event_type == event_type && self.from == event_version
    }

    fn upcast(&self, event: SerializedEvent) -> SerializedEvent {
        SerializedEvent {
            event_version: self.to.to_owned(),
            payload: (self.payload)(event.payload),
            ..event
        }
    }
}
