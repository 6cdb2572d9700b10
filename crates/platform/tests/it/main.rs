//! The server as its clients see it: real HTTP, real webhooks, real media on loopback.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, and says where")]

mod accounts;
mod analytics;
mod answers;
mod bad_media;
mod bench;
mod borders;
mod broken;
mod burst;
mod business;
mod business_calls;
mod capture;
mod chaos;
mod consent;
mod delivery;
mod edition;
mod endpoints;
mod errors;
mod every_error;
mod faults;
mod g711;
mod hidden_numbers;
mod manager;
mod media_files;
mod messages;
mod openapi;
mod phones;
mod price;
mod privacy;
mod quality;
mod repeatable;
mod sandbox;
mod sdes;
mod settings;
mod subscriptions;
mod templates;
mod trigger;
mod two_accounts;
mod user_calls;
mod verdicts;
mod voicemail;
