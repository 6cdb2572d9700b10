//! What this crate does with files it did not make.

mod activity;
mod hostile;
mod speech;
