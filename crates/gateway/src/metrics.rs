//! What does the gateway count?
//!
//! Counters, gauges and histograms in memory, written in Prometheus' text form at `/metrics`. Labels
//! are words of ours, so there are few of them; never a number, a name or an id.

mod histogram;
mod names;
mod workers;

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use rust_decimal::Decimal;
use sip::Strangers;
use switchboard::call::{EndReason, Fault};
use terms::{Direction, OrganisationId, PhoneNumberId, Timestamp};

use self::{
    histogram::Histogram,
    names::{HELP, HISTOGRAMS},
};
use crate::{
    cdr::{Cdr, LegRecord},
    config::Trunk,
    graph::GraphError,
};

/// One counter: its name and its labels, written out.
type Series = (&'static str, String);

/// Gauges that are absent, not zero, while nothing is known.
const ABSENT: &[&str] = &[
    "offhook_gateway_agents_available",
    "offhook_gateway_bucket_waiting",
    "offhook_gateway_collections_waiting",
    "offhook_gateway_graph_rate_limit_remaining",
    "offhook_gateway_permission_state",
    "offhook_gateway_pickup_ratio",
    "offhook_gateway_queue_depth",
    "offhook_gateway_worker_busy_ratio",
];

/// Every counter of the process.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    counters: Mutex<BTreeMap<Series, u64>>,
    gauges: Mutex<BTreeMap<Series, i64>>,
    /// Gauges and counters of what is no whole number.
    measures: Mutex<BTreeMap<Series, f64>>,
    histograms: Mutex<BTreeMap<Series, Histogram>>,
}

impl Metrics {
    /// A webhook came and this became of it.
    pub(crate) fn webhook(&self, became: &'static str) {
        self.count("offhook_gateway_webhooks_total", format!("result=\"{became}\""));
    }

    /// An event in a webhook came and this became of it.
    pub(crate) fn event(&self, became: &'static str) {
        self.count("offhook_gateway_events_total", format!("result=\"{became}\""));
    }

    /// A call started.
    pub(crate) fn call_started(&self, direction: Direction) {
        self.count("offhook_gateway_calls_started_total", of(direction));
    }

    /// Calls of this number gained or lost so many legs of this kind.
    pub(crate) fn legs(
        &self,
        number: &PhoneNumberId,
        direction: Direction,
        leg: &'static str,
        change: i64,
    ) {
        let labels = format!("number=\"{number}\",{},leg=\"{leg}\"", of(direction));
        self.add_to("offhook_gateway_calls_active", labels, change);
    }

    /// A call ended.
    pub(crate) fn call_ended(
        &self,
        direction: Direction,
        reason: &EndReason,
        picked_up: bool,
        code: Option<i64>,
    ) {
        let fault = reason.fault();
        let result = match fault {
            _ if picked_up => "answered",
            Some(Fault::Platform | Fault::Gateway) => "failed",
            Some(Fault::User | Fault::Business) | None if code.is_some() => "failed",
            Some(Fault::User | Fault::Business) | None => "unanswered",
        };
        let code = code.map_or_else(|| "none".to_owned(), |code| code.to_string());
        let (reason, fault) = (reason.as_str(), fault.map_or("none", |fault| fault.as_str()));
        let labels = format!(
            "{},result=\"{result}\",error_code=\"{code}\",reason=\"{reason}\",fault=\"{fault}\"",
            of(direction)
        );
        self.count("offhook_gateway_calls_total", labels);
    }

    /// A stage of setting up a call took so long.
    pub(crate) fn set_up(&self, stage: &'static str, took: Duration) {
        let labels = format!("stage=\"{stage}\"");
        self.observe("offhook_gateway_call_setup_seconds", labels, took.as_secs_f64());
    }

    /// A call that was picked up lasted so long.
    pub(crate) fn talked(&self, direction: Direction, seconds: u64) {
        let seconds = Duration::from_secs(seconds).as_secs_f64();
        self.observe("offhook_gateway_call_duration_seconds", of(direction), seconds);
    }

    /// What a leg had measured when its call ended.
    pub(crate) fn leg(&self, leg: &'static str, record: &LegRecord) {
        let labels = || format!("leg=\"{leg}\"");
        let observe = |name, value: Option<f64>| {
            if let Some(value) = value {
                self.observe(name, labels(), value);
            }
        };
        let seconds = |ms: Option<u64>| ms.map(|ms| Duration::from_millis(ms).as_secs_f64());
        let ice = if record.ice_ms.is_some() { "connected" } else { "not_connected" };
        self.count("offhook_gateway_ice_state_total", format!("leg=\"{leg}\",state=\"{ice}\""));
        observe("offhook_gateway_ice_seconds", seconds(record.ice_ms));
        observe("offhook_gateway_dtls_handshake_seconds", seconds(record.dtls_ms));
        if let Some(first) = seconds(record.first_media_ms) {
            let side = if leg == "whatsapp" { "user" } else { leg };
            let name = "offhook_gateway_time_to_first_audio_seconds";
            self.observe(name, format!("side=\"{side}\""), first);
        }
        let jitter = record.jitter_ms.map(|ms| f64::from(ms) / 1_000.0);
        observe("offhook_gateway_rtp_jitter_seconds", jitter);
        let added = record.added_ms.map(|ms| f64::from(ms) / 1_000.0);
        observe("offhook_gateway_media_added_latency_seconds", added);
        observe("offhook_gateway_rtp_packet_loss_ratio", record.lost_ratio());
        observe("offhook_gateway_rtp_mos_estimate", record.mos.map(f64::from));
        self.count_by("offhook_gateway_rtp_packets_lost_total", labels(), record.lost);
        if let Some(ms) = record.concealed_ms {
            let name = "offhook_gateway_rtp_concealed_seconds_total";
            self.lasted(name, labels(), Duration::from_millis(ms));
        }
    }

    /// A change in a webhook came and this became of it.
    pub(crate) fn change(&self, field: &'static str, became: &'static str) {
        let labels = format!("field=\"{field}\",result=\"{became}\"");
        self.count("offhook_gateway_webhook_in_total", labels);
    }

    /// What the call of this record costs is known.
    pub(crate) fn cost(&self, record: &Cdr) {
        let Some(price) = record.price else { return };
        let micros = price.amount.checked_mul(Decimal::from(1_000_000_u32));
        let Some(micros) = micros.and_then(|micros| u64::try_from(micros.round()).ok()) else {
            return;
        };
        let labels = format!("currency=\"{}\"", price.currency);
        self.count_by("offhook_gateway_cost_micros_total", labels, micros);
    }

    /// Whether a user may be called was answered.
    pub(crate) fn permission_checked(&self, allowed: bool) {
        let result = if allowed { "allowed" } else { "refused" };
        let labels = format!("result=\"{result}\"");
        self.count("offhook_gateway_permission_checks_total", labels);
    }

    /// So many users of an organisation stand so by the ledger.
    pub(crate) fn permission_state(&self, organisation: &OrganisationId, state: &str, users: u64) {
        let labels = format!("organisation=\"{organisation}\",state=\"{state}\"");
        let users = i64::try_from(users).unwrap_or(i64::MAX);
        self.set_of("offhook_gateway_permission_state", labels, users);
    }

    /// Somebody waits in a queue no more.
    pub(crate) fn waited(&self, left: &str, waited: Duration) {
        let labels = format!("left=\"{left}\"");
        self.observe("offhook_gateway_queue_wait_seconds", labels, waited.as_secs_f64());
    }

    /// So many wait in a queue now.
    pub(crate) fn queue_depth(&self, organisation: &OrganisationId, queue: &str, waiting: usize) {
        let labels = format!("organisation=\"{organisation}\",queue=\"{}\"", escaped(queue));
        self.set_of("offhook_gateway_queue_depth", labels, whole(waiting));
    }

    /// So many agents of an organisation can be rung now.
    pub(crate) fn agents_available(&self, organisation: &OrganisationId, available: usize) {
        let labels = format!("organisation=\"{organisation}\"");
        self.set_of("offhook_gateway_agents_available", labels, whole(available));
    }

    /// This share of the calls of an organisation's users was picked up, if there were any.
    pub(crate) fn pickup_ratio(&self, organisation: &OrganisationId, ratio: Option<f64>) {
        let series = ("offhook_gateway_pickup_ratio", format!("organisation=\"{organisation}\""));
        let mut measures = self.measures.lock().unwrap_or_else(PoisonError::into_inner);
        match ratio {
            Some(ratio) => measures.insert(series, ratio),
            None => measures.remove(&series),
        };
    }

    /// Before a request is refused for its number, the platform allows this percentage more.
    pub(crate) fn rate_limit_remaining(&self, percent: u8) {
        self.set("offhook_gateway_graph_rate_limit_remaining", percent.into());
    }

    /// The webhook of a call that starts was so old when it came.
    pub(crate) fn webhook_age(&self, age: Duration) {
        self.observe("offhook_gateway_webhook_age_seconds", String::new(), age.as_secs_f64());
    }

    /// How many webhooks wait.
    pub(crate) fn webhooks_waiting(&self, waiting: u32) {
        self.set("offhook_gateway_webhooks_waiting", waiting.into());
    }

    /// So many spans were `sent`, `dropped` because the queue was full, or `failed` at the receiver.
    pub(crate) fn spans(&self, became: &'static str, count: u64) {
        let labels = format!("result=\"{became}\"");
        self.count_by("offhook_gateway_telemetry_spans_total", labels, count);
    }

    /// A HEP packet was `sent`, or `dropped` because the system would not take it.
    pub(crate) fn hep(&self, became: &'static str) {
        self.count("offhook_gateway_hep_packets_total", format!("result=\"{became}\""));
    }

    /// The process starts.
    pub(crate) fn started(&self, at: Timestamp) {
        let version = concat!("version=\"", env!("CARGO_PKG_VERSION"), "\"");
        self.add_to("offhook_gateway_build_info", version.to_owned(), 1);
        self.set("process_start_time_seconds", at.unix());
    }

    /// An event was told: `taken`, or lost to an `overflow`.
    pub(crate) fn told(&self, became: &'static str) {
        self.count("offhook_gateway_outbox_events_total", format!("result=\"{became}\""));
    }

    /// An attempt to deliver an event ended.
    pub(crate) fn delivery(&self, result: &'static str) {
        self.count("offhook_gateway_webhook_out_deliveries_total", format!("result=\"{result}\""));
    }

    /// How many deliveries wait.
    pub(crate) fn deliveries_waiting(&self, waiting: u32) {
        self.set("offhook_gateway_webhook_out_spool_depth", waiting.into());
    }

    /// A reader of the stream came (1) or left (-1).
    pub(crate) fn streams(&self, change: i64) {
        self.add("offhook_gateway_event_streams_open", change);
    }

    /// A console opened (1) or closed (-1).
    pub(crate) fn consoles(&self, change: i64) {
        self.add("offhook_gateway_consoles_open", change);
    }

    /// A new certificate was found and this became of it.
    pub(crate) fn tls_reload(&self, became: &'static str) {
        self.count("offhook_gateway_tls_reloads_total", format!("result=\"{became}\""));
    }

    /// The business's endpoint was asked for a flow and this became of it.
    pub(crate) fn flow_asked(&self, became: &'static str) {
        self.count("offhook_gateway_flows_asked_total", format!("result=\"{became}\""));
    }

    /// The transcriber was given a recording and this became of it.
    pub(crate) fn transcript(&self, became: &'static str) {
        self.count("offhook_gateway_transcripts_total", format!("result=\"{became}\""));
    }

    /// A recording was brought to the bucket or removed there, or was not for this reason.
    pub(crate) fn bucket_task(&self, task: &'static str, became: &'static str) {
        let labels = format!("task=\"{task}\",result=\"{became}\"");
        self.count("offhook_gateway_bucket_tasks_total", labels);
    }

    /// Something the platform kept of a call was fetched, or was not for this reason.
    pub(crate) fn collection(&self, thing: &'static str, became: &'static str) {
        let labels = format!("what=\"{thing}\",result=\"{became}\"");
        self.count("offhook_gateway_collections_total", labels);
    }

    /// So many things the platform told of wait to be fetched.
    pub(crate) fn collections_waiting(&self, thing: &'static str, waiting: i64) {
        self.set_of("offhook_gateway_collections_waiting", format!("what=\"{thing}\""), waiting);
    }

    /// So many recordings wait to be brought to the bucket or removed there.
    pub(crate) fn bucket_waiting(&self, task: &'static str, waiting: i64) {
        self.set_of("offhook_gateway_bucket_waiting", format!("task=\"{task}\""), waiting);
    }

    /// A text of a call was made into sound, or not.
    pub(crate) fn spoken(&self, became: &'static str) {
        self.count("offhook_gateway_speech_total", format!("result=\"{became}\""));
    }

    /// A bot got a call, was absent when one came, or was lost in one.
    pub(crate) fn bot(&self, became: &'static str) {
        self.count("offhook_gateway_bots_total", format!("result=\"{became}\""));
    }

    /// A bot took its call after so long.
    pub(crate) fn bot_connected(&self, took: Duration) {
        let name = "offhook_gateway_bot_ws_connect_seconds";
        self.observe(name, String::new(), took.as_secs_f64());
    }

    /// So much of what a bot had said was not heard any more.
    pub(crate) fn playout_cleared(&self, dropped: Duration) {
        let name = "offhook_gateway_playout_cleared_seconds_total";
        self.lasted(name, String::new(), dropped);
    }

    /// Adds to a time.
    fn lasted(&self, name: &'static str, labels: String, time: Duration) {
        let mut measures = self.measures.lock().unwrap_or_else(PoisonError::into_inner);
        *measures.entry((name, labels)).or_default() += time.as_secs_f64();
    }

    /// A telephone was rung.
    pub(crate) fn trunk(&self, became: &'static str) {
        self.count("offhook_gateway_trunk_calls_total", format!("result=\"{became}\""));
    }

    /// So many of a trunk's targets know where we are.
    pub(crate) fn trunk_registered(&self, trunk: &Trunk, knows: usize) {
        let (house, name) = (&trunk.organisation, escaped(&trunk.name));
        let labels = format!("organisation=\"{house}\",trunk=\"{name}\"");
        self.set_of("offhook_gateway_trunk_registered", labels, whole(knows));
    }

    /// So many telephones of agents are registered.
    pub(crate) fn telephones_registered(&self, many: usize) {
        self.set_of("offhook_gateway_agent_telephones", String::new(), whole(many));
    }

    /// Who came by SIP and is nobody we know, since the start.
    pub(crate) fn strangers(&self, strangers: Strangers) {
        let counts = [
            ("turned_away", strangers.turned_away),
            ("banned", strangers.banned),
            ("unheard", strangers.unheard),
            ("crowded", strangers.crowded),
            ("slow", strangers.slow),
        ];
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        for (what, many) in counts {
            let name = "offhook_gateway_sip_strangers_total";
            counters.insert((name, format!("what=\"{what}\"")), many);
        }
    }

    /// A trunk's targets were asked: so many are well, of so many.
    pub(crate) fn trunk_targets(&self, trunk: &Trunk, well: usize, all: usize) {
        let (house, name) = (&trunk.organisation, escaped(&trunk.name));
        let labels = format!("organisation=\"{house}\",trunk=\"{name}\"");
        self.set_of("offhook_gateway_trunk_targets_well", labels.clone(), whole(well));
        self.set_of("offhook_gateway_trunk_targets", labels, whole(all));
    }

    /// The gateway drains.
    pub(crate) fn draining(&self) {
        self.set("offhook_gateway_draining", 1);
    }

    /// A request to the Calling API returned after so long.
    pub(crate) fn graph_request(
        &self,
        what: &'static str,
        answer: Result<(), &GraphError>,
        took: Duration,
    ) {
        let (outcome, code) = match answer {
            Ok(()) => ("ok", None),
            Err(GraphError::Refused { code, .. }) => ("refused", Some(code)),
            Err(GraphError::Unreachable { .. }) => ("unreachable", None),
        };
        let labels = format!("endpoint=\"{what}\",outcome=\"{outcome}\"");
        // The platform's codes are a list of its own; there is none where it did not refuse.
        let counted = match code {
            Some(code) => format!("{labels},code=\"{code}\""),
            None => labels.clone(),
        };
        self.count("offhook_gateway_graph_requests_total", counted);
        self.observe("offhook_gateway_graph_request_seconds", labels, took.as_secs_f64());
    }

    /// Prometheus' text form.
    #[must_use]
    pub(crate) fn render(&self) -> String {
        let mut text = String::new();
        let counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let gauges = self.gauges.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let measures = self.measures.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for (name, help) in HELP {
            let kind = if name.ends_with("_total") { "counter" } else { "gauge" };
            head(&mut text, name, help, kind);
            for ((_, labels), count) in counters.iter().filter(|((of, _), _)| of == name) {
                put(&mut text, format_args!("{name}{} {count}", braced(labels)));
            }
            for ((_, labels), value) in measures.iter().filter(|((of, _), _)| of == name) {
                put(&mut text, format_args!("{name}{} {value}", braced(labels)));
            }
            let mut values = gauges.iter().filter(|((of, _), _)| of == name).peekable();
            if kind == "gauge" && values.peek().is_none() && !ABSENT.contains(name) {
                put(&mut text, format_args!("{name} 0"));
            }
            for ((_, labels), value) in values {
                put(&mut text, format_args!("{name}{} {value}", braced(labels)));
            }
        }
        let histograms = self.histograms.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for (name, help, _) in HISTOGRAMS {
            head(&mut text, name, help, "histogram");
            for ((_, labels), histogram) in histograms.iter().filter(|((of, _), _)| of == name) {
                histogram.render(name, labels, &mut text);
            }
        }
        text
    }

    fn count(&self, name: &'static str, labels: String) {
        self.count_by(name, labels, 1);
    }

    fn count_by(&self, name: &'static str, labels: String, many: u64) {
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        *counters.entry((name, labels)).or_default() += many;
    }

    fn set(&self, name: &'static str, value: i64) {
        self.set_of(name, String::new(), value);
    }

    fn set_of(&self, name: &'static str, labels: String, value: i64) {
        let mut gauges = self.gauges.lock().unwrap_or_else(PoisonError::into_inner);
        gauges.insert((name, labels), value);
    }

    fn add(&self, name: &'static str, change: i64) {
        self.add_to(name, String::new(), change);
    }

    fn add_to(&self, name: &'static str, labels: String, change: i64) {
        let mut gauges = self.gauges.lock().unwrap_or_else(PoisonError::into_inner);
        *gauges.entry((name, labels)).or_default() += change;
    }

    fn observe(&self, name: &'static str, labels: String, value: f64) {
        let bounds =
            HISTOGRAMS.iter().find(|(known, ..)| *known == name).map(|(.., bounds)| *bounds);
        debug_assert!(bounds.is_some(), "{name} stands in no list");
        let mut histograms = self.histograms.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Histogram::new(bounds.unwrap_or_default());
        histograms.entry((name, labels)).or_insert_with(new).observe(value);
    }
}

/// A label's value as the text format wants it: three signs are escaped, all others are themselves.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn whole(many: usize) -> i64 {
    i64::try_from(many).unwrap_or(i64::MAX)
}

/// The label of a direction.
fn of(direction: Direction) -> String {
    format!("direction=\"{}\"", direction.as_str().to_ascii_lowercase())
}

fn braced(labels: &str) -> String {
    if labels.is_empty() { String::new() } else { format!("{{{labels}}}") }
}

fn head(text: &mut String, name: &str, help: &str, kind: &str) {
    put(text, format_args!("# HELP {name} {help}"));
    put(text, format_args!("# TYPE {name} {kind}"));
}

fn put(text: &mut String, line: std::fmt::Arguments<'_>) {
    let written = writeln!(text, "{line}");
    debug_assert!(written.is_ok(), "a String takes all");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_has_every_sign_as_the_format_wants_it() {
        assert_eq!(escaped("São \"Paulo\"\\\t\n"), "São \\\"Paulo\\\"\\\\\t\\n");
    }
}
