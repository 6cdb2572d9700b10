//! Were keys agreed, and if not, who waited, refused or was somebody else?

use media::{leg::HandshakeSeen, transport::DtlsRole};

use super::{Code, Seen};
use crate::calls::record::Finding;

/// Authentication failures below this are stray packets, not a wrong key.
const AUTH_FAILURES_MIN: u64 = 10;

/// Why there are no keys; none if there are.
pub(super) fn missing(seen: &Seen<'_>) -> Option<Finding> {
    if seen.business.set_up.dtls_ms.is_some() {
        return none_passed(seen).then(|| failed_authentication(seen));
    }
    let handshake = &seen.business.evidence.handshake;
    Some(
        of_certificate(seen, handshake)
            .or_else(|| of_alert(handshake))
            .unwrap_or_else(|| of_roles(seen, handshake)),
    )
}

/// Whether packets came and every one of them failed.
fn none_passed(seen: &Seen<'_>) -> bool {
    seen.business.drops.auth >= AUTH_FAILURES_MIN && seen.business.received.packets == 0
}

fn failed_authentication(seen: &Seen<'_>) -> Finding {
    Code::SrtpAuth.found(format!(
        "{} packets of the business failed SRTP authentication, {} passed.",
        seen.business.drops.auth, seen.business.received.packets
    ))
}

fn of_certificate(seen: &Seen<'_>, handshake: &HandshakeSeen) -> Option<Finding> {
    let (shown, named) = (handshake.certificate?, seen.sdp?.fingerprint?);
    (shown != named).then(|| {
        Code::Fingerprint.with_fix(
            format!(
                "a=fingerprint:sha-256 names {}, but the certificate shown has {}.",
                short(&named.to_string()),
                short(&shown.to_string())
            ),
            format!("{} It would be a=fingerprint:sha-256 {shown}", Code::Fingerprint.cure()),
        )
    })
}

/// Enough of a fingerprint to tell two apart.
fn short(fingerprint: &str) -> String {
    format!("{}:…", fingerprint.get(..11).unwrap_or(fingerprint))
}

fn of_alert(handshake: &HandshakeSeen) -> Option<Finding> {
    let alert = handshake.alert?;
    Some(Code::Alert.found(format!("The business sent the alert {} ({alert}).", alert_name(alert))))
}

fn of_roles(seen: &Seen<'_>, handshake: &HandshakeSeen) -> Finding {
    let role = seen.sdp.map_or(DtlsRole::Server, |sdp| sdp.role);
    let (came, unproven) = (handshake.datagrams, handshake.unproven);
    match role {
        DtlsRole::Client if handshake.rival_hellos > 0 => Code::BothStarted.found(format!(
            "The business said a=setup:passive and sent {} ClientHello.",
            handshake.rival_hellos
        )),
        DtlsRole::Client | DtlsRole::Server if came == 0 && unproven > 0 => Code::Unproven.found(
            format!("{unproven} DTLS datagrams came, none from where ICE checks come from."),
        ),
        DtlsRole::Client if came == 0 => Code::NotAnswered.found(
            "ICE found a path; the platform started DTLS over it and got no answer.".to_owned(),
        ),
        DtlsRole::Server if came == 0 => Code::NobodyStarted
            .found("ICE found a path, and then no DTLS datagram of the business came.".to_owned()),
        DtlsRole::Client | DtlsRole::Server => Code::NotFinished.found(format!(
            "ICE found a path and {came} DTLS datagrams came, but the handshake did not finish."
        )),
    }
}

/// What is worth knowing beside.
pub(super) fn noted(seen: &Seen<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    if seen.business.drops.auth >= AUTH_FAILURES_MIN && !none_passed(seen) {
        found.push(failed_authentication(seen));
    }
    if seen.sdp.is_some_and(|sdp| sdp.is_answer && sdp.role == DtlsRole::Client) {
        found.push(Code::SetupPassive.found("The business answered a=setup:passive.".to_owned()));
    }
    found
}

/// Names of RFC 5246 7.2 and its successors.
fn alert_name(alert: u8) -> &'static str {
    match alert {
        0 => "close_notify",
        10 => "unexpected_message",
        20 => "bad_record_mac",
        40 => "handshake_failure",
        42 => "bad_certificate",
        43 => "unsupported_certificate",
        44 => "certificate_revoked",
        45 => "certificate_expired",
        46 => "certificate_unknown",
        47 => "illegal_parameter",
        48 => "unknown_ca",
        49 => "access_denied",
        50 => "decode_error",
        51 => "decrypt_error",
        70 => "protocol_version",
        71 => "insufficient_security",
        80 => "internal_error",
        90 => "user_canceled",
        110 => "unsupported_extension",
        _ => "with a number we have no name for",
    }
}
