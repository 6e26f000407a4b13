//! The program as people run it: processes that are started, asked, interrupted and killed.
#![allow(clippy::panic)]

mod announcement;
mod canary;
mod chaos;
mod child;
mod crash;
mod demo_set;
mod deployment;
mod events;
mod failover;
mod history;
mod importing;
mod interrupted_rebuild;
mod least_privilege;
mod load;
mod log;
mod nobody;
mod parking;
mod pausing;
mod pooler;
mod private_servers;
mod production;
mod rebuilding;
mod refusals;
mod restored_log;
mod sabotage;
mod separate_services;
mod standby;
mod status;
mod tls;
mod told;
mod up;
mod verify;
mod writer;
