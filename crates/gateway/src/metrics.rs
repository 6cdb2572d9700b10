//! What does the gateway count?
//!
//! Counters, gauges and histograms in memory, written in Prometheus' text form at `/metrics`. Labels
//! are words of ours, so there are few of them; never a number, a name or an id.

mod histogram;

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use terms::{Direction, Timestamp};

use self::histogram::Histogram;
use crate::{cdr::LegRecord, config::Trunk, graph::GraphError};

/// One counter: its name and its labels, written out.
type Series = (&'static str, String);

/// Every counter of the process.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    counters: Mutex<BTreeMap<Series, u64>>,
    gauges: Mutex<BTreeMap<Series, i64>>,
    histograms: Mutex<BTreeMap<Series, Histogram>>,
}

const HELP: &[(&str, &str)] = &[
    ("offhook_gateway_webhooks_total", "Webhooks by what became of them."),
    ("offhook_gateway_events_total", "Events in webhooks by what became of them."),
    ("offhook_gateway_webhooks_waiting", "Webhooks on disk that wait to be acted on."),
    ("offhook_gateway_calls_started_total", "Calls started, by direction."),
    ("offhook_gateway_calls_total", "Calls ended, by direction, reason and fault."),
    ("offhook_gateway_rtp_packets_lost_total", "Audio packets that never came, by leg."),
    ("offhook_gateway_graph_requests_total", "Requests to the Calling API, by kind and outcome."),
    ("offhook_gateway_outbox_events_total", "Events told, by what became of them at the store."),
    ("offhook_gateway_event_deliveries_total", "Attempts to deliver an event, by outcome."),
    ("offhook_gateway_event_deliveries_waiting", "Deliveries of events that wait."),
    ("offhook_gateway_event_streams_open", "Readers of the stream of events."),
    ("offhook_gateway_flows_asked_total", "Questions for a flow, by what became of them."),
    ("offhook_gateway_trunk_calls_total", "Telephones rung on trunks, by what became of it."),
    ("offhook_gateway_trunk_targets_well", "Targets of trunks that answer OPTIONS."),
    ("offhook_gateway_trunk_targets", "Targets of trunks."),
    ("offhook_gateway_bots_total", "Calls given to bots, by what became of the bot."),
    ("offhook_gateway_speech_total", "Texts spoken in calls, by whether it worked."),
    ("offhook_gateway_calls_active", "Calls running now, by direction."),
    ("offhook_gateway_consoles_open", "Consoles open now."),
    ("offhook_gateway_tls_reloads_total", "New certificates, by whether they could be used."),
    ("offhook_gateway_telemetry_spans_total", "Spans by what became of them."),
    ("offhook_gateway_hep_packets_total", "HEP packets by what became of them."),
    ("offhook_gateway_draining", "1 while the gateway drains: no new calls."),
    ("offhook_gateway_build_info", "1; the label is the version."),
    ("process_start_time_seconds", "When the process started, in Unix seconds."),
];

/// Bounds of waits that people and networks make, in seconds.
const WAITS: &[f64] = &[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0];
/// Bounds of how long people talk, in seconds.
const TALKS: &[f64] = &[1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0, 3_600.0];
/// Bounds of jitter, in seconds.
const JITTERS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2];
/// Bounds of loss, as a part of one.
const LOSSES: &[f64] = &[0.0, 0.001, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5];
/// Bounds of estimated quality.
const QUALITIES: &[f64] = &[1.0, 2.0, 2.5, 3.0, 3.5, 3.8, 4.0, 4.2, 4.3, 4.4];

/// Histograms with what they measure and the bounds of their buckets.
const HISTOGRAMS: &[(&str, &str, &[f64])] = &[
    ("offhook_gateway_call_setup_seconds", "Stages of setting up a call.", WAITS),
    ("offhook_gateway_call_duration_seconds", "Calls that were picked up, by direction.", TALKS),
    ("offhook_gateway_graph_request_seconds", "Requests to the Calling API.", WAITS),
    ("offhook_gateway_webhook_age_seconds", "How old a call was when its webhook came.", WAITS),
    ("offhook_gateway_ice_seconds", "Until ICE was connected, by leg.", WAITS),
    ("offhook_gateway_dtls_handshake_seconds", "Until media keys were agreed, by leg.", WAITS),
    ("offhook_gateway_rtp_jitter_seconds", "Jitter at the end of a call, by leg.", JITTERS),
    ("offhook_gateway_rtp_packet_loss_ratio", "Loss at the end of a call, by leg.", LOSSES),
    ("offhook_gateway_rtp_mos_estimate", "Quality at the end of a call, 1 to 4.5.", QUALITIES),
];

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
        self.add_to("offhook_gateway_calls_active", of(direction), 1);
    }

    /// A call ended.
    pub(crate) fn call_ended(
        &self,
        direction: Direction,
        reason: &'static str,
        fault: &'static str,
    ) {
        let labels = format!("{},reason=\"{reason}\",fault=\"{fault}\"", of(direction));
        self.count("offhook_gateway_calls_total", labels);
        self.add_to("offhook_gateway_calls_active", of(direction), -1);
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
        observe("offhook_gateway_ice_seconds", seconds(record.ice_ms));
        observe("offhook_gateway_dtls_handshake_seconds", seconds(record.dtls_ms));
        let jitter = record.jitter_ms.map(|ms| f64::from(ms) / 1_000.0);
        observe("offhook_gateway_rtp_jitter_seconds", jitter);
        observe("offhook_gateway_rtp_packet_loss_ratio", record.lost_ratio());
        observe("offhook_gateway_rtp_mos_estimate", record.mos.map(f64::from));
        self.count_by("offhook_gateway_rtp_packets_lost_total", labels(), record.lost);
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
        self.count("offhook_gateway_event_deliveries_total", format!("result=\"{result}\""));
    }

    /// How many deliveries wait.
    pub(crate) fn deliveries_waiting(&self, waiting: u32) {
        self.set("offhook_gateway_event_deliveries_waiting", waiting.into());
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

    /// A text of a call was made into sound, or not.
    pub(crate) fn spoken(&self, became: &'static str) {
        self.count("offhook_gateway_speech_total", format!("result=\"{became}\""));
    }

    /// A bot got a call, was absent when one came, or was lost in one.
    pub(crate) fn bot(&self, became: &'static str) {
        self.count("offhook_gateway_bots_total", format!("result=\"{became}\""));
    }

    /// A telephone was rung.
    pub(crate) fn trunk(&self, became: &'static str) {
        self.count("offhook_gateway_trunk_calls_total", format!("result=\"{became}\""));
    }

    /// A trunk's targets were asked: so many are well, of so many.
    pub(crate) fn trunk_targets(&self, trunk: &Trunk, well: usize, all: usize) {
        let labels = format!("organisation=\"{}\",trunk={:?}", trunk.organisation, trunk.name);
        let count = |many: usize| i64::try_from(many).unwrap_or(i64::MAX);
        self.set_of("offhook_gateway_trunk_targets_well", labels.clone(), count(well));
        self.set_of("offhook_gateway_trunk_targets", labels, count(all));
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
        let outcome = match answer {
            Ok(()) => "ok",
            Err(GraphError::Refused { .. }) => "refused",
            Err(GraphError::Unreachable { .. }) => "unreachable",
        };
        let labels = format!("endpoint=\"{what}\",outcome=\"{outcome}\"");
        self.count("offhook_gateway_graph_requests_total", labels.clone());
        self.observe("offhook_gateway_graph_request_seconds", labels, took.as_secs_f64());
    }

    /// Prometheus' text form.
    #[must_use]
    pub(crate) fn render(&self) -> String {
        let mut text = String::new();
        let counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let gauges = self.gauges.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for (name, help) in HELP {
            let kind = if name.ends_with("_total") { "counter" } else { "gauge" };
            head(&mut text, name, help, kind);
            for ((_, labels), count) in counters.iter().filter(|((of, _), _)| of == name) {
                put(&mut text, format_args!("{name}{} {count}", braced(labels)));
            }
            let mut values = gauges.iter().filter(|((of, _), _)| of == name).peekable();
            if kind == "gauge" && values.peek().is_none() {
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
