//! Which ended calls fit, page by page?

use rusqlite::named_params;
use terms::{Direction, Timestamp};

use super::{LineSet, Store, StoreError};
use crate::cdr::Cdr;

/// What calls are looked for; what is absent fits all.
#[derive(Debug, Clone, Default)]
pub(crate) struct Search {
    /// Only those of these lines.
    pub lines: LineSet,
    /// Who called.
    pub direction: Option<Direction>,
    /// The agent who had it.
    pub agent: Option<String>,
    /// The user's country, two letters.
    pub country: Option<String>,
    /// Why it ended.
    pub reason: Option<String>,
    /// Whether it was a user's call that nobody answered.
    pub missed: Option<bool>,
    /// A part of the user's number, id or name.
    pub contact: Option<String>,
    /// Calls that started from then on.
    pub from: Option<Timestamp>,
    /// Calls that started before then.
    pub to: Option<Timestamp>,
    /// A part of the notes.
    pub text: Option<String>,
    /// What came of it.
    pub wrap_up: Option<String>,
    /// Only those older than the call of this start and id.
    pub before: Option<(i64, String)>,
    /// How many at most.
    pub limit: u32,
}

impl Store {
    /// The records that fit, newest first.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn search(&self, search: Search) -> Result<Vec<Cdr>, StoreError> {
        self.run(move |db| {
            let sql = "SELECT cdrs.body FROM call_figures f
                       JOIN cdrs ON cdrs.line = f.number AND cdrs.call_id = f.call_id
                       WHERE f.number IN (SELECT value FROM json_each(:lines))
                         AND f.started_ms >= :from AND f.started_ms < :to
                         AND (f.started_ms, f.call_id) < (:before_ms, :before_id)
                         AND (:direction IS NULL OR f.direction = :direction)
                         AND (:agent IS NULL OR f.agent = :agent)
                         AND (:country IS NULL OR f.country = :country)
                         AND (:reason IS NULL OR f.reason = :reason)
                         AND (:missed IS NULL
                              OR (f.answered = 0 AND f.direction = :users) = :missed)
                         AND (:contact IS NULL OR instr(f.who, :contact) > 0)
                         AND (:text IS NULL OR instr(f.notes, :text) > 0)
                         AND (:wrap_up IS NULL OR f.wrap_up = :wrap_up)
                       ORDER BY f.started_ms DESC, f.call_id DESC LIMIT :limit";
            // Text after every id.
            let last = (i64::MAX, "\u{10ffff}".to_owned());
            let (before_ms, before_id) = search.before.unwrap_or(last);
            let mut statement = db.prepare_cached(sql)?;
            let rows = statement.query_map(
                named_params! {
                    ":lines": search.lines,
                    ":from": search.from.map_or(i64::MIN, Timestamp::unix_ms),
                    ":to": search.to.map_or(i64::MAX, Timestamp::unix_ms),
                    ":before_ms": before_ms,
                    ":before_id": before_id,
                    ":direction": search.direction.map(Direction::as_str),
                    ":users": Direction::UserInitiated.as_str(),
                    ":agent": search.agent,
                    ":country": search.country,
                    ":reason": search.reason,
                    ":missed": search.missed,
                    ":contact": search.contact.map(|text| text.to_lowercase()),
                    ":text": search.text.map(|text| text.to_lowercase()),
                    ":wrap_up": search.wrap_up,
                    ":limit": search.limit,
                },
                |row| row.get::<_, String>(0),
            )?;
            let mut cdrs = Vec::new();
            for body in rows {
                cdrs.push(serde_json::from_str(&body?)?);
            }
            Ok(cdrs)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use switchboard::call::EndReason;
    use wire::console::{NoteChange, Peer};

    use super::*;
    use crate::tariff::tests::{placed, tariff};

    fn ids(cdrs: &[Cdr]) -> Vec<&str> {
        cdrs.iter().map(|cdr| cdr.call_id.as_str().trim_start_matches("wacid.")).collect()
    }

    fn mine() -> LineSet {
        LineSet::one(&tariff("UTC").number)
    }

    /// A and B are ours, to Mexico and Germany; C is a user's that nobody took.
    async fn three() -> Store {
        let tariff = tariff("UTC");
        let store = Store::open(None, &tariff.number).unwrap();
        let at: Timestamp = "2026-11-28T14:00:00Z".parse().unwrap();
        let (name, wa_id) = (Some("Ana É".into()), "5511988887777".parse().ok());
        let contact = Peer { name, wa_id, ..Peer::default() };
        let id = "wacid.C".parse().unwrap();
        let reason = EndReason::NobodyAnswered;
        let line = tariff.number.clone();
        let missed = Cdr::new(line, id, Direction::UserInitiated, contact, at, at, &reason);
        let mut first = placed("A", "5215550000001", "2026-11-28T12:00:00Z", 60);
        first.agent = "lia".parse().ok();
        for cdr in [first, placed("B", "4915550000001", "2026-11-28T13:00:00Z", 60), missed] {
            store.save_cdr(cdr, tariff.clone(), |_| Vec::new()).await.unwrap();
        }
        store
    }

    #[tokio::test]
    async fn every_filter_finds_its_calls() {
        let store = three().await;
        let at = |text: &str| text.parse().ok();
        let all = || Search { lines: mine(), limit: 10, ..Search::default() };
        let text = |text: &str| Some(text.to_owned());
        let users = Some(Direction::UserInitiated);
        for (search, wanted) in [
            (all(), "C B A"),
            (Search { direction: users, ..all() }, "C"),
            (Search { agent: text("lia"), ..all() }, "A"),
            (Search { country: text("DE"), ..all() }, "B"),
            (Search { reason: text("user_hung_up"), ..all() }, "B A"),
            (Search { missed: Some(true), ..all() }, "C"),
            (Search { missed: Some(false), ..all() }, "B A"),
            (Search { contact: text("ana é"), ..all() }, "C"),
            (Search { contact: text("4915"), ..all() }, "B"),
            (Search { from: at("2026-11-28T13:00:00Z"), ..all() }, "C B"),
            (Search { to: at("2026-11-28T13:00:00Z"), ..all() }, "A"),
            (Search { text: text("%"), ..all() }, ""),
        ] {
            let found = store.search(search.clone()).await.unwrap();
            assert_eq!(ids(&found).join(" "), wanted, "{search:?}");
        }
    }

    #[tokio::test]
    async fn pages_follow_without_gap_and_notes_are_found_in_any_case() {
        let store = three().await;
        let page = Search { lines: mine(), limit: 2, ..Search::default() };
        let first = store.search(page.clone()).await.unwrap();
        assert_eq!(ids(&first), ["C", "B"]);
        let last = &first[1];
        let before = Some((last.started_at.unix_ms(), last.call_id.as_str().to_owned()));
        let second = store.search(Search { before, ..page }).await.unwrap();
        assert_eq!(ids(&second), ["A"]);

        let change = NoteChange { notes: Some(Some("Wants a REFUND, É".into())), wrap_up: None };
        let (id, at) = (last.call_id.clone(), last.ended_at);
        store.note(mine(), id, change, "lia".parse().ok(), at).await.unwrap().unwrap();
        let text = Some("refund, é".into());
        let search = Search { lines: mine(), text, limit: 9, ..Search::default() };
        assert!(store.search(Search { limit: 9, ..Search::default() }).await.unwrap().is_empty());
        let found = store.search(search).await.unwrap();
        assert_eq!(ids(&found), ["B"]);
        assert_eq!(found[0].notes.as_deref(), Some("Wants a REFUND, É"), "in the record too");
        assert_eq!(found[0].noted_by.as_ref().map(|agent| agent.as_str()), Some("lia"));
    }
}
