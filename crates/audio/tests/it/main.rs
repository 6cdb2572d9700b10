//! What this crate does with files it did not make.

mod hostile;
mod speech;
