//! Each service's database role and broker user do what the service needs, and are refused everything else.

mod broker;
mod databases;
