//! Tells a session that is gone from a statement that was refused.

use sqlx::Error;

/// Tells whether the session is gone: cut, ended by the server or by a pooler. Whatever was open in it is rolled back, and only a
/// commit whose answer is missing may have happened.
///
/// SQLSTATE class 57P is the server's (a shutdown, `pg_terminate_backend`, `idle_session_timeout`), class 08 a pooler's, whose
/// own session with the server is gone, and 25P03 and 25P04 end the session with its transaction. A wait that was given up on this side is
/// none: nobody knows what became of it.
pub fn is_lost(error: &Error) -> bool {
    match error {
        Error::Io(error) => error.kind() != std::io::ErrorKind::TimedOut,
        Error::Database(error) => error.code().is_some_and(|code| {
            code.starts_with("57P") || code.starts_with("08") || matches!(&*code, "25P03" | "25P04")
        }),
        _ => false,
    }
}
