//! Whom does a call reach?
//!
//! The business's side of every decision: [`call::Call`] is one call as the business sees it, in
//! both directions; [`flow::Flow`] is what answers when no person does, [`builtin::Builtin`] a bot that
//! needs no program; [`agent::Roster`] knows who could, [`access`] who may; [`queue::Floor`] who waits for
//! whom; [`consent::Standing`] is what we know of a user's consent; [`budget`] and [`guard`] are the
//! business's own brakes, [`trunk`] keeps them off the phone network; [`diagnosis`] says why a call was
//! silent.
//! Facts and the time come in, [`call::Effect`]s go out; the gateway carries them out. There is no
//! clock, no socket and no thread here, so a whole call can be played in a test.

pub mod access;
pub mod agent;
pub mod budget;
pub mod builtin;
pub mod call;
pub mod consent;
pub mod diagnosis;
pub mod flow;
pub mod guard;
pub mod queue;
pub mod recording;
pub mod trunk;
