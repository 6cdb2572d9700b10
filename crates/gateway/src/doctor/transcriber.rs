//! Is what was said in recordings written down?
//!
//! Whoever is to do it is given a second of silence.

use super::finding::Finding;
use crate::{config::Config, transcription};

const CHECK: &str = "recording.transcriber";

/// Has silence written down; nothing where nobody writes anything down.
pub(super) async fn examine(config: &Config) -> Option<Finding> {
    let tried = transcription::try_out(config.transcription.as_ref()?).await;
    Some(match tried {
        Ok(()) => {
            let what = "The transcriber wrote down a second of silence.";
            Finding::ok(CHECK, "transcriber_well", what)
        }
        Err(why) => {
            let fix = "Run the command by hand with a WAV file, as the gateway's user; of a url check address, \
                       token and the far end's log.";
            let what = "The transcriber did not write down a second of silence.";
            Finding::fault(CHECK, "transcriber_fails", what, fix).seen(why)
        }
    })
}
