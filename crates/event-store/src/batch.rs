//! Chooses what goes into one call of the append function.

use std::collections::{HashSet, VecDeque};

use crate::append::Append;

/// Upper limits of one batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BatchLimits {
    /// Commands.
    pub(crate) commands_max: usize,
    /// Bytes of payloads; one command alone may exceed it.
    pub(crate) bytes_max: usize,
}

/// Takes the next batch off the queue, in order. In a batch no command touches a stream that another one appends to,
/// and no two share an idempotency key.
///
/// A command that has to wait stays queued, and so does every later one that touches what it touches: commands on one
/// stream never overtake each other. The first command is always taken.
pub(crate) fn next_batch<T>(queue: &mut VecDeque<T>, limits: BatchLimits, append: impl Fn(&T) -> &Append) -> Vec<T> {
    let mut claimed = Claims::default();
    let mut batch = Vec::new();
    let mut bytes = 0;
    let mut deferred = VecDeque::new();
    while let Some(queued) = queue.pop_front() {
        let command = append(&queued);
        let free = claimed.claim(command);
        let size: usize = command.events.iter().map(|event| event.payload.len()).sum();
        if free && (batch.is_empty() || bytes + size <= limits.bytes_max) {
            bytes += size;
            batch.push(queued);
        } else {
            deferred.push_back(queued);
        }
        if batch.len() == limits.commands_max || bytes > limits.bytes_max {
            break;
        }
    }
    deferred.append(queue);
    *queue = deferred;
    batch
}

/// What earlier commands of the queue touch, whether they are in the batch or deferred.
#[derive(Default)]
struct Claims {
    appended: HashSet<(&'static str, String)>,
    guarded: HashSet<(&'static str, String)>,
    keys: HashSet<(String, String)>,
}

impl Claims {
    /// Claims all a command touches; false when it has to wait for an earlier one. Guards of one stream can share it.
    fn claim(&mut self, append: &Append) -> bool {
        let stream = (append.aggregate_type, append.aggregate_id.clone());
        let mut free = !self.guarded.contains(&stream);
        free &= self.appended.insert(stream);
        if let Some(guard) = &append.guard {
            let stream = (guard.aggregate_type, guard.aggregate_id.clone());
            free &= !self.appended.contains(&stream);
            self.guarded.insert(stream);
        }
        if let Some(record) = &append.idempotency {
            free &= self.keys.insert((record.principal.clone(), record.key.clone()));
        }
        free
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use domain::Sequence;
    use proptest::prelude::*;

    use super::{BatchLimits, next_batch};
    use crate::append::{Append, Guard, NewEvent};
    use crate::idempotency::Idempotency;

    fn command(stream: u8, guard: Option<u8>, key: Option<u8>, size: usize) -> Append {
        let payload = "x".repeat(size);
        Append {
            aggregate_type: "user",
            aggregate_id: stream.to_string(),
            expected: Sequence(0),
            events: vec![NewEvent {
                event_id: uuid::Uuid::nil(),
                event_type: String::new(),
                event_version: String::new(),
                payload,
            }],
            metadata: String::new(),
            guard: guard.filter(|guard| *guard != stream).map(|guard| Guard {
                aggregate_type: "user",
                aggregate_id: guard.to_string(),
                sequence: Sequence(0),
            }),
            idempotency: key.map(|key| Idempotency {
                principal: "anonymous".into(),
                key: key.to_string(),
                request_hash: vec![],
                status: 200,
                location: None,
            }),
        }
    }

    fn stream(append: &Append) -> String {
        append.aggregate_id.clone()
    }

    fn guarded(append: &Append) -> Option<String> {
        append.guard.as_ref().map(|guard| guard.aggregate_id.clone())
    }

    proptest! {
        #[test]
        fn every_command_goes_out_once_and_none_overtakes_another_on_its_stream(
            commands in prop::collection::vec((0..6u8, prop::option::of(0..6u8), prop::option::of(0..4u8), 0..40usize), 0..60),
            commands_max in 1..10usize,
            bytes_max in 0..100usize,
        ) {
            let mut queue: VecDeque<(usize, Append)> =
                commands.iter().map(|(stream, guard, key, size)| command(*stream, *guard, *key, *size)).enumerate().collect();
            let mut sent: Vec<(usize, Append)> = Vec::new();
            while !queue.is_empty() {
                let batch = next_batch(&mut queue, BatchLimits { commands_max, bytes_max }, |(_, append)| append);
                prop_assert!(!batch.is_empty() && batch.len() <= commands_max);
                for (n, (_, one)) in batch.iter().enumerate() {
                    for (_, other) in &batch[n + 1..] {
                        prop_assert_ne!(stream(one), stream(other));
                        prop_assert_ne!(Some(stream(one)), guarded(other));
                        prop_assert_ne!(guarded(one), Some(stream(other)));
                        let keys = (&one.idempotency, &other.idempotency);
                        prop_assert!(keys.0.is_none() || keys.0 != keys.1);
                    }
                }
                for (n, append) in &batch {
                    for (before, earlier) in &sent {
                        let shared = stream(earlier) == stream(append)
                            || Some(stream(earlier)) == guarded(append)
                            || guarded(earlier) == Some(stream(append));
                        prop_assert!(!shared || before < n, "{} overtook {}", before, n);
                    }
                }
                sent.extend(batch);
            }
            let mut numbers: Vec<usize> = sent.into_iter().map(|(n, _)| n).collect();
            numbers.sort_unstable();
            prop_assert_eq!(numbers, (0..commands.len()).collect::<Vec<_>>());
        }
    }
}
