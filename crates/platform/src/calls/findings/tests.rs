//! Which figures lead to which verdict? Every code of the table must come out of one of these.

use std::{cell::RefCell, collections::BTreeSet, net::SocketAddr};

use engine::LegStats;
use media::{
    sdp::{MediaDirection, SdpRefusal, SdpWarning, SkippedCandidates},
    transport::{DtlsRole, Fingerprint},
};
use rules::call::Ending;
use terms::Timestamp;
use wire::sandbox::GraphFaults;

use super::*;

thread_local! {
    static MET: RefCell<BTreeSet<String>> = const { RefCell::new(BTreeSet::new()) };
}

fn accepted() -> State {
    State::Accepted { answered_at: Timestamp::from_unix(1) }
}

fn ended(reason: EndReason, answered: bool) -> State {
    let answered_at = answered.then(|| Timestamp::from_unix(1));
    State::Ended(Ending { reason, answered_at, ended_at: Timestamp::from_unix(35) })
}

/// A leg that has come as far as `steps`: 1 is a path, 2 keys, 3 audio.
fn leg(steps: u8) -> LegStats {
    let mut stats = LegStats::default();
    stats.set_up.ice_ms = (steps >= 1).then_some(3);
    stats.set_up.dtls_ms = (steps >= 2).then_some(9);
    stats.received.packets = if steps >= 3 { 500 } else { 0 };
    stats
}

fn answer() -> BusinessSdp {
    BusinessSdp {
        warnings: Vec::new(),
        candidates: vec![addr("127.0.0.1:4000")],
        skipped: SkippedCandidates::default(),
        ours: vec![addr("127.0.0.1:3480")],
        role: DtlsRole::Server,
        fingerprint: Some(Fingerprint([1; 32])),
        types: engine::PayloadTypes::opus(111, Some(126)),
        is_answer: true,
    }
}

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// The findings of an answered call with a user that was heard.
fn found_with(state: &State, business: &LegStats, sdp: &BusinessSdp) -> Vec<Finding> {
    let user = leg(3);
    let seen = Seen {
        state,
        business,
        user: Some(&user),
        sdp: Some(sdp),
        user_heard: None,
        business_heard: None,
        first_media_after: None,
        faults: MediaFaults::default(),
    };
    note(findings(&seen))
}

fn found(business: &LegStats) -> Vec<Finding> {
    found_with(&accepted(), business, &answer())
}

fn note(found: Vec<Finding>) -> Vec<Finding> {
    MET.with_borrow_mut(|met| met.extend(found.iter().map(|it| it.code.clone())));
    found
}

fn codes(found: &[Finding]) -> Vec<&str> {
    found.iter().map(|it| it.code.as_str()).collect()
}

#[test]
fn every_code_has_its_figures() {
    note(delivery::of_connect(&[], GraphFaults::default()).into_iter().collect());
    signalling();
    faults();
    paths();
    candidates_of_a_business_that_never_checked();
    keys();
    sound();
    the_users_side();
    words();
    let met = MET.with_borrow(Clone::clone);
    let missing: Vec<_> = Code::ALL.iter().filter(|code| !met.contains(code.as_str())).collect();
    assert!(missing.is_empty(), "no test for {missing:?}");
}

#[test]
fn a_call_that_waits_or_was_never_answered_is_not_judged() {
    for state in [
        State::Offered { answer_by: Timestamp::from_unix(1) },
        ended(EndReason::BusinessDidNotAnswer, false),
        ended(EndReason::UserHungUp, false),
    ] {
        assert_eq!(codes(&found_with(&state, &leg(0), &answer())), [""; 0], "{state:?}");
    }
    let broken = ended(EndReason::BusinessLegFailed, false);
    assert_eq!(codes(&found_with(&broken, &leg(0), &answer())), ["no_stun_from_business"]);
}

#[test]
fn a_good_call_has_no_verdict() {
    assert_eq!(found(&leg(3)), []);
}

fn signalling() {
    use sip::ReachError as Fault;
    let server = rules::settings::SipServer {
        app: None,
        password: None,
        hostname: "sip.shop.example".into(),
        port: 5061,
        request_uri_user_params: std::collections::BTreeMap::new(),
    };
    let broken = || std::io::Error::from(std::io::ErrorKind::NetworkUnreachable);
    let unreached = |fault| signalling::unreached(&server, &fault);
    for (found, code, words) in [
        (signalling::off(), "sip_edge_off", "no SIP edge"),
        (signalling::no_server(), "sip_no_server", "no app"),
        (
            signalling::not_authorized(&"401234567890123".parse().unwrap(), &server),
            "sip_app_not_authorized",
            "401234567890123",
        ),
        (signalling::no_name(&server, "unknown"), "sip_name_not_found", "sip.shop.example"),
        (unreached(Fault::Refused), "sip_port_closed", "sip.shop.example:5061"),
        (unreached(Fault::Silent), "sip_no_answer", "nothing answers"),
        (unreached(Fault::Name), "sip_certificate_other_name", "another name"),
        (unreached(Fault::Trust("expired".into())), "sip_certificate_not_trusted", "expired"),
        (unreached(Fault::Handshake("alert".into())), "sip_tls_failed", "alert"),
        (unreached(Fault::Network(broken())), "sip_unreachable", "cannot be reached"),
        (signalling::not_sent("full"), "sip_unreachable", "full"),
        (signalling::silent(Duration::from_secs(10)), "sip_no_answer", "10 s"),
        (signalling::closed(), "sip_tls_failed", "client certificate"),
        (signalling::routes_lost(), "sip_record_route", "Record-Route"),
        (signalling::refused(488), "sip_refused", "488"),
    ] {
        assert!(found.code == code && found.text.contains(words), "{found:?}");
        note(vec![found]);
    }
}

fn faults() {
    let (business, user, state) = (leg(3), leg(3), accepted());
    let seen = Seen {
        state: &state,
        business: &business,
        user: Some(&user),
        sdp: None,
        user_heard: None,
        business_heard: None,
        first_media_after: None,
        faults: MediaFaults { loss: 0.25, silence: true, ..MediaFaults::default() },
    };
    let found = note(findings(&seen));
    assert_eq!(codes(&found), ["fault_injected"]);
    assert_eq!(found[0].text, "A test asked for: 25 % of the packets lost, silence.");
}

fn paths() {
    let mut business = leg(0);
    assert_eq!(codes(&found(&business)), ["no_stun_from_business"]);
    business.strays.from = Some(addr("127.0.0.1:4000"));
    business.strays.media = 7;
    let packets = found(&business);
    assert_eq!(codes(&packets), ["packets_without_ice"]);
    assert!(packets[0].text.contains("127.0.0.1:4000 (loopback, IPv4)"), "{packets:?}");
    business.strays.checks = 1;
    assert_eq!(codes(&found(&business)), ["ice_wrong_ufrag"]);
    business.evidence.checks.wrong_password = 1;
    assert_eq!(codes(&found(&business)), ["ice_wrong_password"]);
    business.evidence.checks.wrong_sender = 1;
    assert_eq!(codes(&found(&business)), ["ice_wrong_sender"]);
    business.evidence.checks.wrong_sender = 0;
    business.evidence.checks.accepted = 9;
    assert_eq!(codes(&found(&business)), ["ice_not_nominated"]);
    business.evidence.checks.controlled = 9;
    assert_eq!(codes(&found(&business)), ["ice_role_conflict"]);
    // A business that yielded to the 487 has its path, and lost time.
    business.set_up = leg(3).set_up;
    business.received.packets = 500;
    assert_eq!(codes(&found(&business)), ["ice_role_conflict"]);
}

fn candidates_of_a_business_that_never_checked() {
    let second = |sdp: &BusinessSdp| found_with(&accepted(), &leg(0), sdp).remove(1).code;
    let none = BusinessSdp { candidates: Vec::new(), ..answer() };
    assert_eq!(second(&none), "sdp_no_candidates");
    let mut skipped = SkippedCandidates { tcp: 1, ..SkippedCandidates::default() };
    assert_eq!(second(&BusinessSdp { skipped, ..none.clone() }), "sdp_tcp_candidates");
    skipped.mdns = 2;
    assert_eq!(second(&BusinessSdp { skipped, ..none }), "sdp_mdns_candidates");
    let v6 = BusinessSdp { candidates: vec![addr("[2001:db8::1]:9")], ..answer() };
    assert_eq!(second(&v6), "sdp_other_address_family");
    let public = BusinessSdp { ours: vec![addr("198.51.100.1:3480")], ..answer() };
    assert_eq!(second(&public), "sdp_private_candidates");
}

fn keys() {
    let mut business = leg(1);
    let client = BusinessSdp { role: DtlsRole::Client, ..answer() };
    let first = |business: &LegStats, sdp: &BusinessSdp| {
        found_with(&accepted(), business, sdp).remove(0).code
    };
    assert_eq!(first(&business, &answer()), "dtls_nobody_started");
    let both = found_with(&accepted(), &business, &client);
    assert_eq!(codes(&both), ["dtls_not_answered", "dtls_setup_passive"]);
    business.evidence.handshake.unproven = 2;
    assert_eq!(first(&business, &answer()), "dtls_from_unproven_address");
    business.evidence.handshake.datagrams = 3;
    assert_eq!(first(&business, &answer()), "dtls_not_finished");
    business.evidence.handshake.rival_hellos = 1;
    assert_eq!(first(&business, &client), "dtls_both_started");
    business.evidence.handshake.certificate = Some(Fingerprint([1; 32]));
    business.evidence.handshake.alert = Some(42);
    let alert = found(&business).remove(0);
    assert_eq!(alert.code, "dtls_alert");
    assert!(alert.text.contains("bad_certificate (42)"), "{alert:?}");
    business.evidence.handshake.certificate = Some(Fingerprint([0xAB; 32]));
    let other = found(&business).remove(0);
    assert_eq!(other.code, "dtls_fingerprint_mismatch");
    assert!(other.text.contains("names 01:01:01:01:…"), "{other:?}");
    assert!(other.fix.contains(&Fingerprint([0xAB; 32]).to_string()), "{other:?}");
    let mut bad_keys = leg(2);
    bad_keys.drops.auth = 9;
    assert_eq!(codes(&found(&bad_keys)), ["no_rtp_from_business"]);
    bad_keys.drops.auth = 10;
    assert_eq!(codes(&found(&bad_keys)), ["srtp_auth_failed"]);
    bad_keys.received.packets = 5;
    let mixed = found(&bad_keys);
    assert_eq!(codes(&mixed), ["srtp_auth_failed"]);
    assert!(mixed[0].text.contains("10 packets") && mixed[0].text.contains("5 passed"));
}

fn sound() {
    let mut business = leg(2);
    business.received.reports = 3;
    assert_eq!(codes(&found(&business)), ["no_rtp_from_business", "rtcp_only"]);
    business.received.foreign_type = Some(96);
    business.drops.payload_type = 40;
    let foreign = found(&business);
    assert_eq!(codes(&foreign), ["payload_type_not_agreed"]);
    assert!(
        foreign[0].text.contains("the newest 96; agreed are 111 (Opus) and 126"),
        "{foreign:?}"
    );
    business.received.packets = 1;
    business.ssrc_changes = 1;
    assert_eq!(codes(&found(&business)), ["payload_type_not_agreed", "ssrc_changed"]);

    let mut paused = leg(3);
    paused.received.longest_pause = Some(Duration::from_millis(4_999));
    assert_eq!(found(&paused), []);
    paused.received.longest_pause = Some(Duration::from_secs(5));
    assert_eq!(codes(&found(&paused)), ["business_media_gap"]);

    let stopped = found_with(&ended(EndReason::BusinessSilent, true), &leg(3), &answer());
    assert_eq!(codes(&stopped), ["business_media_stopped"]);
    assert!(stopped[0].text.contains("500 packets"), "{stopped:?}");

    let business = leg(3);
    let state = accepted();
    let late = |ms| {
        let first_media_after = Some(Duration::from_millis(ms));
        let seen = Seen {
            state: &state,
            business: &business,
            user: None,
            sdp: None,
            user_heard: None,
            business_heard: None,
            first_media_after,
            faults: MediaFaults::default(),
        };
        note(findings(&seen))
    };
    assert_eq!(late(999), []);
    assert_eq!(codes(&late(1_000)), ["business_media_late"]);
}

fn the_users_side() {
    let business = leg(3);
    let heard = |packets, loud_ms| Heard { packets, loud_ms: Some(loud_ms), ..Heard::default() };
    let state = accepted();
    let judge = |user: &LegStats, user_heard: &Heard, business_heard: &Heard| {
        let seen = Seen {
            state: &state,
            business: &business,
            user: Some(user),
            sdp: None,
            user_heard: Some(user_heard),
            business_heard: Some(business_heard),
            first_media_after: None,
            faults: MediaFaults::default(),
        };
        note(findings(&seen))
    };
    let (loud, short, silent) = (heard(500, 20), heard(249, 0), heard(250, 0));
    assert_eq!(judge(&leg(3), &loud, &short), []);
    assert_eq!(codes(&judge(&leg(3), &silent, &loud)), ["business_sends_silence"]);
    assert_eq!(codes(&judge(&leg(3), &loud, &silent)), ["user_sends_silence"]);
    for (steps, why) in [(0, "checks never"), (1, "did not finish"), (2, "keys were agreed")] {
        let nothing = judge(&leg(steps), &loud, &loud);
        assert_eq!(codes(&nothing), ["no_rtp_from_user"]);
        assert!(nothing[0].text.contains(why), "{nothing:?}");
    }
}

fn words() {
    let warnings = vec![
        SdpWarning::NotCrlf { line: 1 },
        SdpWarning::NoLastLineEnd,
        SdpWarning::NoRtcpMux,
        SdpWarning::HashCase { line: 9, found: "SHA-256".into() },
        SdpWarning::NotSendRecv(MediaDirection::RecvOnly),
        SdpWarning::SeveralSources { line: 8 },
        SdpWarning::Ptime { ms: 60 },
        SdpWarning::NoDtmf,
        SdpWarning::UnusableCandidate { line: 4 },
    ];
    let noted = found_with(&accepted(), &leg(3), &BusinessSdp { warnings, ..answer() });
    assert_eq!(
        codes(&noted),
        [
            "sdp_line_ends",
            "sdp_no_last_line_end",
            "sdp_no_rtcp_mux",
            "sdp_hash_case",
            "sdp_not_sendrecv",
            "sdp_several_ssrc",
            "sdp_ptime",
            "sdp_no_dtmf"
        ]
    );
    assert!(noted[3].text.starts_with("line 9:"), "{noted:?}");

    let hash = SdpRefusal::NotSha256 { line: 20, hash: "sha-384".into() };
    let refused = session::refused("accept", &hash);
    assert!(refused.text.contains("accept was refused with 100: line 20"), "{refused:?}");
    let g711 = session::refused("pre_accept", &SdpRefusal::NoOpus { line: 3, has_g711: true });
    let differs = session::differs("v=0\r\na=ptime:20\r\n", "v=0\r\na=ptime:60\r\n");
    assert_eq!(
        differs.text,
        "Line 2 was “a=ptime:20” in pre_accept and is “a=ptime:60” in accept."
    );
    let ends = session::differs("v=0\r\n", "v=0\n");
    assert_eq!(ends.text, "The lines are the same; their line ends differ.");
    assert_eq!(
        session::differs("a\r\nb", "a").text,
        "Line 2 was “b” in pre_accept and is nothing in accept."
    );
    note(vec![refused, g711, differs]);
}
