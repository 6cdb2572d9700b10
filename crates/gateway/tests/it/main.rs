//! A gateway against a platform of the test: real sockets, real media, measured.

#![expect(clippy::unwrap_used, reason = "a test says what it needs by failing")]

mod access;
mod agent_dials;
mod agent_referral;
mod agent_telephones;
mod agents;
mod asked;
mod asyncapi;
mod baresip;
mod beside;
mod bots;
mod bots_activity;
mod bots_builtin;
mod bots_come;
mod bots_model;
mod config;
mod consent;
mod counted;
mod desk;
mod drain;
mod events;
#[path = "../../../sip/tests/it/far_end.rs"]
#[expect(dead_code, reason = "the tests of the SIP room use the rest of it")]
mod far_end;
mod flows;
mod hand_over;
mod helpers;
mod idempotency;
mod isolation;
mod kamailio;
mod keys_heard;
mod lines;
mod meta;
mod money;
mod number_settings;
mod numberless;
mod observed;
mod openapi;
mod orders;
mod orphans;
mod parked;
mod placed;
mod platform_recordings;
mod queues;
mod receiver;
mod recordings;
mod referral;
mod replacement;
mod rest;
mod side_by_side;
mod spoken;
mod talk;
mod telephone_calls;
mod tls;
mod transcripts;
mod trunk_dtls;
mod trunk_registers;
mod trunk_sound;
mod trunks;
mod upstream;
mod upstream_sip;
mod voice;
mod webhooks;
mod wideband;
