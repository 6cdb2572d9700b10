//! What does this file say, with what lies beside it?

use std::path::Path;

use switchboard::flow::{Faults, Flow};

use crate::{
    config::FlowSource,
    prompts::{House, Shelf, ShelfError},
};

/// A flow's file, read without a gateway.
#[derive(Debug)]
pub struct Source {
    /// The flow, or its faults.
    pub flow: Result<Flow, Faults>,
}

/// Reads a flow with its prompts and the documents beside it. Texts count as spoken, queues and bots as there:
/// whether they are set up is the gateway's configuration's matter.
///
/// # Errors
///
/// A file cannot be read, or a prompt not played.
pub fn read(path: &Path) -> Result<Source, ShelfError> {
    let source = FlowSource::File(path.to_owned());
    let house = House { speech: true, queues: None, bots: None, trunks: None, by_platform: false };
    let (text, _, supplies) = Shelf::supplies_of(&source, &house)?;
    Ok(Source { flow: Flow::load(&text, &supplies) })
}
