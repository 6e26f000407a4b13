//! What a consumer does while it cannot reach the broker: it keeps the read model up to date from the log.

use domain::Position;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::consumer::Consumer;
use crate::consumer::advance::Advance;
use crate::consumer::ending::Ending;
use crate::heal::Cause;

/// Where the read model was last seen, and since when it has not been moved by anybody else.
#[derive(Default)]
pub(super) struct Alone(Option<(Position, Instant)>);

impl Alone {
    /// Applies what the log has, if nobody has moved the read model for as long as a watermark may be missing. If
    /// somebody has, another process can reach the broker, and all is well.
    ///
    /// # Errors
    /// As a session's; the next failure to reach the broker is the next attempt.
    pub(super) async fn catch_up(&mut self, consumer: &Consumer, stop: &CancellationToken) -> Result<(), Ending> {
        let mut advance = consumer.within_limit(Advance::open(consumer)).await??;
        let position = advance.position();
        let since = match self.0 {
            Some((seen, since)) if seen == position => since,
            _ => Instant::now(),
        };
        self.0 = Some((position, since));
        let head = advance.head().await?;
        if position < head && since.elapsed() >= consumer.args.silence() {
            advance.heal(head, Cause::NoBroker, stop).await?;
            self.0 = Some((advance.position(), since));
        }
        Ok(())
    }
}
