//! A gateway against a platform of the test: real sockets, real media, measured.

#![expect(clippy::unwrap_used, reason = "a test says what it needs by failing")]

mod agents;
mod consent;
mod desk;
mod flows;
mod openapi;
mod orphans;
mod parked;
mod placed;
mod rest;
mod upstream;
mod voice;
mod webhooks;
