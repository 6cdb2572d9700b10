//! Engines call each other over the loopback interface, by both ways of moving datagrams.

extern crate offhook_engine as engine;

mod bridge;
mod digits;
mod hostile;
mod lifecycle;
mod set_up;
mod support;
mod watch;
