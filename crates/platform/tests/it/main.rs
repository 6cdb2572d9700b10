//! The server as its clients see it: real HTTP, real webhooks, real media on loopback.

mod bench;
mod business;
mod delivery;
mod edition;
mod errors;
mod sandbox;
mod subscriptions;
