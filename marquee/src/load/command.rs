//! A command to be sent, and what it does to its subjects.

use reqwest::Method;
use serde_json::Value;

use super::subject::Subject;

/// A command: its request, and its effect on what the generator knows.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) request: Request,
    pub(crate) effect: Effect,
}

/// What is sent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Request {
    /// The `Idempotency-Key`.
    pub(crate) key: String,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) body: Option<Value>,
}

/// The subjects of a command, which no other command is about until this one is settled.
#[derive(Debug, PartialEq)]
pub(crate) struct Effect {
    /// As they are if nothing was changed; none for what it creates.
    pub(crate) before: Vec<Subject>,
    /// As they are once it is accepted; none for what it ends.
    pub(crate) after: Vec<Subject>,
}

/// How a command ended, as far as its subjects go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settled {
    Accepted,
    NothingChanged,
    /// Nobody knows; nothing valid can be said to its subjects any more.
    Unknown,
}
