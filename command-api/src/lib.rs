//! HTTP in, events out: the command side of Marquee.
