//! What do agents' consoles ask and get?
//!
//! [`session`] is who they are, [`socket`] is the line that carries ringing, answers and changes.

pub(crate) mod session;
pub(crate) mod socket;
