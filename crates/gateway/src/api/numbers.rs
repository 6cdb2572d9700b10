//! Which numbers are ours?

use std::sync::Arc;

use axum::{Json, extract::State};
use serde::Serialize;
use terms::{OrganisationId, WabaId};
use wire::console::Number;

use crate::{console::session::Caller, line::Line, office::Office};

/// The organisation's numbers.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct NumberList {
    numbers: Vec<NumberRow>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct NumberRow {
    #[serde(flatten)]
    number: Number,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<WabaId>,
    time_zone: String,
    organisation: OrganisationId,
}

impl From<&Arc<Line>> for NumberRow {
    fn from(line: &Arc<Line>) -> Self {
        Self {
            number: line.shown(),
            account: line.config.account.clone(),
            time_zone: line.config.time_zone.iana_name().unwrap_or("UTC").to_owned(),
            organisation: line.organisation.id.clone(),
        }
    }
}

/// The numbers of the caller's organisation.
#[utoipa::path(get, path = "/v1/numbers", tag = "numbers",
    responses((status = 200, body = NumberList, description = "`{numbers: [{phone_number_id, display, name?, account?, time_zone, organisation}]}`"),
              (status = 401, body = super::Refused)))]
pub(super) async fn list(State(office): State<Arc<Office>>, caller: Caller) -> Json<NumberList> {
    let numbers = office.lines.of(&caller.organisation).map(NumberRow::from).collect();
    Json(NumberList { numbers })
}
