//! What does the gateway count?
//!
//! Counters in memory, written in Prometheus' text form at `/metrics`. Labels are words of ours;
//! never a number, a name or an id.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Mutex, PoisonError},
};

use terms::Direction;

use crate::graph::GraphError;

/// One counter: its name and its labels, written out.
type Series = (&'static str, String);

/// Every counter of the process.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    counters: Mutex<BTreeMap<Series, u64>>,
    gauges: Mutex<BTreeMap<&'static str, i64>>,
}

const HELP: &[(&str, &str)] = &[
    ("offhook_gateway_webhooks_total", "Webhooks by what became of them."),
    ("offhook_gateway_events_total", "Events in webhooks by what became of them."),
    ("offhook_gateway_calls_started_total", "Calls started, by direction."),
    ("offhook_gateway_calls_ended_total", "Calls ended, by reason and fault."),
    ("offhook_gateway_graph_requests_total", "Requests to the Calling API, by kind and outcome."),
    ("offhook_gateway_outbox_events_total", "Events told, by what became of them at the store."),
    ("offhook_gateway_event_deliveries_total", "Attempts to deliver an event, by outcome."),
    ("offhook_gateway_event_deliveries_waiting", "Deliveries of events that wait."),
    ("offhook_gateway_event_streams_open", "Readers of the stream of events."),
    ("offhook_gateway_flows_asked_total", "Questions for a flow, by what became of them."),
    ("offhook_gateway_speech_total", "Texts spoken in calls, by whether it worked."),
    ("offhook_gateway_calls_live", "Calls running now."),
    ("offhook_gateway_consoles_open", "Consoles open now."),
    ("offhook_gateway_tls_reloads_total", "New certificates, by whether they could be used."),
    ("offhook_gateway_draining", "1 while the gateway drains: no new calls."),
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
        let labels = format!("direction=\"{}\"", direction.as_str().to_ascii_lowercase());
        self.count("offhook_gateway_calls_started_total", labels);
        self.add("offhook_gateway_calls_live", 1);
    }

    /// A call ended.
    pub(crate) fn call_ended(&self, reason: &'static str, fault: &'static str) {
        let labels = format!("reason=\"{reason}\",fault=\"{fault}\"");
        self.count("offhook_gateway_calls_ended_total", labels);
        self.add("offhook_gateway_calls_live", -1);
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
        let mut gauges = self.gauges.lock().unwrap_or_else(PoisonError::into_inner);
        gauges.insert("offhook_gateway_event_deliveries_waiting", waiting.into());
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

    /// The gateway drains.
    pub(crate) fn draining(&self) {
        self.set("offhook_gateway_draining", 1);
    }

    /// A request to the Calling API returned.
    pub(crate) fn graph_request(&self, what: &'static str, answer: Result<(), GraphError>) {
        let outcome = match answer {
            Ok(()) => "ok",
            Err(GraphError::Refused { .. }) => "refused",
            Err(GraphError::Unreachable { .. }) => "unreachable",
        };
        let labels = format!("request=\"{what}\",outcome=\"{outcome}\"");
        self.count("offhook_gateway_graph_requests_total", labels);
    }

    /// Prometheus' text form.
    #[must_use]
    pub(crate) fn render(&self) -> String {
        let counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let gauges = self.gauges.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut text = String::new();
        for (name, help) in HELP {
            let kind = if name.ends_with("_total") { "counter" } else { "gauge" };
            let mut put = |line: std::fmt::Arguments<'_>| {
                let written = writeln!(text, "{line}");
                debug_assert!(written.is_ok(), "a String takes all");
            };
            put(format_args!("# HELP {name} {help}"));
            put(format_args!("# TYPE {name} {kind}"));
            for ((series, labels), count) in
                counters.iter().filter(|((series, _), _)| series == name)
            {
                put(format_args!("{series}{{{labels}}} {count}"));
            }
            if kind == "gauge" {
                put(format_args!("{name} {}", gauges.get(name).copied().unwrap_or(0)));
            }
        }
        text
    }

    fn count(&self, name: &'static str, labels: String) {
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        *counters.entry((name, labels)).or_default() += 1;
    }

    fn set(&self, name: &'static str, value: i64) {
        self.gauges.lock().unwrap_or_else(PoisonError::into_inner).insert(name, value);
    }

    fn add(&self, name: &'static str, change: i64) {
        let mut gauges = self.gauges.lock().unwrap_or_else(PoisonError::into_inner);
        *gauges.entry(name).or_default() += change;
    }
}
