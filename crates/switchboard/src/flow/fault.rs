//! What is wrong with a flow, where, and what should be written?

use std::fmt;

use super::Place;

/// One thing wrong with a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The document, when it is not the one that was read.
    pub document: Option<String>,
    /// Where it stands.
    pub place: Place,
    /// The step it is in.
    pub step: Option<String>,
    /// What is wrong and what to write.
    pub why: String,
}

/// Everything wrong with a flow, in the order of its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl Fault {
    /// A fault outside of steps.
    #[must_use]
    pub fn new(place: Place, why: String) -> Self {
        Self { document: None, place, step: None, why }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(document) = &self.document {
            write!(f, "{document}: ")?;
        }
        match (&self.place, &self.step) {
            (Place::Line(line), Some(step)) => write!(f, "line {line}, step `{step}`")?,
            // A path names its step.
            (place, _) => write!(f, "{place}")?,
        }
        write!(f, ": {}", self.why)
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, fault) in self.0.iter().enumerate() {
            let end = if n == 0 { "" } else { "\n" };
            write!(f, "{end}{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}
