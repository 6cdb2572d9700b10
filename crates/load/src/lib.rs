//! What can a platform and a gateway carry?
//!
//! Many phones ([`handset`]) and many agents from one process, each with its own WebRTC leg. What
//! they play was encoded once; nothing is decoded but a sample. Every packet carries a mark in its
//! padding ([`media::mark`]) that says whose it is and when it left, so for every single call the far
//! end knows whether it heard this call and no other, what was lost, and how long it took.
//!
//! ```text
//!            orders: dial, look, hang up
//!   run ──────────────────────────────────▶ seat ─▶ phone ─── platform
//!    ▲  ◀──────────────────────────────────        └▶ agent ── gateway
//!    │       news: up, seen, over
//!   plan     tally ◀─ judge (each call)    level ◀─ figures, processes (each stretch of time)
//! ```
//!
//! A run is good when no call lost its media, no two were mixed up and the targets were met.

mod agent;
mod bots;
mod caller;
mod figures;
mod judge;
mod level;
mod outcome;
mod own;
mod plan;
mod process;
mod progress;
mod relay;
mod report;
mod run;
mod seat;
mod sound;
mod system;
mod tally;
mod world;
mod yardstick;

pub use agent::{AgentError, LogInAs};
pub use bots::Bots;
pub use figures::Figures;
pub use judge::{Finding, judge};
pub use level::{Level, Used};
pub use outcome::{End, Ending, Hearing, Outcome, Sight, Stage, Tone};
pub use own::{Own, OwnError};
pub use plan::{Direction, Kind, Mix, Plan, PlanError, Targets};
pub use process::{Usage, Watched};
pub use progress::{Phase, Progress};
pub use relay::{Exchange, ExchangeError};
pub use report::Report;
pub use run::{LoadError, run};
pub use system::{Front, System, allow_many_sockets};
pub use world::WorldError;
pub use yardstick::YardstickError;
