//! Where may a trunk lead, and whom may it ring?
//!
//! A trunk ends at telephones of the house: a PBX, a contact centre. The phone network is not on any
//! leg, by policy: [`Terminates`] is said aloud, [`host`] looks at where a trunk leads, and
//! [`Extensions`] are all that can be rung. There is no free dialling.

mod extensions;
mod policy;

pub use extensions::{EXTENSION_MAX, Extensions, PatternError};
pub use policy::{NotVoip, Terminates, host};
