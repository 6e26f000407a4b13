//! Sessions of PostgreSQL: what is set in each, whether it is one's own, and what is asked again when it was lost.
//!
//! Everything that Marquee says to a database goes through a session, and much of it rests on the session being what the code
//! believes: its timeouts, its isolation, where names are looked up, and that nobody else's statements run in it. A server's,
//! a database's and a role's settings can make it another one, and so can a pooler in between.

mod ask;
mod leave;
mod lost;
mod own;
mod settings;
mod transact;

pub use ask::{ANSWER_TIMEOUT, ask, expect_alive, living};
pub use leave::leave_nothing;
pub use lost::is_lost;
pub use own::{Mark, SharedSessions, expect_own, is_shared};
pub use settings::Settings;
pub use transact::transact;
