//! The real binary, as processes of its own.
#![allow(clippy::print_stderr, reason = "a failing test shows what its processes printed")]

mod agent;
mod bucket;
mod capture;
mod consent;
mod dialog;
mod doctor;
mod drain;
mod event_receiver;
mod examples;
mod hears;
mod http;
mod init;
mod kill;
mod kills;
mod kills_beside;
mod left_behind;
mod load;
mod logs;
mod numbers;
mod over_sip;
mod platform_records;
mod process;
mod queue;
mod quote;
mod reconciliation;
mod rules;
mod sample_bots;
mod sandbox;
mod scene;
mod tee;
mod understood;
