//! Who speaks the texts of flows?
//!
//! A command of the business's choice, run once for each text: words in on its standard input, WAV or
//! Ogg Opus out. What every caller hears in the same words is made when the gateway starts and kept
//! on disk by its content. What names a caller is made in the call and kept in memory only, for a while.

use std::{
    collections::{BTreeMap, VecDeque},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use audio::prompt::PromptError;
use media::frame::{AudioFrame, FrameError};
use sha2::{Digest, Sha256};
use switchboard::flow::{Flow, Spoken};
use tokio::sync::Semaphore;

use crate::{
    command::{CommandFault, Held, Run},
    config::SpeechCommand,
    prompts,
};

/// How many commands run at a time: speaking takes a processor.
const AT_ONCE: usize = 2;
/// The most sound taken from a command: ten minutes of 48 kHz.
const SOUND_MAX: usize = 64 * 1024 * 1024;
/// How many texts of calls are kept: those who are asked again hear the same words.
const KEPT_MAX: usize = 64;

/// What is heard of a text.
pub(crate) type Sound = Arc<[AudioFrame]>;

/// The business's speech command and what it has said.
#[derive(Debug)]
pub(crate) struct Speech {
    command: SpeechCommand,
    /// Where fixed texts are kept; nowhere without it.
    folder: Option<PathBuf>,
    seats: Semaphore,
    said: Mutex<Said>,
}

#[derive(Debug, Default)]
struct Said {
    /// What every caller hears.
    fixed: BTreeMap<Spoken, Sound>,
    /// What was made in calls, the newest last.
    calls: VecDeque<(Spoken, Sound)>,
}

/// Why a text cannot be spoken.
#[derive(Debug, thiserror::Error)]
pub enum SpeechError {
    /// The command cannot be started, or its pipes broke.
    #[error("cannot run the speech command")]
    Run(#[source] std::io::Error),
    /// It took too long.
    #[error("the speech command took longer than {0:?}")]
    Late(Duration),
    /// It said that it failed.
    #[error("the speech command failed with {0}")]
    Failed(std::process::ExitStatus),
    /// It wrote more sound than anybody hears.
    #[error("the speech command wrote more than {0} bytes")]
    TooMuch(usize),
    /// What it wrote cannot be played.
    #[error("the speech command wrote no sound")]
    Sound(#[source] PromptError),
    /// A packet of the sound cannot be sent.
    #[error("the speech command's sound cannot be sent")]
    Frame(#[source] FrameError),
    /// The worker is gone: the gateway stops.
    #[error("nothing speaks any more")]
    Stopped,
}

impl Speech {
    /// Speaks by this command, and keeps fixed texts under the gateway's folder.
    pub(crate) fn new(command: SpeechCommand, data_dir: Option<&std::path::Path>) -> Self {
        let folder = data_dir.map(|folder| folder.join("speech"));
        Self { command, folder, seats: Semaphore::new(AT_ONCE), said: Mutex::default() }
    }

    fn said(&self) -> std::sync::MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes what a flow says to everybody, so that no caller waits for it.
    ///
    /// # Errors
    ///
    /// The first step whose text cannot be spoken.
    pub(crate) async fn prepare(&self, flow: &Flow) -> Result<(), (String, SpeechError)> {
        for (step, spoken) in flow.fixed_speeches() {
            if self.ready(&spoken).is_some() {
                continue;
            }
            let made = self.make(spoken.clone(), true).await;
            let sound = made.map_err(|error| (step.to_owned(), error))?;
            self.said().fixed.insert(spoken, sound);
        }
        Ok(())
    }

    /// What has been made of these words.
    pub(crate) fn ready(&self, spoken: &Spoken) -> Option<Sound> {
        let said = self.said();
        let made = || said.calls.iter().find(|(words, _)| words == spoken);
        said.fixed.get(spoken).or_else(|| made().map(|(_, sound)| sound)).map(Arc::clone)
    }

    /// Makes words of a call into sound.
    ///
    /// # Errors
    ///
    /// The command does not speak them in time.
    pub(crate) async fn say(&self, spoken: Spoken) -> Result<Sound, SpeechError> {
        let sound = self.make(spoken.clone(), false).await?;
        let mut said = self.said();
        if said.calls.len() >= KEPT_MAX {
            said.calls.pop_front();
        }
        said.calls.push_back((spoken, Arc::clone(&sound)));
        Ok(sound)
    }

    async fn make(&self, spoken: Spoken, keep: bool) -> Result<Sound, SpeechError> {
        let limit = self.command.timeout;
        let waited = tokio::time::timeout(limit, self.seats.acquire()).await;
        let seat =
            waited.map_err(|_| SpeechError::Late(limit))?.map_err(|_| SpeechError::Stopped)?;
        let command = self.command.clone();
        let kept = self.folder.clone().filter(|_| keep);
        let made = tokio::task::spawn_blocking(move || match kept {
            Some(folder) => kept_or_made(&folder, &command, &spoken),
            None => sound_of(&run(&command, &spoken)?),
        });
        let made = made.await.map_err(|_| SpeechError::Stopped)?;
        drop(seat);
        made
    }
}

/// Reads what was made before, or makes it and keeps it.
fn kept_or_made(
    folder: &std::path::Path,
    command: &SpeechCommand,
    spoken: &Spoken,
) -> Result<Sound, SpeechError> {
    let path = folder.join(name_of(command, spoken));
    if let Some(sound) = std::fs::read(&path).ok().and_then(|file| sound_of(&file).ok()) {
        return Ok(sound);
    }
    let file = run(command, spoken)?;
    let sound = sound_of(&file)?;
    let written = std::fs::create_dir_all(folder).and_then(|()| {
        // Whole or not at all: a gateway that is killed meanwhile leaves no half of it.
        let part = path.with_extension("part");
        std::fs::write(&part, &file)?;
        std::fs::rename(&part, &path)
    });
    if let Err(error) = written {
        tracing::warn!(%error, "what was spoken cannot be kept; the next start makes it again");
    }
    Ok(sound)
}

/// A name by content: another command, voice or text is another file.
fn name_of(command: &SpeechCommand, spoken: &Spoken) -> String {
    let digest = Sha256::digest(format!("{:?}\n{spoken:?}", command.words(spoken)));
    digest.iter().take(16).fold(String::new(), |name, byte| name + &format!("{byte:02x}"))
}

fn sound_of(file: &[u8]) -> Result<Sound, SpeechError> {
    let packets = audio::prompt::load(file).map_err(SpeechError::Sound)?;
    prompts::frames(packets).map_err(SpeechError::Frame)
}

/// Runs the command and returns what it wrote.
fn run(command: &SpeechCommand, spoken: &Spoken) -> Result<Vec<u8>, SpeechError> {
    let words = command.words(spoken);
    let (input, limit) = (spoken.text.as_bytes(), command.timeout);
    Ok(Run { words: &words, input, limit, bytes_max: SOUND_MAX }.output(&Held::default())?)
}

impl From<CommandFault> for SpeechError {
    fn from(fault: CommandFault) -> Self {
        match fault {
            CommandFault::Run(source) => Self::Run(source),
            CommandFault::Late(limit) => Self::Late(limit),
            CommandFault::Failed(status) => Self::Failed(status),
            CommandFault::TooMuch(most) => Self::TooMuch(most),
            CommandFault::LetGo => Self::Stopped,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spoken(text: &str) -> Spoken {
        Spoken { text: text.into(), language: None, voice: None }
    }

    fn command(words: &[&str]) -> SpeechCommand {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        SpeechCommand::new(words, None, None, Duration::from_millis(300)).unwrap()
    }

    #[tokio::test]
    async fn a_command_that_fails_hangs_or_says_nothing_is_a_fault() {
        for (words, told) in [
            (["false"].as_slice(), "failed with"),
            (&["sleep", "60"], "longer than 300ms"),
            (&["cat"], "wrote no sound"),
            (&["/no/such/program"], "cannot run"),
        ] {
            let speech = Speech::new(command(words), None);
            let error = speech.say(spoken("hello")).await.unwrap_err().to_string();
            assert!(error.contains(told), "{words:?}: {error}");
        }
    }

    #[tokio::test]
    async fn words_go_in_and_a_tone_comes_out_and_is_kept_by_its_content() {
        let data = tempfile::tempdir().unwrap();
        let tone = data.path().join("tone.wav");
        let sound = audio::tone::sine(440.0, -15.0, 200);
        std::fs::write(&tone, audio::wav::write_mono(&sound).unwrap()).unwrap();
        let count = data.path().join("count");
        let script = format!("wc -c >> {}; cat {}", count.display(), tone.display());
        let make = || {
            let mut command = command(&["sh", "-c", &script]);
            command.timeout = Duration::from_secs(20);
            Speech::new(command, Some(data.path()))
        };
        let supplies = switchboard::flow::Supplies { speech: true, ..Default::default() };
        let text =
            "start = \"a\"\n[step.a]\nsay = \"hello\"\nnext = \"b\"\n[step.b]\nhang_up = true\n";
        let flow = Flow::load(text, &supplies).unwrap();
        for _ in 0..2 {
            let speech = make();
            speech.prepare(&flow).await.unwrap();
            assert!(speech.ready(&spoken("hello")).unwrap().len() >= 10);
            assert!(speech.ready(&spoken("other")).is_none());
        }
        assert_eq!(
            std::fs::read_to_string(&count).unwrap().trim(),
            "5",
            "made once, of five bytes"
        );
        let speech = make();
        speech.say(spoken("Ana")).await.unwrap();
        assert!(speech.ready(&spoken("Ana")).is_some());
        assert_eq!(std::fs::read_dir(data.path().join("speech")).unwrap().count(), 1, "Ana is not");
    }
}
