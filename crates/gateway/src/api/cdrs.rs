//! How do the records of calls come out, all of them?
//!
//! Page by page from the store to the connection, as fast as the reader takes them.

use std::sync::Arc;

use axum::{
    body::{Body, Bytes},
    extract::{Query, State},
    http::header,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use terms::Timestamp;

use super::ApiError;
use crate::{
    cdr::Cdr,
    console::session::Caller,
    export,
    office::Office,
    store::{LineSet, Store, StoreError},
};

/// How many records are in memory at a time.
const PAGE: u32 = 500;

#[derive(Deserialize)]
pub(super) struct Span {
    /// Calls that started from then on.
    from: Option<String>,
    /// Calls that started before then.
    to: Option<String>,
    /// Only this number of ours; all when absent.
    number: Option<String>,
}

/// Records as a table with a header.
#[utoipa::path(get, path = "/v1/cdrs.csv", tag = "calls",
    params(("from" = Option<String>, Query, description = "Calls that started from then on: RFC 3339, or a date (UTC)"),
           ("to" = Option<String>, Query, description = "Calls that started before then"),
           ("number" = Option<String>, Query, description = "Only this number of ours: digits or id")),
    responses((status = 200, content_type = "text/csv", body = String,
                  description = "The columns are in `docs/events.md`; what is not known is empty"),
              (status = 400, body = super::Refused, description = "Not a time")))]
pub(super) async fn csv(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Query(span): Query<Span>,
) -> Result<Response, ApiError> {
    let head = table(std::iter::once(export::COLUMNS))?;
    let lines = |cdrs: &[Cdr]| table(cdrs.iter().map(export::cells));
    let name = "attachment; filename=\"cdrs.csv\"";
    let headers =
        [(header::CONTENT_TYPE, "text/csv; charset=utf-8"), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, body(&office, &caller, &span, head, lines)?).into_response())
}

/// Records, one JSON document a line.
#[utoipa::path(get, path = "/v1/cdrs.jsonl", tag = "calls",
    params(("from" = Option<String>, Query, description = "Calls that started from then on: RFC 3339, or a date (UTC)"),
           ("to" = Option<String>, Query, description = "Calls that started before then"),
           ("number" = Option<String>, Query, description = "Only this number of ours: digits or id")),
    responses((status = 200, content_type = "application/jsonl", body = String,
                  description = "Each line is a `Cdr`, the data of `call.ended`; what is not known is absent"),
              (status = 400, body = super::Refused, description = "Not a time")))]
pub(super) async fn jsonl(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Query(span): Query<Span>,
) -> Result<Response, ApiError> {
    let headers = [(header::CONTENT_TYPE, "application/jsonl")];
    Ok((headers, body(&office, &caller, &span, Bytes::new(), documents)?).into_response())
}

/// Where the export is.
struct Reading<L> {
    store: Store,
    /// Whose calls.
    of: LineSet,
    from: Timestamp,
    to: Timestamp,
    /// Start and id of the last call written.
    after: (i64, String),
    lines: L,
    over: bool,
}

fn body<L>(
    office: &Office,
    caller: &Caller,
    span: &Span,
    head: Bytes,
    lines: L,
) -> Result<Body, ApiError>
where
    L: Fn(&[Cdr]) -> Result<Bytes, StoreError> + Send + 'static,
{
    let from = moment(span.from.as_deref(), Timestamp::from_unix_ms(0))?;
    let to = moment(span.to.as_deref(), Timestamp::from_unix_ms(i64::MAX))?;
    let of = match span.number.as_deref().filter(|number| !number.is_empty()) {
        Some(number) => LineSet::one(caller.line(office, Some(number))?.id()),
        None => caller.lines(),
    };
    let store = office.store.clone();
    let after = (i64::MIN, String::new());
    let reading = Reading { store, of, from, to, after, lines, over: false };
    let pages = futures_util::stream::unfold((Some(head), reading), |(head, reading)| async {
        match head {
            Some(head) => Some((Ok(head), (None, reading))),
            None => next(reading).await.map(|(page, reading)| (page, (None, reading))),
        }
    });
    Ok(Body::from_stream(pages))
}

/// The next page; an error cuts the connection, so that nobody takes a part for the whole.
async fn next<L>(mut reading: Reading<L>) -> Option<(Result<Bytes, StoreError>, Reading<L>)>
where
    L: Fn(&[Cdr]) -> Result<Bytes, StoreError>,
{
    if reading.over {
        return None;
    }
    let Reading { from, to, .. } = reading;
    let (of, after) = (reading.of.clone(), reading.after.clone());
    let page = reading.store.cdrs_between(of, from, to, after, PAGE).await;
    let page = page.and_then(|cdrs| {
        let last =
            cdrs.last().map(|cdr| (cdr.started_at.unix_ms(), cdr.call_id.as_str().to_owned()));
        Ok((last, (reading.lines)(&cdrs)?))
    });
    match page {
        Ok((None, _)) => None,
        Ok((Some(last), lines)) => {
            reading.after = last;
            Some((Ok(lines), reading))
        }
        Err(error) => {
            tracing::error!(%error, "an export of records breaks off");
            reading.over = true;
            Some((Err(error), reading))
        }
    }
}

pub(super) fn table<R, C>(rows: impl Iterator<Item = R>) -> Result<Bytes, StoreError>
where
    R: IntoIterator<Item = C>,
    C: AsRef<[u8]>,
{
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.write_record(row).map_err(StoreError::Export)?;
    }
    let written =
        writer.into_inner().map_err(|error| StoreError::Export(error.into_error().into()))?;
    Ok(written.into())
}

fn documents(cdrs: &[Cdr]) -> Result<Bytes, StoreError> {
    let mut lines = Vec::new();
    for cdr in cdrs {
        serde_json::to_writer(&mut lines, cdr)?;
        lines.push(b'\n');
    }
    Ok(lines.into())
}

/// A time, or the midnight (UTC) a date begins with.
fn moment(text: Option<&str>, or: Timestamp) -> Result<Timestamp, ApiError> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(or) };
    let date = || format!("{text}T00:00:00Z").parse();
    text.parse::<Timestamp>().or_else(|_| date()).map_err(|_| {
        ApiError::invalid("from and to are times such as 2026-11-28T09:00:00Z, or dates")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_its_first_moment_and_nonsense_is_refused() {
        let or = Timestamp::from_unix(7);
        let at = |text| moment(Some(text), or).ok();
        assert_eq!(at("2026-07-02T13:46:40Z"), Some(Timestamp::from_unix(1_783_000_000)));
        assert_eq!(at("2026-07-02"), Some(Timestamp::from_unix(1_782_950_400)));
        assert_eq!(at(""), Some(or));
        assert_eq!(at("yesterday"), None);
    }
}
