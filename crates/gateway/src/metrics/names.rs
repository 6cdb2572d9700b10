//! Which series are there, and what do they say?

/// Counters and gauges with what they say; a name that ends in `_total` is a counter's.
pub(super) const HELP: &[(&str, &str)] = &[
    ("offhook_gateway_webhooks_total", "Webhooks by what became of them."),
    ("offhook_gateway_events_total", "Events in webhooks by what became of them."),
    ("offhook_gateway_webhooks_waiting", "Webhooks on disk that wait to be acted on."),
    ("offhook_gateway_calls_started_total", "Calls started, by direction."),
    ("offhook_gateway_calls_total", "Calls ended, by direction and how."),
    ("offhook_gateway_rtp_packets_lost_total", "Audio packets that never came, by leg."),
    ("offhook_gateway_graph_requests_total", "Requests to the Calling API, by kind and outcome."),
    ("offhook_gateway_outbox_events_total", "Events told, by what became of them at the store."),
    ("offhook_gateway_webhook_out_deliveries_total", "Attempts to deliver events, by outcome."),
    ("offhook_gateway_webhook_out_spool_depth", "Deliveries of events that wait."),
    ("offhook_gateway_event_streams_open", "Readers of the stream of events."),
    ("offhook_gateway_flows_asked_total", "Questions for a flow, by what became of them."),
    ("offhook_gateway_trunk_calls_total", "Telephones rung on trunks, by what became of it."),
    ("offhook_gateway_trunk_targets_well", "Targets of trunks that answer OPTIONS."),
    ("offhook_gateway_trunk_targets", "Targets of trunks."),
    ("offhook_gateway_trunk_registered", "Targets of trunks that know where we are."),
    ("offhook_gateway_agent_telephones", "Telephones of agents that are registered."),
    (
        "offhook_gateway_sip_strangers_total",
        "Who came by SIP and is nobody we know: requests turned away, addresses banned, and what was not heard of those.",
    ),
    ("offhook_gateway_bots_total", "Calls given to bots, by what became of the bot."),
    (
        "offhook_gateway_worker_busy_ratio",
        "The last second that a worker spent in its turns, by trade; past 0.8 it is full.",
    ),
    ("offhook_gateway_speech_total", "Texts spoken in calls, by whether it worked."),
    ("offhook_gateway_transcripts_total", "Transcriptions by what became of them."),
    ("offhook_gateway_collections_total", "Tries to fetch what the platform kept of calls."),
    (
        "offhook_gateway_collections_waiting",
        "What the platform kept of calls and is not fetched yet.",
    ),
    ("offhook_gateway_bucket_tasks_total", "Recordings brought to the bucket or removed there."),
    ("offhook_gateway_bucket_waiting", "Recordings to be brought to the bucket or removed there."),
    ("offhook_gateway_calls_active", "Legs of running calls; each call has one towards WhatsApp."),
    ("offhook_gateway_consoles_open", "Consoles open now."),
    ("offhook_gateway_tls_reloads_total", "New certificates, by whether they could be used."),
    ("offhook_gateway_telemetry_spans_total", "Spans by what became of them."),
    ("offhook_gateway_hep_packets_total", "HEP packets by what became of them."),
    ("offhook_gateway_draining", "1 while the gateway drains: no new calls."),
    ("offhook_gateway_build_info", "1; the label is the version."),
    ("offhook_gateway_webhook_in_total", "Changes in webhooks, by field and what became of them."),
    (
        "offhook_gateway_graph_rate_limit_remaining",
        "Percent of requests the platform still allows.",
    ),
    ("offhook_gateway_ice_state_total", "Legs of ended calls, by where ICE stood."),
    ("offhook_gateway_permission_checks_total", "Answers to whether a user may be called."),
    ("offhook_gateway_permission_state", "Users, by how their permission to be called stands."),
    (
        "offhook_gateway_playout_cleared_seconds_total",
        "Words of bots that were said and not heard.",
    ),
    (
        "offhook_gateway_rtp_concealed_seconds_total",
        "Audio restored or concealed where it is decoded, by leg.",
    ),
    ("offhook_gateway_queue_depth", "Who waits, by queue."),
    ("offhook_gateway_agents_available", "Agents who can be rung, by organisation."),
    ("offhook_gateway_pickup_ratio", "Users' calls picked up within the guard's window."),
    ("offhook_gateway_cost_micros_total", "Estimated cost in millionths, by currency."),
    ("process_start_time_seconds", "When the process started, in Unix seconds."),
];

/// Bounds of waits that people and networks make, in seconds.
const WAITS: &[f64] = &[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0];
/// Bounds of how long people wait for people, in seconds.
const STAYS: &[f64] = &[1.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_200.0, 1_800.0];
/// Bounds of how long people talk, in seconds.
const TALKS: &[f64] = &[1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0, 3_600.0];
/// Bounds of jitter, in seconds.
const JITTERS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2];
/// Bounds of what is added to the way of packets, in seconds.
const ADDED: &[f64] = &[0.0005, 0.001, 0.0015, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05];
/// Bounds of loss, as a part of one.
const LOSSES: &[f64] = &[0.0, 0.001, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5];
/// Bounds of estimated quality.
const QUALITIES: &[f64] = &[1.0, 2.0, 2.5, 3.0, 3.5, 3.8, 4.0, 4.2, 4.3, 4.4];

/// Histograms with what they measure and the bounds of their buckets.
pub(super) const HISTOGRAMS: &[(&str, &str, &[f64])] = &[
    ("offhook_gateway_call_setup_seconds", "Stages of setting up a call.", WAITS),
    ("offhook_gateway_call_duration_seconds", "Calls that were picked up, by direction.", TALKS),
    ("offhook_gateway_graph_request_seconds", "Requests to the Calling API.", WAITS),
    ("offhook_gateway_webhook_age_seconds", "How old a call was when its webhook came.", WAITS),
    ("offhook_gateway_ice_seconds", "Until ICE was connected, by leg.", WAITS),
    ("offhook_gateway_dtls_handshake_seconds", "Until media keys were agreed, by leg.", WAITS),
    ("offhook_gateway_time_to_first_audio_seconds", "Until the first audio came, by side.", WAITS),
    ("offhook_gateway_queue_wait_seconds", "Waits in queues that are over, by how.", STAYS),
    ("offhook_gateway_bot_ws_connect_seconds", "Until a bot took its call.", WAITS),
    ("offhook_gateway_rtp_jitter_seconds", "Jitter at the end of a call, by leg.", JITTERS),
    ("offhook_gateway_media_added_latency_seconds", "Added to packets' way, by leg.", ADDED),
    ("offhook_gateway_rtp_packet_loss_ratio", "Loss at the end of a call, by leg.", LOSSES),
    ("offhook_gateway_rtp_mos_estimate", "Quality at the end of a call, 1 to 4.5.", QUALITIES),
];
