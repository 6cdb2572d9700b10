//! What is kept of a caller's way through flows?

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use switchboard::flow::Trail;

use super::ask::Refusal;

/// The most signs kept of why an endpoint's flow could not be used.
const WHY_MAX: usize = 500;

/// A caller's way through flows. Bounded by the switchboard.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FlowRecord {
    /// What became of asking the business's endpoint, if it was asked: `answered`, `declined`, or why
    /// the flow of the configuration was used: `late`, `failed`, `too_big`, `invalid`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<String>,
    /// The same for people, when its flow could not be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_why: Option<String>,
    /// The steps, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub path: Vec<StepRecord>,
    /// How many steps followed that are not kept.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: u32,
    /// What `set` steps set.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
}

/// A step the caller was in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct StepRecord {
    /// Its name; `document/name` when it is in another document.
    pub step: String,
    /// The keys that answered its question, unless the flow calls them private.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<String>,
}

/// What became of asking the endpoint for a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Its flow is used.
    Answered,
    /// It leaves the call to the flow of the configuration.
    Declined,
    /// Its flow cannot be used.
    Refused(Refusal),
}

impl Asked {
    /// A stable word.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Declined => "declined",
            Self::Refused(why) => why.as_str(),
        }
    }
}

impl FlowRecord {
    /// The record of a call; none when it was in no flow and none was asked for.
    pub(crate) fn of(trail: &Trail, asked: Option<&Asked>) -> Option<Self> {
        if trail.path().is_empty() && asked.is_none() {
            return None;
        }
        let step = |visited: &switchboard::flow::Visited| StepRecord {
            step: visited.step.clone(),
            keys: visited.keys.clone(),
        };
        Some(Self {
            asked: asked.map(|asked| asked.as_str().to_owned()),
            asked_why: asked.and_then(|asked| match asked {
                Asked::Refused(why) => Some(why.to_string().chars().take(WHY_MAX).collect()),
                Asked::Answered | Asked::Declined => None,
            }),
            path: trail.path().iter().map(step).collect(),
            left_out: trail.left_out(),
            variables: trail.variables().clone(),
        })
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands in a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}
