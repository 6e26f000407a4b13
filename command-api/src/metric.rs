//! The names of the command API's metrics and of their labels.

/// Commands by name and outcome.
pub(crate) const COMMANDS: &str = "marquee_commands_total";
/// Idempotency keys forgotten because of their age.
pub(crate) const IDEMPOTENCY_KEYS_FORGOTTEN: &str = "marquee_idempotency_keys_forgotten_total";

/// The command's name: `user.register`.
pub(crate) const COMMAND: &str = "command";
/// `accepted`, `unchanged`, `replayed`, or the code of the refusal.
pub(crate) const OUTCOME: &str = "outcome";

/// Tells what the metrics mean, to whoever reads `/metrics`.
pub(crate) fn describe() {
    metrics::describe_counter!(COMMANDS, "Commands by name and outcome.");
    metrics::describe_counter!(
        IDEMPOTENCY_KEYS_FORGOTTEN,
        "Idempotency keys forgotten because of their age."
    );
}
