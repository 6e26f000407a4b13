//! What Marquee is compared with: the stock libraries, and the bare operations that nothing built on them can beat.

pub(crate) mod bare_bus;
pub(crate) mod copy;
pub(crate) mod empty_handler;
pub(crate) mod insert;
pub(crate) mod insert_publish;
pub(crate) mod search;
pub(crate) mod stock;
