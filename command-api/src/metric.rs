//! The names of the command API's metrics and of their labels.

/// Commands by name and outcome.
pub(crate) const COMMANDS: &str = "commands_total";
/// Idempotency keys forgotten because of their age.
pub(crate) const IDEMPOTENCY_KEYS_FORGOTTEN: &str = "idempotency_keys_forgotten_total";

/// The command's name: `user.register`.
pub(crate) const COMMAND: &str = "command";
/// `accepted`, `unchanged`, `replayed`, or the code of the refusal.
pub(crate) const OUTCOME: &str = "outcome";
