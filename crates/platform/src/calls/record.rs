//! What is kept of a call?
//!
//! One document from its first moment, saved at each change. It holds the rules' own machine, so a
//! platform that was killed finds the call after its restart where it stood, and ends it properly.

use std::sync::Arc;

use media::sdp::{self, AudioSession};
use rules::{
    call::{Call, Verdict},
    price::Price,
};
use serde::{Deserialize, Serialize};
use terms::{CallId, Direction, PhoneNumberId, Timestamp, WaId};

use crate::directory::{Number, User};

/// What never changes about a call.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) id: CallId,
    pub(crate) direction: Direction,
    pub(crate) user: Arc<User>,
    pub(crate) number: Arc<Number>,
    pub(crate) deeplink_payload: Option<String>,
    pub(crate) cta_payload: Option<String>,
    /// Our SDP in the connect webhook: an offer, or the answer to the business's offer.
    pub(crate) platform_sdp: String,
}

impl Facts {
    /// The platform's own offer of a user's call.
    pub(crate) fn offer(&self) -> Option<AudioSession> {
        match self.direction {
            Direction::UserInitiated => sdp::parse(&self.platform_sdp).ok().map(|it| it.session),
            Direction::BusinessInitiated => None,
        }
    }
}

/// A business that repeats itself is not recorded for ever.
const REMARKS_MAX: usize = 16;

/// The document.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct CallRecord {
    pub(crate) id: CallId,
    pub(crate) direction: Direction,
    pub(crate) user: WaId,
    pub(crate) number: PhoneNumberId,
    pub(crate) deeplink_payload: Option<String>,
    pub(crate) cta_payload: Option<String>,
    pub(crate) call: Call,
    pub(crate) states: Vec<StateChange>,
    pub(crate) notes: Vec<Verdict>,
    pub(crate) findings: Vec<Finding>,
    /// Findings that no figure tells: SDP that was refused.
    #[serde(default)]
    pub(crate) remarks: Vec<Finding>,
    pub(crate) user_heard: Option<Heard>,
    pub(crate) business_heard: Option<Heard>,
    pub(crate) price: Option<Price>,
    /// The call's end is told everywhere; a record without it is taken up after a restart.
    pub(crate) settled: bool,
}

/// A state and when it began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StateChange {
    pub(crate) state: String,
    pub(crate) at: Timestamp,
}

/// What one party heard. What was not measured is absent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Heard {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dbfs: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tone_hz: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) loud_ms: Option<u32>,
    pub(crate) packets: u64,
    pub(crate) lost: u64,
    pub(crate) jitter_ms: f32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mos: Option<f32>,
}

/// Something a developer should know about a call that was silent or wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Finding {
    pub(crate) code: String,
    pub(crate) text: String,
    pub(crate) fix: String,
}

impl From<Verdict> for Finding {
    fn from(verdict: Verdict) -> Self {
        Self {
            code: verdict.as_str().to_owned(),
            text: verdict.text().to_owned(),
            fix: verdict.fix().to_owned(),
        }
    }
}

impl CallRecord {
    /// The record of a call that begins.
    pub(crate) fn new(facts: &Facts, call: Call, now: Timestamp) -> Self {
        let state = call.state().name().to_owned();
        Self {
            id: facts.id.clone(),
            direction: facts.direction,
            user: facts.user.wa_id.clone(),
            number: facts.number.id.clone(),
            deeplink_payload: facts.deeplink_payload.clone(),
            cta_payload: facts.cta_payload.clone(),
            call,
            states: vec![StateChange { state, at: now }],
            notes: Vec::new(),
            findings: Vec::new(),
            remarks: Vec::new(),
            user_heard: None,
            business_heard: None,
            price: None,
            settled: false,
        }
    }

    /// Remembers something that no figure tells, once.
    pub(crate) fn remark(&mut self, finding: Finding) {
        if self.remarks.len() < REMARKS_MAX && !self.remarks.contains(&finding) {
            self.remarks.push(finding.clone());
            self.findings.push(finding);
        }
    }

    /// What the figures say now, behind what was noted before.
    pub(crate) fn set_findings(&mut self, figures: Vec<Finding>) {
        let notes = self.notes.iter().map(|note| Finding::from(*note));
        self.findings = self.remarks.iter().cloned().chain(notes).chain(figures).collect();
    }

    /// Notes the state if it is a new one.
    pub(crate) fn note_state(&mut self, now: Timestamp) {
        let state = self.call.state().name();
        if self.states.last().is_none_or(|last| last.state != state) {
            self.states.push(StateChange { state: state.to_owned(), at: now });
        }
    }
}
