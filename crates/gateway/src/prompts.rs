//! What can be played, and which flow plays it?
//!
//! Prompts are read and encoded once, when the gateway starts; playing one afterwards copies packets.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use audio::prompt::PromptError;
use media::frame::{AudioFrame, FrameError};
use switchboard::flow::{Faults, Flow, Supplies};

use crate::config::FlowSource;

/// The prompt a user on hold hears: a file of this name, or music of ours.
pub(crate) const HOLD_MUSIC: &str = "hold";

/// See `assets/hold.py`.
const MUSIC: &[u8] = include_bytes!("../assets/hold.ogg");

/// One packet of a prompt.
const FRAME: Duration = Duration::from_millis(20);

/// A flow and its prompts, ready to play.
#[derive(Debug)]
pub(crate) struct Shelf {
    /// The flow, if one is set.
    pub flow: Option<Arc<Flow>>,
    prompts: BTreeMap<String, Arc<[AudioFrame]>>,
}

/// Why a flow or a prompt cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ShelfError {
    /// A file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A prompt cannot be played.
    #[error("cannot use the prompt {name}")]
    Prompt {
        /// Its name.
        name: String,
        /// Why.
        #[source]
        source: PromptError,
    },
    /// A packet of a prompt cannot be sent.
    #[error("cannot use the prompt {name}")]
    Frame {
        /// Its name.
        name: String,
        /// Why.
        #[source]
        source: FrameError,
    },
    /// The flow has faults.
    #[error("the flow {path} cannot be used:\n{faults}")]
    Flow {
        /// Where it is.
        path: String,
        /// Every fault, by line.
        faults: Faults,
    },
}

impl Shelf {
    /// Reads a flow and its prompts.
    ///
    /// # Errors
    ///
    /// The first file that cannot be read or played, or every fault of the flow.
    pub(crate) fn load(source: Option<&FlowSource>) -> Result<Self, ShelfError> {
        match source {
            None => Ok(Self { flow: None, prompts: built_in()? }),
            Some(FlowSource::Embedded { toml, prompts }) => {
                let files = prompts.iter().map(|(name, file)| (name.clone(), file.clone()));
                Self::of("(embedded)", toml, files.collect())
            }
            Some(FlowSource::File(path)) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|source| ShelfError::Read { path: path.clone(), source })?;
                let folder = path.parent().unwrap_or_else(|| Path::new(".")).join("prompts");
                Self::of(&path.display().to_string(), &text, files_in(&folder)?)
            }
        }
    }

    fn of(path: &str, toml: &str, files: Vec<(String, Vec<u8>)>) -> Result<Self, ShelfError> {
        let mut prompts = built_in()?;
        for (name, file) in files {
            let frames = packets(&name, &file)?;
            prompts.insert(name, frames);
        }
        let supplies = Supplies {
            prompts: prompts.iter().map(|(name, frames)| (name.clone(), lasting(frames))).collect(),
            ..Supplies::default()
        };
        let flow = Flow::load(toml, &supplies)
            .map_err(|faults| ShelfError::Flow { path: path.to_owned(), faults })?;
        Ok(Self { flow: Some(Arc::new(flow)), prompts })
    }

    /// The packets of a prompt.
    #[must_use]
    pub(crate) fn prompt(&self, name: &str) -> Option<Arc<[AudioFrame]>> {
        self.prompts.get(name).map(Arc::clone)
    }
}

/// What there is without a folder of prompts.
fn built_in() -> Result<BTreeMap<String, Arc<[AudioFrame]>>, ShelfError> {
    Ok([(HOLD_MUSIC.to_owned(), packets(HOLD_MUSIC, MUSIC)?)].into())
}

fn packets(name: &str, file: &[u8]) -> Result<Arc<[AudioFrame]>, ShelfError> {
    let name = || name.to_owned();
    let packets =
        audio::prompt::load(file).map_err(|source| ShelfError::Prompt { name: name(), source })?;
    let frames: Result<Vec<_>, _> = packets.into_iter().map(AudioFrame::new).collect();
    Ok(frames.map_err(|source| ShelfError::Frame { name: name(), source })?.into())
}

fn lasting(frames: &Arc<[AudioFrame]>) -> Duration {
    FRAME * u32::try_from(frames.len()).unwrap_or(u32::MAX)
}

/// Every `.ogg` and `.wav` file; without the folder there are none, and the flow's check says so.
fn files_in(folder: &Path) -> Result<Vec<(String, Vec<u8>)>, ShelfError> {
    let fault = |path: &Path, source| ShelfError::Read { path: path.to_owned(), source };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(fault(folder, error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| fault(folder, error))?.path();
        let sound = path.extension().is_some_and(|ending| ending == "ogg" || ending == "wav");
        let Some(name) = path.file_stem().and_then(|name| name.to_str()).filter(|_| sound) else {
            continue;
        };
        let file = std::fs::read(&path).map_err(|error| fault(&path, error))?;
        files.push((name.to_owned(), file));
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_flow_and_its_prompts_load() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../demo/flow.toml");
        let shelf = Shelf::load(Some(&FlowSource::File(path.into()))).unwrap();
        assert!(shelf.flow.is_some());
        assert!(shelf.prompt("menu").unwrap().len() > 50);
    }

    #[test]
    fn there_is_music_without_any_prompt() {
        let shelf = Shelf::load(None).unwrap();
        assert!(shelf.prompt(HOLD_MUSIC).unwrap().len() > 500);
    }

    #[test]
    fn a_flow_with_a_fault_names_file_line_and_reason() {
        let toml = "start = \"a\"\n[step.a]\nplay = \"gone\"\nnext = \"a\"\n";
        let source = FlowSource::Embedded { toml: toml.into(), prompts: Vec::new() };
        let text = Shelf::load(Some(&source)).unwrap_err().to_string();
        assert!(text.contains("line 3, step `a`: no prompt `gone`"), "{text}");
    }
}
