//! What this crate does with files it did not make.

mod activity;
mod bitrate;
mod catch_up;
mod effort;
mod hostile;
mod keys;
mod prompts;
mod speech;
