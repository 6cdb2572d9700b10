//! How does a record look as a line of a table?
//!
//! Pure. A value that is not known is an empty cell, never a zero. A cell with words of others that a
//! spreadsheet would take for a formula begins with an apostrophe.

use crate::cdr::{Cdr, Cost, LegRecord};

/// The columns, in order; new ones are added at the end.
pub(crate) const COLUMNS: &[&str] = &[
    "call_id",
    "direction",
    "user_name",
    "wa_id",
    "user_id",
    "agent",
    "started_at",
    "answered_at",
    "ended_at",
    "duration_s",
    "ended_by",
    "reason",
    "fault",
    "text",
    "code",
    "deeplink_payload",
    "cta_payload",
    "keys_pressed",
    "pulses",
    "price_amount",
    "price_currency",
    "whatsapp_received",
    "whatsapp_lost",
    "whatsapp_jitter_ms",
    "whatsapp_round_trip_ms",
    "whatsapp_mos",
    "agent_received",
    "agent_lost",
    "agent_jitter_ms",
    "agent_round_trip_ms",
    "agent_mos",
    "market",
    "per_minute",
    "per_pulse",
    "tier",
    "card",
    "card_date",
    "list_amount",
    "month",
    "notes",
    "wrap_up",
    "outside_hours",
    "phone_number_id",
    "queue",
    "waited_s",
    "hold_s",
    "transfers",
    "trunk",
    "ringing_at",
    "ring_s",
    "accepted_at",
    "media_at",
    "platform_status",
    "bot",
    "bot_s",
    "wrap_up_s",
    "whatsapp_codec",
    "sip_call_id",
    "whatsapp_added_ms",
    "agent_added_ms",
    "whatsapp_concealed_ms",
    "agent_concealed_ms",
    "signalling",
];

/// The cells of a record, one for each column.
pub(crate) fn cells(cdr: &Cdr) -> Vec<String> {
    let contact = &cdr.contact;
    let price = cdr.price.map(|price| price.to_string());
    let (amount, currency) =
        price.as_deref().and_then(|text| text.split_once(' ')).unwrap_or_default();
    let mut cells = vec![
        safe(cdr.call_id.as_str()),
        cdr.direction.as_str().to_ascii_lowercase(),
        safe_or_empty(contact.name.as_deref()),
        or_empty(contact.wa_id.as_ref().map(terms::WaId::as_str)),
        safe_or_empty(contact.user_id.as_ref().map(terms::UserId::as_str)),
        safe_or_empty(cdr.agent.as_ref().map(terms::AgentId::as_str)),
        cdr.started_at.to_string(),
        or_empty(cdr.answered_at),
        cdr.ended_at.to_string(),
        or_empty(cdr.duration_s),
        or_empty(cdr.ended_by.as_deref()),
        cdr.reason.clone(),
        or_empty(cdr.fault.as_deref()),
        safe(&cdr.text),
        or_empty(cdr.code),
        safe_or_empty(cdr.deeplink_payload.as_deref()),
        safe_or_empty(cdr.cta_payload.as_deref()),
        or_empty(cdr.keys_pressed),
        or_empty(cdr.pulses),
        amount.to_owned(),
        currency.to_owned(),
    ];
    cells.extend(leg_cells(cdr.whatsapp_leg.as_ref()));
    cells.extend(leg_cells(cdr.agent_leg.as_ref()));
    cells.extend(cost_cells(cdr.cost.as_deref()));
    cells.extend([safe_or_empty(cdr.notes.as_deref()), or_empty(cdr.wrap_up.as_deref())]);
    cells.push(or_empty(cdr.outside_hours));
    cells.extend(way_cells(cdr));
    cells.extend(moment_cells(cdr));
    cells.extend(who_else_cells(cdr));
    let legs = [cdr.whatsapp_leg.as_ref(), cdr.agent_leg.as_ref()];
    cells.extend(legs.map(|leg| or_empty(leg.and_then(|leg| leg.added_ms))));
    cells.extend(legs.map(|leg| or_empty(leg.and_then(|leg| leg.concealed_ms))));
    cells.push(or_empty(cdr.signalling.as_deref()));
    cells
}

/// When it came how far, and how the platform says that it ended.
fn moment_cells(cdr: &Cdr) -> [String; 5] {
    [
        or_empty(cdr.ringing_at),
        or_empty(cdr.ring_s),
        or_empty(cdr.accepted_at),
        or_empty(cdr.media_at),
        or_empty(cdr.platform_status.as_deref()),
    ]
}

/// Which bot had it last and how long bots had it, what agents did after it, and what was talked.
fn who_else_cells(cdr: &Cdr) -> [String; 5] {
    let bots: Option<u64> = cdr.bots.iter().filter_map(|bot| bot.talked_s).reduce(|a, b| a + b);
    let codec = cdr.whatsapp_leg.as_ref().and_then(|leg| leg.codec.as_deref());
    let sip = cdr.trunks.iter().rev().find_map(|trunk| trunk.sip_call_id.as_deref());
    [
        safe_or_empty(cdr.bots.last().map(|bot| bot.name.as_str())),
        or_empty(bots),
        or_empty(cdr.wrap_up_s),
        or_empty(codec),
        or_empty(sip),
    ]
}

/// On which line, and where it waited and went.
fn way_cells(cdr: &Cdr) -> [String; 6] {
    let queue = cdr.queue.as_ref();
    let talked = cdr.trunks.iter().rev().find(|trunk| trunk.talked_s.is_some());
    let trunk = talked.or_else(|| cdr.trunks.last());
    [
        cdr.phone_number_id.to_string(),
        safe_or_empty(queue.map(|queue| queue.name.as_str())),
        or_empty(queue.map(|queue| queue.waited_s)),
        or_empty(cdr.hold_s),
        cdr.transfers.len().to_string(),
        safe_or_empty(trunk.map(|trunk| trunk.name.as_str())),
    ]
}

fn cost_cells(cost: Option<&Cost>) -> [String; 8] {
    [
        or_empty(cost.map(|cost| &cost.market)),
        or_empty(cost.map(|cost| cost.per_minute.amount)),
        or_empty(cost.map(|cost| cost.per_pulse.amount)),
        or_empty(cost.map(|cost| &cost.tier)),
        or_empty(cost.map(|cost| &cost.card)),
        or_empty(cost.and_then(|cost| cost.card_date.as_ref())),
        or_empty(cost.map(|cost| cost.list.amount)),
        or_empty(cost.map(|cost| &cost.month)),
    ]
}

fn leg_cells(leg: Option<&LegRecord>) -> [String; 5] {
    [
        or_empty(leg.map(|leg| leg.received)),
        or_empty(leg.map(|leg| leg.lost)),
        or_empty(leg.and_then(|leg| leg.jitter_ms)),
        or_empty(leg.and_then(|leg| leg.round_trip_ms)),
        or_empty(leg.and_then(|leg| leg.mos)),
    ]
}

fn or_empty<T: std::fmt::Display>(value: Option<T>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn safe_or_empty(text: Option<&str>) -> String {
    text.map(safe).unwrap_or_default()
}

/// Spreadsheets begin a formula at these, also after blanks (OWASP, CSV injection).
fn safe(text: &str) -> String {
    let risky = text.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠'])
        || text.starts_with(['\t', '\r', '\n']);
    if risky { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use switchboard::call::EndReason;
    use terms::{Direction, Timestamp};
    use wire::console::Peer;

    use super::*;
    use crate::cdr::{QueueRecord, TrunkRecord};

    fn cdr() -> Cdr {
        let at = Timestamp::from_unix(1_783_000_000);
        let contact = Peer { name: Some("=HYPERLINK(\"x\")".into()), ..Peer::default() };
        let id = "wacid.X1".parse().unwrap();
        let line = "109876543210987".parse().unwrap();
        Cdr::new(line, id, Direction::UserInitiated, contact, at, at, &EndReason::CallerGaveUp)
    }

    fn cell(cdr: &Cdr, column: &str) -> String {
        let index = COLUMNS.iter().position(|name| *name == column).unwrap();
        cells(cdr)[index].clone()
    }

    #[test]
    fn what_is_not_known_is_empty_and_never_zero() {
        let cdr = cdr();
        assert_eq!(cells(&cdr).len(), COLUMNS.len());
        for column in
            ["answered_at", "duration_s", "code", "pulses", "price_amount", "agent_mos", "tier"]
        {
            assert_eq!(cell(&cdr, column), "", "{column}");
        }
        assert_eq!(cell(&cdr, "ended_by"), "user");
        assert_eq!(cell(&cdr, "reason"), "caller_gave_up");
        assert_eq!(cell(&cdr, "started_at"), "2026-07-02T13:46:40Z");
    }

    #[test]
    fn a_zero_that_was_measured_is_a_zero() {
        let mut cdr = cdr();
        cdr.whatsapp_leg = Some(LegRecord { received: 7, ..LegRecord::default() });
        assert_eq!(cell(&cdr, "whatsapp_received"), "7");
        assert_eq!(cell(&cdr, "whatsapp_lost"), "0");
        assert_eq!(cell(&cdr, "whatsapp_mos"), "");
    }

    #[test]
    fn the_way_of_a_call_is_its_queue_its_transfers_and_the_trunk_that_had_it() {
        let mut cdr = cdr();
        let of = |cdr: &Cdr| {
            ["phone_number_id", "queue", "waited_s", "hold_s", "transfers", "trunk"]
                .map(|column| cell(cdr, column))
        };
        assert_eq!(of(&cdr), ["109876543210987", "", "", "", "0", ""]);
        let (name, left) = ("support".to_owned(), "answered".to_owned());
        cdr.queue = Some(QueueRecord { name, waited_s: 0, left, offered_to: Vec::new() });
        cdr.hold_s = Some(3);
        let trunk = |name: &str, talked_s| TrunkRecord {
            name: name.into(),
            extension: "201".into(),
            sip_call_id: Some("one-call".into()),
            placed: false,
            became: "answered".into(),
            rang_s: 1,
            talked_s,
            codec: None,
            leg: None,
        };
        cdr.trunks = vec![trunk("pbx", Some(4)), trunk("lab", None)];
        assert_eq!(of(&cdr), ["109876543210987", "support", "0", "3", "0", "pbx"]);
        cdr.trunks.remove(0);
        assert_eq!(cell(&cdr, "trunk"), "lab", "nobody there took it");
    }

    #[test]
    fn a_call_by_sip_says_so_and_one_by_graph_does_not() {
        let mut cdr = cdr();
        assert_eq!(cell(&cdr, "signalling"), "");
        cdr.signalling = Some("sip".into());
        assert_eq!(cell(&cdr, "signalling"), "sip");
    }

    #[test]
    fn words_of_others_are_no_formula() {
        let mut cdr = cdr();
        assert_eq!(cell(&cdr, "user_name"), "'=HYPERLINK(\"x\")");
        for text in ["+1", "-1", "@x", "\t=1", "  =1", "＝1"] {
            cdr.deeplink_payload = Some(text.into());
            assert_eq!(cell(&cdr, "deeplink_payload"), format!("'{text}"));
        }
        cdr.deeplink_payload = Some("src=site-footer".into());
        assert_eq!(cell(&cdr, "deeplink_payload"), "src=site-footer");
    }
}
