//! What all private servers have in common, whichever way they run.

use crate::error::StartError;

/// What becomes of a server's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keeping {
    /// It is to survive everything.
    Durable,
    /// It is thrown away soon.
    Disposable,
}

/// A private server, running or stopped. Dropping it leaves the server as it is.
pub(crate) trait Instance: Send + Sync {
    /// The url of the administrator: of the database `postgres`, or of the vhost `/`.
    fn url(&self) -> String;

    /// Where the broker's management answers; it takes the user and password of the url.
    fn management_url(&self) -> Option<String> {
        None
    }

    /// Starts the stopped server, on the same ports as before if they are still free.
    fn start_again(&mut self) -> Result<(), StartError>;

    /// Stops the server in an orderly way; kills it when that takes too long.
    fn stop(&mut self);

    /// Ends the server and its helpers at once, as a power cut would.
    fn kill(&mut self);
}
