//! The words both sides use: typed ids, parties, direction, money, numbers and their country, time.
//!
//! Every other room speaks these. An id is a newtype whose text was checked when it was made, so a
//! function that takes a [`CallId`] cannot be handed a phone number. Personal ids ([`WaId`],
//! [`UserId`]) show four characters in `Debug` and have no `Display`: whoever writes the full text
//! says so by calling `as_str`.

mod country;
mod id;
mod money;
mod party;
mod role;
mod slip;
mod time;
mod user;

pub use country::Country;
pub use id::{
    AgentId, AppId, CallId, IdError, LegId, LoggableCallId, MediaId, MessageId, OrganisationId,
    PhoneNumberId, TemplateId, UserId, WaId, WabaId,
};
pub use money::{Currency, CurrencyError, Money};
pub use party::{Direction, Party};
pub use role::Role;
pub use slip::nearest;
pub use time::{Timestamp, TimestampError};
pub use user::{ReachedBy, UserRef};
