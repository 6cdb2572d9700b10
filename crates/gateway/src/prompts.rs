//! What can be played, and which flow plays it?
//!
//! Prompts are read and encoded once, when the gateway starts; playing one afterwards copies packets. A
//! flow's file may redirect to the other flows that lie beside it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use audio::prompt::PromptError;
use media::frame::{AudioFrame, FrameError};
use switchboard::{
    flow::{BEEP, Faults, Flow, Supplies},
    trunk::Extensions,
};

use crate::config::{Config, FlowSource, Line};

/// The prompt a user on hold hears: a file of this name, or music of ours.
pub(crate) const HOLD_MUSIC: &str = "hold";

/// See `assets/hold.py`.
const MUSIC: &[u8] = include_bytes!("../assets/hold.ogg");

/// The beep before a message: hertz, dBFS, milliseconds. A file of its name replaces it.
const BEEP_TONE: (f32, f32, usize) = (1_000.0, -15.0, 300);

/// One packet of a prompt.
const FRAME: Duration = Duration::from_millis(20);

/// The most documents that lie beside a flow, and how long each may be.
const DOCUMENTS_MAX: (usize, u64) = (200, 256 * 1024);

/// What can be played, by name.
type Prompts = BTreeMap<String, Arc<[AudioFrame]>>;

/// A flow and its prompts, ready to play.
#[derive(Debug)]
pub(crate) struct Shelf {
    /// The flow, if one is set.
    pub flow: Option<Arc<Flow>>,
    /// Its document and those it leads to, the first one first.
    pub documents: Vec<FlowDocument>,
    /// What flows may refer to.
    pub supplies: Supplies,
    prompts: Prompts,
}

/// What a gateway has for its flows beside prompts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct House {
    /// Whether texts can be spoken.
    pub speech: bool,
    /// The queues flows may wait in; none where that is not known.
    pub queues: Option<BTreeSet<String>>,
    /// The bots flows may give calls to; none where that is not known.
    pub bots: Option<BTreeSet<String>>,
    /// The trunks flows may ring telephones on; none where that is not known.
    pub trunks: Option<BTreeMap<String, Extensions>>,
    /// Whether the platform records the calls.
    pub by_platform: bool,
}

impl House {
    /// What the flows of this line have.
    pub(crate) fn of(config: &Config, line: &Line) -> Self {
        let organisation = &line.organisation;
        let queues = config.queues.iter().filter(|queue| queue.organisation == *organisation);
        let queues = queues.map(|queue| queue.name.clone()).collect();
        let bots = config.bot_names(organisation);
        let trunks = config.trunks.iter().filter(|trunk| trunk.organisation == *organisation);
        let trunks = trunks.map(|trunk| (trunk.name.clone(), trunk.extensions.clone())).collect();
        let speech = config.speech.is_some();
        let by_platform = config.recording.platform_for(&line.number.digits).is_some();
        Self { speech, queues: Some(queues), bots: Some(bots), trunks: Some(trunks), by_platform }
    }

    fn supplies(&self, prompts: &Prompts) -> Supplies {
        let (queues, bots, trunks) = (self.queues.clone(), self.bots.clone(), self.trunks.clone());
        let prompts = lengths(prompts);
        let (speech, by_platform) = (self.speech, self.by_platform);
        Supplies { prompts, speech, by_platform, queues, bots, trunks, ..Supplies::default() }
    }
}

/// A flow's text.
#[derive(Debug, Clone)]
pub(crate) struct FlowDocument {
    /// Its name: the file's without its ending.
    pub name: String,
    /// What it says.
    pub text: String,
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
    pub(crate) fn load(source: Option<&FlowSource>, house: &House) -> Result<Self, ShelfError> {
        let Some(source) = source else {
            let prompts = built_in()?;
            let supplies = house.supplies(&prompts);
            return Ok(Self { flow: None, documents: Vec::new(), supplies, prompts });
        };
        let (text, prompts, supplies) = Self::supplies_of(source, house)?;
        let path = match source {
            FlowSource::File(path) => path.display().to_string(),
            FlowSource::Embedded { .. } => "(embedded)".into(),
        };
        let flow =
            Flow::load(&text, &supplies).map_err(|faults| ShelfError::Flow { path, faults })?;
        let mut documents =
            vec![FlowDocument { name: supplies.main.clone().unwrap_or_default(), text }];
        for name in flow.documents() {
            let text = supplies.documents.get(name).cloned().unwrap_or_default();
            documents.push(FlowDocument { name: name.to_owned(), text });
        }
        Ok(Self { flow: Some(Arc::new(flow)), documents, supplies, prompts })
    }

    /// A flow's text and what it may refer to, not checked.
    ///
    /// # Errors
    ///
    /// The first file that cannot be read or played.
    pub(crate) fn supplies_of(
        source: &FlowSource,
        house: &House,
    ) -> Result<(String, Prompts, Supplies), ShelfError> {
        let (text, files, documents, main) = match source {
            FlowSource::Embedded { toml, prompts } => {
                (toml.clone(), prompts.clone(), BTreeMap::new(), "flow".to_owned())
            }
            FlowSource::File(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|source| ShelfError::Read { path: path.clone(), source })?;
                let folder = path.parent().unwrap_or_else(|| Path::new("."));
                let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or("flow");
                let files = files_in(&folder.join("prompts"))?;
                (text, files, documents_in(folder)?, name.to_owned())
            }
        };
        let mut prompts = built_in()?;
        for (name, file) in files {
            let frames = packets(&name, &file)?;
            prompts.insert(name, frames);
        }
        let supplies = Supplies { documents, main: Some(main), ..house.supplies(&prompts) };
        Ok((text, prompts, supplies))
    }

    /// The packets of a prompt.
    #[must_use]
    pub(crate) fn prompt(&self, name: &str) -> Option<Arc<[AudioFrame]>> {
        self.prompts.get(name).map(Arc::clone)
    }
}

fn lengths(prompts: &Prompts) -> BTreeMap<String, Duration> {
    prompts.iter().map(|(name, frames)| (name.clone(), lasting(frames))).collect()
}

/// The documents beside a flow. Only those it redirects to are read as flows; a folder may hold other
/// files.
fn documents_in(folder: &Path) -> Result<BTreeMap<String, String>, ShelfError> {
    // A bare file name has an empty parent.
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let fault = |path: &Path, source| ShelfError::Read { path: path.to_owned(), source };
    let mut documents = BTreeMap::new();
    for entry in std::fs::read_dir(folder).map_err(|error| fault(folder, error))? {
        let path = entry.map_err(|error| fault(folder, error))?.path();
        let short =
            path.metadata().is_ok_and(|file| file.is_file() && file.len() <= DOCUMENTS_MAX.1);
        let toml = path.extension().is_some_and(|ending| ending == "toml");
        let Some(name) = path.file_stem().and_then(|name| name.to_str()).filter(|_| toml && short)
        else {
            continue;
        };
        if documents.len() == DOCUMENTS_MAX.0 {
            break;
        }
        // One that cannot be read is missed where it is redirected to.
        if let Ok(text) = std::fs::read_to_string(&path) {
            documents.insert(name.to_owned(), text);
        }
    }
    Ok(documents)
}

/// What there is without a folder of prompts.
fn built_in() -> Result<Prompts, ShelfError> {
    let beep = audio::prompt::encode(&audio::tone::sine(BEEP_TONE.0, BEEP_TONE.1, BEEP_TONE.2));
    let beep = beep.map_err(|source| ShelfError::Prompt { name: BEEP.to_owned(), source })?;
    let beep =
        frames(beep).map_err(|source| ShelfError::Frame { name: BEEP.to_owned(), source })?;
    let music = packets(HOLD_MUSIC, MUSIC)?;
    Ok([(HOLD_MUSIC.to_owned(), music), (BEEP.to_owned(), beep)].into())
}

fn packets(name: &str, file: &[u8]) -> Result<Arc<[AudioFrame]>, ShelfError> {
    let name = || name.to_owned();
    let packets =
        audio::prompt::load(file).map_err(|source| ShelfError::Prompt { name: name(), source })?;
    frames(packets).map_err(|source| ShelfError::Frame { name: name(), source })
}

/// Packets as a call sends them.
pub(crate) fn frames(packets: Vec<Box<[u8]>>) -> Result<Arc<[AudioFrame]>, FrameError> {
    packets.into_iter().map(AudioFrame::new).collect()
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

    const HOUSE: House =
        House { speech: false, queues: None, bots: None, trunks: None, by_platform: false };

    #[test]
    fn the_demo_flow_and_its_prompts_load() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../demo/flow.toml");
        let shelf = Shelf::load(Some(&FlowSource::File(path.into())), &HOUSE).unwrap();
        assert!(shelf.flow.is_some());
        assert!(shelf.prompt("menu").unwrap().len() > 50);
    }

    #[test]
    fn there_is_music_without_any_prompt() {
        let shelf = Shelf::load(None, &HOUSE).unwrap();
        assert!(shelf.prompt(HOLD_MUSIC).unwrap().len() > 500);
    }

    #[test]
    fn a_flow_with_a_fault_names_file_line_and_reason() {
        let toml = "start = \"a\"\n[step.a]\nplay = \"gone\"\nnext = \"a\"\n";
        let source = FlowSource::Embedded { toml: toml.into(), prompts: Vec::new() };
        let text = Shelf::load(Some(&source), &HOUSE).unwrap_err().to_string();
        assert!(text.contains("line 3, step `a`: no prompt `gone`"), "{text}");
    }
}
