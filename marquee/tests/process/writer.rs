//! Clients that send a stream of commands and remember what became of each.

use e2e::{Answer, Client, until};
use serde_json::json;
use tokio::sync::watch;

/// The user whom all writers write to in turn with their own.
const SHARED_USER: &str = "shared";
/// Conflicts in a row that are no fault: all writers write to one user.
const CONFLICTS_MAX: usize = 100;

/// A command that was answered as accepted.
#[derive(Debug, Clone)]
pub(crate) struct Acknowledged {
    pub(crate) user: String,
    /// The name it set, which is no other command's.
    pub(crate) name: String,
    pub(crate) sequence: i64,
    pub(crate) position: i64,
}

/// One client. It sends one command after the other, each with a key of its own.
pub(crate) struct Writer {
    number: usize,
    /// How many commands it has sent and got an answer to.
    answered: usize,
    pub(crate) acknowledged: Vec<Acknowledged>,
}

impl Writer {
    pub(crate) fn new(number: usize) -> Self {
        Self {
            number,
            answered: 0,
            acknowledged: Vec::new(),
        }
    }

    /// Sends commands until one gets no answer, counting the acknowledged ones; that one is the next to be sent.
    pub(crate) async fn write_while_answered(&mut self, client: &Client, count: &watch::Sender<usize>) {
        while let Ok(answer) = self.try_next(client).await {
            self.note(answer);
            count.send_modify(|count| *count += 1);
        }
    }

    /// Sends the command that got no answer again, with its key, until it is accepted.
    pub(crate) async fn repeat_unanswered(&mut self, client: &Client) {
        let mut accepted = None;
        until("the repeated command is accepted", async || {
            accepted = self.try_next(client).await.ok().filter(|answer| answer.status < 300);
            accepted.is_some()
        })
        .await;
        self.note(accepted.expect("waited for"));
    }

    /// Sends a command again that was acknowledged: it is answered as it was, and not carried out.
    pub(crate) async fn repeat_acknowledged(&self, client: &Client) {
        let last = self.acknowledged.last().expect("one was acknowledged");
        let answer = self
            .try_send(client, self.answered - 1)
            .await
            .expect("an answer")
            .accepted();
        assert_eq!(answer.header("idempotency-replayed"), Some("true"), "{answer:?}");
        assert_eq!(answer.position(), last.position);
    }

    fn user(&self, n: usize) -> String {
        if n.is_multiple_of(2) {
            format!("user-{}", self.number)
        } else {
            SHARED_USER.to_owned()
        }
    }

    fn name(&self, n: usize) -> String {
        format!("writer {} command {n}", self.number)
    }

    /// Sends the next command. When others kept getting ahead of it, it has changed nothing and is sent again.
    async fn try_next(&self, client: &Client) -> Result<Answer, reqwest::Error> {
        let mut answer = self.try_send(client, self.answered).await?;
        for _ in 0..CONFLICTS_MAX {
            if answer.body["code"] != "CONFLICT" {
                break;
            }
            answer = self.try_send(client, self.answered).await?;
        }
        Ok(answer)
    }

    async fn try_send(&self, client: &Client, n: usize) -> Result<Answer, reqwest::Error> {
        let body = json!({"full_name": self.name(n)});
        let key = format!("{}-{n}", self.number);
        client.try_post(&format!("/users/{}", self.user(n)), &body, &key).await
    }

    fn note(&mut self, answer: Answer) {
        let answer = answer.accepted();
        self.acknowledged.push(Acknowledged {
            user: self.user(self.answered),
            name: self.name(self.answered),
            sequence: answer.body["sequence"].as_i64().expect("a sequence"),
            position: answer.position(),
        });
        self.answered += 1;
    }
}

/// Waits until so many commands are acknowledged.
pub(crate) async fn reaches(count: &watch::Sender<usize>, wanted: usize) {
    let mut count = count.subscribe();
    count
        .wait_for(|count| *count >= wanted)
        .await
        .expect("the sender is held");
}
