//! Why was this call silent, short or refused?
//!
//! The verdicts are drawn from the call's record, the worst first: each says what was seen, what it
//! means and what to change.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use wire::{console::Diagnosis, sandbox::Verdict};

use super::{
    ApiError,
    calls::{call_id, look},
};
use crate::{
    calls::advice,
    cdr::{Cdr, LegRecord},
    console::session::Caller,
    office::Office,
};

/// From how many lost packets of a hundred people hear gaps in spite of Opus' repair.
const LOST_PERCENT: f64 = 3.0;
/// From how much jitter buffers of browsers add a delay that people notice.
const JITTER_MS: f32 = 40.0;

/// Why a call went as it did.
#[utoipa::path(get, path = "/v1/calls/{id}/diagnosis", tag = "calls",
    params(("id" = String, Path, description = "The call's id, `wacid.…`")),
    responses((status = 200, body = Object, description = "`{call_id, verdicts: [{code, text, fix}]}`"),
              (status = 404, body = super::Refused)))]
pub(super) async fn diagnosis(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Diagnosis>, ApiError> {
    let call_id = call_id(&id)?;
    let mut verdicts = Vec::new();
    if let Some(look) = look(&office, &caller, &call_id).await {
        if let Some(what) = look.waiting_for {
            verdicts.push(verdict("waiting", format!("The call waits for {what}."), None));
        }
        of_legs(look.whatsapp_leg.as_ref(), look.agent_leg.as_ref(), &mut verdicts);
    } else {
        let cdr = office.store.cdr(caller.lines(), call_id.clone()).await?;
        let cdr = cdr.ok_or_else(|| ApiError::not_found("no call has this id"))?;
        of_record(&cdr, &mut verdicts);
    }
    Ok(Json(Diagnosis { call_id, verdicts }))
}

fn of_record(cdr: &Cdr, verdicts: &mut Vec<Verdict>) {
    let fix = cdr.code.map(|code| advice(code, "")).filter(|text| !text.is_empty());
    let fix = fix.or_else(|| fix_of(&cdr.reason).map(str::to_owned));
    verdicts.push(verdict(&cdr.reason, cdr.text.clone(), fix));
    if cdr.answered_at.is_some() {
        of_legs(cdr.whatsapp_leg.as_ref(), cdr.agent_leg.as_ref(), verdicts);
    }
}

fn fix_of(reason: &str) -> Option<&'static str> {
    Some(match reason {
        "platform_unreachable" => "Check base_url, the network and the platform's status.",
        "session_unusable" => "The platform's SDP is not what we can speak; keep it and report it.",
        "no_media_from_whatsapp" | "whatsapp_media_failed" => {
            "Check that UDP is open both ways for the gateway's media ports, and that `advertised` \
             is the address the platform can reach."
        }
        "agent_media_failed" => {
            "Check that the agent's browser can reach the gateway's UDP port for browsers."
        }
        "agent_gone" => "The agent's page was closed, or its network failed.",
        "no_socket" => "Widen the range of media ports, or raise the limit of open files.",
        "nobody_answered" => "Have an agent be available, or set a flow.",
        _ => return None,
    })
}

fn of_legs(whatsapp: Option<&LegRecord>, agent: Option<&LegRecord>, verdicts: &mut Vec<Verdict>) {
    let sides = [("WhatsApp", "whatsapp", whatsapp), ("the agent", "agent", agent)];
    for (side, word, leg) in sides {
        let Some(leg) = leg else { continue };
        if leg.received == 0 {
            let text = format!("No audio came from {side}.");
            let fix = "Check the microphone there and the way of UDP to us.".to_owned();
            verdicts.push(verdict(&format!("silent_{word}"), text, Some(fix)));
            continue;
        }
        if leg.sent == 0 {
            let text = format!("No audio was sent to {side}.");
            verdicts.push(verdict(&format!("unsent_{word}"), text, None));
        }
        of_quality(side, word, leg, verdicts);
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share of packets for people")]
fn of_quality(side: &str, word: &str, leg: &LegRecord, verdicts: &mut Vec<Verdict>) {
    let lost = 100.0 * leg.lost as f64 / (leg.received + leg.lost) as f64;
    if lost >= LOST_PERCENT {
        let text = format!("{lost:.1} % of the audio from {side} was lost on the way.");
        verdicts.push(verdict(&format!("lossy_{word}"), text, None));
    }
    if let Some(jitter) = leg.jitter_ms.filter(|jitter| *jitter >= JITTER_MS) {
        let text = format!("The audio from {side} came unevenly ({jitter:.0} ms of jitter).");
        verdicts.push(verdict(&format!("jitter_{word}"), text, None));
    }
}

fn verdict(code: &str, text: String, fix: Option<String>) -> Verdict {
    Verdict { code: code.to_owned(), text, fix }
}
