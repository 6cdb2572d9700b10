//! The user's phone as a library: for tests, the demo's scripted users, load and `offhook call`.
//!
//! A [`Handset`] is what the page in a browser is, without the browser: the same WebSocket to the
//! platform, the same WebRTC leg over a real socket. It plays Opus packets made beforehand, so a
//! thousand of them need no encoder, and it measures what it hears.
//!
//! ```no_run
//! # extern crate offhook_handset as handset;
//! use handset::{Handset, Payloads, Settings};
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let engine = engine::Engine::start(engine::Config::default())?;
//! let settings = Settings::new("http://127.0.0.1:8400", "5215550000001".parse()?);
//! let ana = Handset::connect(&engine, settings).await?;
//! ana.call("551140000000".parse()?, Payloads::default()).await?;
//! ana.answered().await?;
//! tokio::time::sleep(std::time::Duration::from_secs(5)).await;
//! ana.hang_up().await?;
//! println!("{:?}, heard {:?}", ana.ended().await?, ana.heard().await?);
//! # Ok(())
//! # }
//! ```
//!
//! What the phone does by itself is its [`Behaviour`](wire::sandbox::Behaviour): whether it picks up,
//! what it plays, which keys it presses, when it hangs up, how it decides on being called. One task
//! owns the connection and the one call a phone can be in. When the [`Handset`] is dropped, the
//! connection closes and the platform ends the call.
//!
//! ```text
//!   Idle ──call──▶ Calling ─accepted──▶ Talking ──▶ Ended ──call | incoming──▶ …
//!    └──incoming─▶ Incoming ─pick up─────▲           ▲
//!                      └──────reject, ended──────────┘
//! ```

mod actor;
mod connect;
mod ear;
mod fault;
mod heard;
mod line;
mod media_leg;
mod phone;
pub mod sound;

pub use connect::Settings;
pub use ear::Ear;
pub use fault::{CallError, ConnectError, Gone, NotAnswered};
pub use heard::{Heard, Recording, SetUp};
pub use media_leg::{AnswerFault, Closed, Ears, Lost, MediaLeg};
pub use phone::{Ending, Handset, LineState, Payloads, Tags};
