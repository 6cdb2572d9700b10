//! What was seen of each user's consent, and what does it add up to?
//!
//! An entry is written once and never changed; its key keeps one event from being written twice. The
//! standing is written in the same step, so that neither is ever without the other.

use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use switchboard::consent::{Entry, EntryNo, Periods, Standing};
use terms::{CallId, MessageId, PhoneNumberId, Timestamp, UserId, UserRef};

use super::{
    ContactKey, LineSet, News, Store, StoreError, figures,
    identity::{self, ContactId},
    outbox,
};

/// An entry to be written.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    /// What it must be unique by: the event it tells of.
    pub key: String,
    /// The user, and the line it is about.
    pub contact: ContactKey,
    /// What happened, and when.
    pub entry: Entry,
    /// What proves it.
    pub evidence: Evidence,
}

/// What proves an entry. What has no part in it is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub(crate) struct Evidence {
    /// The webhook's message, or the message of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<MessageId>,
    /// What the user answered: a request of ours, or a call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_answer_to: Option<MessageId>,
    /// The call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_id: Option<CallId>,
    /// Who decided, in the webhook's word: `user_action` or `automatic`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The template a request was sent by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// The part of the webhook or answer that says so, as it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub body: Option<Value>,
}

/// An entry of the ledger.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Record {
    /// Its place.
    pub no: EntryNo,
    /// The user: the number where it is known, else the business-scoped id.
    pub user: UserRef,
    /// The business-scoped id, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// The rest.
    #[serde(flatten)]
    pub body: Body,
}

/// An entry as it lies in the table.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Body {
    /// Our number.
    pub number: PhoneNumberId,
    /// What happened, and when.
    #[serde(flatten)]
    pub entry: Entry,
    /// What proves it.
    pub evidence: Evidence,
}

/// How a permission can stand, in the words of [`switchboard::consent::Grant`] and
/// [`switchboard::consent::Absence`].
pub(crate) const STATES: [&str; 7] =
    ["temporary", "permanent", "never_given", "refused", "revoked", "expired", "platform_says_no"];

/// A standing's word of [`STATES`] is in the index: counting parses none.
pub(super) const SCHEMA: &str = "
CREATE INDEX IF NOT EXISTS standings_by_state
    ON standings (line, COALESCE(body ->> '$.grant.grant', body ->> '$.absence'));
";

const COUNT: &str = "SELECT COUNT(*) FROM standings
    WHERE line IN (SELECT value FROM json_each(?1))
    AND COALESCE(body ->> '$.grant.grant', body ->> '$.absence') = ?2";

impl Store {
    /// Writes an entry and what the user's entries now add up to, and tells the news of it; `None` when
    /// it was written before or has no place: then nothing is told.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn add_consent(
        &self,
        draft: Draft,
        periods: Periods,
        news: Option<News>,
    ) -> Result<Option<EntryNo>, StoreError> {
        self.run(move |db| {
            let Draft { key, contact: ContactKey { line, user }, entry, evidence } = draft;
            let who = ContactKey { line: line.clone(), user };
            let contact = identity::meet(db, &who, entry.at)?;
            let mut standing = load(db, contact)?;
            if !standing.takes(&entry) {
                return Ok(None);
            }
            let sql = "INSERT OR IGNORE INTO consents (key, contact, body, line)
                       VALUES (?4 || ':' || ?1, ?2, ?3, ?4)";
            let body = Body { number: line.clone(), entry, evidence };
            let row = params![key, contact, serde_json::to_string(&body)?, line.as_str()];
            if db.prepare_cached(sql)?.execute(row)? == 0 {
                return Ok(None);
            }
            let no = EntryNo(db.last_insert_rowid());
            standing.apply(no, &entry, periods);
            save(db, contact, &line, &standing)?;
            if let Some(news) = news {
                outbox::keep(db, news)?;
            }
            Ok(Some(no))
        })
        .await
    }

    /// What this user's entries add up to.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn standing(&self, contact: ContactKey) -> Result<Standing, StoreError> {
        self.run(move |db| match identity::find(db, &contact)? {
            Some(contact) => load(db, contact),
            None => Ok(Standing::default()),
        })
        .await
    }

    /// How many users of these lines stand how, in the order of [`STATES`]. A permission that ran out
    /// counts until its end is written.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn permission_states(&self, lines: LineSet) -> Result<[u64; 7], StoreError> {
        self.run(move |db| {
            // One question for each word: a row that the index alone has found is not read.
            let mut statement = db.prepare_cached(COUNT)?;
            let mut counts = [0; 7];
            for (state, count) in STATES.iter().zip(&mut counts) {
                *count =
                    statement.query_row(params![lines, state], |row| figures::count(row, 0))?;
            }
            Ok(counts)
        })
        .await
    }

    /// One entry.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn consent(&self, no: EntryNo) -> Result<Option<Record>, StoreError> {
        self.run(move |db| {
            let sql = "SELECT no, wa_id, user_id, consents.body
                       FROM consents JOIN contacts ON contacts.id = contact WHERE no = ?1";
            let found = db.prepare_cached(sql)?.query_row([no.0], columns).optional()?;
            Ok(found.map(record).transpose()?.flatten())
        })
        .await
    }

    /// Entries of these lines, of one user or of all, the newest first, older than `before`.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn consents(
        &self,
        lines: LineSet,
        user: Option<UserRef>,
        limit: u32,
        before: Option<i64>,
    ) -> Result<Vec<Record>, StoreError> {
        self.run(move |db| {
            let sql = "SELECT no, wa_id, user_id, consents.body
                       FROM consents JOIN contacts ON contacts.id = contact
                       WHERE (?1 IS NULL AND ?5 IS NULL OR wa_id = ?1 OR user_id = ?5)
                       AND no < ?2 AND consents.line IN (SELECT value FROM json_each(?4))
                       ORDER BY no DESC LIMIT ?3";
            let before = before.unwrap_or(i64::MAX);
            let number = user.as_ref().and_then(|user| Some(user.wa_id()?.as_str()));
            let user_id = user.as_ref().and_then(|user| Some(user.user_id()?.as_str()));
            let mut statement = db.prepare_cached(sql)?;
            let row = params![number, before, limit, lines, user_id];
            let rows = statement.query_map(row, columns)?;
            let mut records = Vec::new();
            for row in rows {
                records.extend(record(row?)?);
            }
            Ok(records)
        })
        .await
    }

    /// The next moment at which a temporary permission of this line runs out, or ran out unwritten.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn next_expiry(
        &self,
        line: PhoneNumberId,
    ) -> Result<Option<Timestamp>, StoreError> {
        self.run(move |db| {
            let sql = "SELECT MIN(expires_ms) FROM standings
                       WHERE line = ?1 AND expires_ms IS NOT NULL";
            let mut statement = db.prepare_cached(sql)?;
            let next = statement.query_row([line.as_str()], |row| row.get::<_, Option<i64>>(0))?;
            Ok(next.map(Timestamp::from_unix_ms))
        })
        .await
    }

    /// Whose permission of this line ran out at this moment or before, unwritten: some of them, the oldest first.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn expired(
        &self,
        line: PhoneNumberId,
        now: Timestamp,
    ) -> Result<Vec<(UserRef, Standing)>, StoreError> {
        self.run(move |db| {
            let sql = "SELECT wa_id, user_id, standings.body
                       FROM standings JOIN contacts ON contacts.id = contact
                       WHERE standings.line = ?1 AND expires_ms <= ?2
                       ORDER BY expires_ms LIMIT 100";
            let mut statement = db.prepare_cached(sql)?;
            let rows = statement.query_map(params![line.as_str(), now.unix_ms()], |row| {
                Ok(([row.get(0)?, row.get(1)?], row.get::<_, String>(2)?))
            })?;
            let mut expired = Vec::new();
            for row in rows {
                let (ids, body) = row?;
                let standing = serde_json::from_str(&body)?;
                expired.extend(user(&ids).map(|user| (user, standing)));
            }
            Ok(expired)
        })
        .await
    }
}

/// What two contacts' entries add up to is the one's.
pub(super) fn join(db: &Connection, from: ContactId, into: ContactId) -> Result<(), StoreError> {
    let sql = "DELETE FROM standings WHERE contact = ?1 RETURNING line, body";
    let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?));
    let Some((line, body)) = db.prepare_cached(sql)?.query_row([from], read).optional()? else {
        return Ok(());
    };
    let Ok(line) = line.parse() else { return Ok(()) };
    join_standing(db, into, &line, serde_json::from_str(&body)?)
}

/// Adds what other entries of this contact had added up to.
pub(super) fn join_standing(
    db: &Connection,
    contact: ContactId,
    line: &PhoneNumberId,
    standing: Standing,
) -> Result<(), StoreError> {
    let joined = load(db, contact)?.join(standing);
    save(db, contact, line, &joined)
}

fn load(db: &Connection, contact: ContactId) -> Result<Standing, StoreError> {
    let sql = "SELECT body FROM standings WHERE contact = ?1";
    let mut statement = db.prepare_cached(sql)?;
    let body = statement.query_row([contact], |row| row.get::<_, String>(0)).optional()?;
    Ok(body.map(|body| serde_json::from_str(&body)).transpose()?.unwrap_or_default())
}

fn save(
    db: &Connection,
    contact: ContactId,
    line: &PhoneNumberId,
    standing: &Standing,
) -> Result<(), StoreError> {
    let sql = "INSERT OR REPLACE INTO standings (contact, line, expires_ms, body)
               VALUES (?1, ?2, ?3, ?4)";
    let expires_ms = standing.expires_at().map(Timestamp::unix_ms);
    let body = serde_json::to_string(standing)?;
    db.prepare_cached(sql)?.execute(params![contact, line.as_str(), expires_ms, body])?;
    Ok(())
}

type Columns = (i64, [Option<String>; 2], String);

fn columns(row: &rusqlite::Row<'_>) -> rusqlite::Result<Columns> {
    Ok((row.get(0)?, [row.get(1)?, row.get(2)?], row.get(3)?))
}

fn record((no, ids, body): Columns) -> Result<Option<Record>, serde_json::Error> {
    let body = serde_json::from_str(&body)?;
    let record = |user: UserRef| {
        let user_id = user.user_id().cloned();
        Record { no: EntryNo(no), user, user_id, body }
    };
    Ok(user(&ids).map(record))
}

fn user([wa_id, user_id]: &[Option<String>; 2]) -> Option<UserRef> {
    identity::ids(wa_id.as_deref(), user_id.as_deref())
}

#[cfg(test)]
mod tests {
    use switchboard::consent::{Absence, Grant, What};

    use super::*;

    #[test]
    fn the_states_are_the_words_of_the_ledger() {
        let until = Timestamp::from_unix(0);
        let grants = [Grant::Temporary { until }, Grant::Permanent];
        let absences = [
            Absence::NeverGiven,
            Absence::Refused,
            Absence::Revoked,
            Absence::Expired,
            Absence::PlatformSaysNo,
        ];
        let grants = grants.map(|grant| serde_json::to_value(grant).unwrap()["grant"].clone());
        let absences = absences.map(|absence| serde_json::to_value(absence).unwrap());
        let words: Vec<Value> = grants.into_iter().chain(absences).collect();
        assert_eq!(words, STATES);
    }

    #[tokio::test]
    async fn users_are_counted_by_how_they_stand_now_and_by_the_index_alone() {
        let line: PhoneNumberId = "109876543210987".parse().unwrap();
        let store = Store::open(None, &line).unwrap();
        let grant = What::Granted(Grant::Permanent);
        let rows = [
            ("551", What::Requested, 0),
            ("552", grant, 0),
            ("553", grant, 0),
            ("553", What::Revoked, 1),
        ];
        for (user, what, at) in rows {
            let user = user.parse::<terms::WaId>().unwrap().into();
            let contact = ContactKey { line: line.clone(), user };
            let entry = Entry { at: Timestamp::from_unix(at), what };
            let evidence = Evidence::default();
            let draft = Draft {
                key: format!("{user:?}{what:?}", user = contact.user),
                contact,
                entry,
                evidence,
            };
            let day = std::time::Duration::from_secs(86_400);
            let periods = Periods { day, week: day * 7 };
            store.add_consent(draft, periods, None).await.unwrap().unwrap();
        }
        let counts = store.permission_states(LineSet::one(&line)).await.unwrap();
        assert_eq!(counts, [0, 1, 1, 0, 1, 0, 0]);
        let other = LineSet::one(&"2".parse().unwrap());
        assert_eq!(store.permission_states(other).await.unwrap(), [0; 7]);
        let plan = store.run(|db| {
            let sql = format!("EXPLAIN QUERY PLAN {COUNT}");
            Ok(db.query_row(&sql, ["[]", "x"], |row| row.get::<_, String>(3))?)
        });
        let plan = plan.await.unwrap();
        assert!(plan.ends_with("standings_by_state (line=? AND <expr>=?)"), "{plan}");
    }
}
