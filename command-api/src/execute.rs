//! The one way of every command: through the event store, to an answer or a problem.

use std::future::ready;

use cqrs_es::Aggregate;
use domain::Rejection;
use event_store::{CommandRequest, EventStore, Outcome, Prepared, StateTag, StoreError};
use service::Problem;

use crate::answer::{self, Answer};
use crate::idempotency::RequestHasher;
use crate::{metric, refusal};

/// What every handler has at hand.
#[derive(Clone)]
pub(crate) struct CommandApi {
    pub(crate) store: EventStore,
    pub(crate) hasher: RequestHasher,
}

/// What a command is about and how its success is answered.
pub(crate) struct Target {
    /// The command's name in metrics.
    pub(crate) command: &'static str,
    /// The stream.
    pub(crate) id: String,
    /// Where to find what the command creates; makes the answer a 201.
    pub(crate) location: Option<String>,
}

impl CommandApi {
    /// Executes a command that is known beforehand; `fields` takes from the resulting state what the answer shows.
    pub(crate) async fn accept<A, F>(
        &self,
        target: Target,
        request: CommandRequest,
        command: A::Command,
        fields: impl FnOnce(&A) -> F,
    ) -> Result<Answer<F>, Problem>
    where
        A: Aggregate<Services = ()> + Clone + 'static,
        A::Command: Clone,
        A::Error: Rejection,
    {
        self.prepare_and_accept(target, request, || ready(Ok(Prepared::from(command.clone()))), fields)
            .await
    }

    /// Executes a command that has to find out facts first; a conflict makes it find them out again.
    pub(crate) async fn prepare_and_accept<A, F, P>(
        &self,
        target: Target,
        mut request: CommandRequest,
        prepare: impl Fn() -> P,
        fields: impl FnOnce(&A) -> F,
    ) -> Result<Answer<F>, Problem>
    where
        A: Aggregate<Services = ()> + Clone + 'static,
        A::Error: Rejection,
        P: Future<Output = Result<Prepared<A::Command>, StoreError>>,
    {
        let Target { command, id, location } = target;
        if let Some(idempotency) = &mut request.idempotency {
            idempotency.status = answer::status(location.as_deref()).as_u16();
            idempotency.location.clone_from(&location);
        }
        let outcome = self
            .store
            .execute_prepared(&id, &request, prepare)
            .await
            .map_err(refusal::problem);
        count(command, &outcome);
        Ok(match outcome? {
            Outcome::Accepted {
                state,
                sequence,
                position,
                log_id,
                ..
            } => {
                let tag = StateTag::new(log_id, sequence);
                Answer::accepted(id, location, (tag, position), fields(&state))
            }
            Outcome::Replayed(recorded) => Answer::replayed(id, recorded),
        })
    }
}

fn count<A>(command: &'static str, outcome: &Result<Outcome<A>, Problem>) {
    let outcome = match outcome {
        Ok(Outcome::Accepted { events: 0, .. }) => "unchanged",
        Ok(Outcome::Accepted { .. }) => "accepted",
        Ok(Outcome::Replayed(_)) => "replayed",
        Err(problem) => problem.code(),
    };
    metrics::counter!(metric::COMMANDS, metric::COMMAND => command, metric::OUTCOME => outcome).increment(1);
}
