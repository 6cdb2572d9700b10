//! A gateway against a platform of the test: real sockets, real media, measured.

#![expect(clippy::unwrap_used, reason = "a test says what it needs by failing")]

mod agents;
mod config;
mod consent;
mod desk;
mod drain;
mod events;
mod flows;
mod hand_over;
mod openapi;
mod orphans;
mod parked;
mod placed;
mod queues;
mod receiver;
mod rest;
mod tls;
mod upstream;
mod voice;
mod webhooks;
