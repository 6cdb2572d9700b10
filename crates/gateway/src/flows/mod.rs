//! What answers a call when no person does, and what does it know?
//!
//! `switchboard::flow` reads and walks flows. Here is what that takes: `facts` of the user, `ask`
//! for the business's own endpoint, `speech` for texts, `record` for what is kept, and [`read`]
//! for whoever looks at a file without a gateway.

pub(crate) mod ask;
pub(crate) mod facts;
pub(crate) mod read;
pub(crate) mod record;
pub(crate) mod speech;

pub use ask::Refusal;
pub use read::{Source, read};
pub use record::{FlowRecord, StepRecord};
pub use speech::SpeechError;
