//! How are calls announced, kept and delivered?
//!
//! [`announce`] makes what both sides hear, [`finish`] turns the kept packets into files on a worker
//! away from the packet path, [`transcribe`] asks a command for the words of files in [`scratch`], and
//! [`deliver`] stores the files and tells the business. A voicemail is the user's packets as they came.

mod announce;
mod command;
mod deliver;
mod finish;
mod scratch;
mod transcribe;

pub(crate) use announce::{Announcement, announcement_of, greeting_of};
pub(crate) use deliver::{Kept, SampleFault, deliver, deliver_voicemail, sample};
pub(crate) use scratch::Scratch;

/// The commands an operator may lend the platform.
#[derive(Debug, Clone)]
pub(crate) struct Tools {
    /// Speaks a text: WAV on its output.
    pub(crate) speech: Option<String>,
    /// Writes down a WAV file of one voice: text or JSON on its output.
    pub(crate) transcriber: Option<String>,
    /// Where that file lies meanwhile.
    pub(crate) scratch: Scratch,
}
