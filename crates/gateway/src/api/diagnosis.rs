//! Why was this call silent, short or refused?
//!
//! What is known of the call goes to [`switchboard::diagnosis`]; each verdict says what was seen, what shows
//! it and what to change.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use switchboard::diagnosis::{End, Facts, Finding, diagnose};
use terms::Direction;
use wire::console::{Diagnosis, Verdict};

use super::{
    ApiError,
    calls::{call_id, look},
};
use crate::{
    calls::{advice, registry::Look},
    cdr::{Cdr, LegRecord},
    clock,
    console::session::Caller,
    flows::FlowRecord,
    office::Office,
};

/// Why a call went as it did.
#[utoipa::path(get, path = "/v1/calls/{id}/diagnosis", tag = "calls",
    params(("id" = String, Path, description = "The call's id, `wacid.…`")),
    responses((status = 200, body = Diagnosis, description = "`{call_id, verdicts: [{code, text, evidence?, fix?, facts?}]}`"),
              (status = 404, body = super::Refused)))]
pub(super) async fn diagnosis(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Diagnosis>, ApiError> {
    let call_id = call_id(&id)?;
    let verdicts = match look(&office, &caller, &call_id).await {
        Some(look) => of_look(&look),
        None => {
            let cdr = office.store.cdr(caller.lines(), call_id.clone()).await?;
            of_record(&cdr.ok_or_else(|| ApiError::not_found("no call has this id"))?)
        }
    };
    Ok(Json(Diagnosis { call_id, verdicts }))
}

fn of_look(look: &Look) -> Vec<Verdict> {
    let waits = look.waiting_for.map(|what| Verdict {
        code: "waiting".into(),
        text: format!("The call waits for {what}."),
        evidence: None,
        fix: None,
        facts: [("what".to_owned(), what.to_owned())].into(),
    });
    let answered_at = look.call.as_ref().and_then(|call| call.answered_at);
    let facts = Facts {
        end: None,
        answered: answered_at.is_some(),
        seconds: answered_at.map(|at| clock::now().since(at).as_secs()),
        by_user: look.call.as_ref().is_some_and(|call| call.direction == Direction::UserInitiated),
        whatsapp: look.whatsapp_leg.as_ref().map(LegRecord::facts),
        agent: look.agent_leg.as_ref().map(LegRecord::facts),
    };
    let found = diagnose(&facts).into_iter().map(verdict);
    waits.into_iter().chain(of_flow(look.flow.as_ref())).chain(found).collect()
}

fn of_record(cdr: &Cdr) -> Vec<Verdict> {
    let facts = Facts {
        end: Some(End {
            reason: &cdr.reason,
            text: &cdr.text,
            code: cdr.code.map(|code| (code, advice(code, ""))),
        }),
        answered: cdr.answered_at.is_some(),
        seconds: cdr.duration_s,
        by_user: cdr.direction == Direction::UserInitiated,
        whatsapp: cdr.whatsapp_leg.as_ref().map(LegRecord::facts),
        agent: cdr.agent_leg.as_ref().map(LegRecord::facts),
    };
    let found = diagnose(&facts).into_iter().map(verdict);
    found.chain(of_flow(cdr.flow.as_ref())).collect()
}

/// The flow endpoint's answer could not be used.
fn of_flow(flow: Option<&FlowRecord>) -> Option<Verdict> {
    let why = flow?.asked_why.as_ref()?;
    let cause = flow?.asked.clone().map(|cause| ("cause".to_owned(), cause));
    Some(Verdict {
        code: "flow_not_asked".into(),
        text: "The flow of the configuration answered, not the endpoint's.".into(),
        evidence: Some(why.clone()),
        fix: Some("Answer within the timeout with status 200 and a flow, or with 204.".into()),
        facts: [("why".to_owned(), why.clone())].into_iter().chain(cause).collect(),
    })
}

fn verdict(finding: Finding) -> Verdict {
    let Finding { code, text, evidence, fix, facts } = finding;
    let facts = facts.into_iter().map(|(fact, value)| (fact.to_owned(), value)).collect();
    Verdict { code, text, evidence, fix, facts }
}
