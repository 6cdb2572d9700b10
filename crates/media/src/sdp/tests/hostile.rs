//! No text panics, and what was accepted can be used.

use proptest::prelude::*;

use super::super::{Keying, check_answer, check_offer, write_browser_answer, write_gateway_answer};
use super::*;

/// Does with a text all that a server does.
fn use_all(text: &str) {
    let offer = read(PLATFORM_OFFER).session;
    let local = transport_of(GATEWAY_ANSWER);
    let Ok(parsed) = parse(text) else { return };
    assert_eq!(parsed.as_text(), text);
    let shown = format!("{parsed:?}");
    assert!(!shown.is_empty());
    for keying in [Keying::Dtls, Keying::Sdes] {
        let _offer = check_offer(&parsed, keying, &[]);
        let _answer = check_answer(&offer, &parsed, keying);
    }
    if check_offer(&parsed, Keying::Dtls, &[]).is_ok() {
        parsed.session.remote_transport().expect("an accepted offer describes a transport");
    }
    read(&write_browser_answer(&parsed.session, &local));
    read(&write_gateway_answer(&parsed.session, &local));
}

/// Words an attacker would try.
fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("m=audio 9 UDP/TLS/RTP/SAVPF 111 126".to_owned()),
        Just("a=rtpmap:111 opus/48000/2".to_owned()),
        Just("a=fingerprint:sha-256 00:".to_owned()),
        Just("a=candidate:1 1 udp 1 ::1 9 typ host".to_owned()),
        Just("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:".to_owned()),
        Just("a=setup:".to_owned()),
        Just("c=IN IP4 999.1.1.1".to_owned()),
        "[a-z]=[ -~]{0,40}",
        "a=[a-z-]{1,16}:\\PC{0,40}",
        "\\PC{0,20}",
    ]
}

proptest! {
    #[test]
    fn random_text(text in "\\PC{0,200}") {
        use_all(&text);
    }

    #[test]
    fn random_lines(lines in prop::collection::vec(word(), 0..30)) {
        use_all(&format!("v=0\r\n{}\r\n", lines.join("\r\n")));
    }

    #[test]
    fn a_golden_with_a_piece_replaced(
        which in 0..ALL.len(), at in any::<prop::sample::Index>(), len in 0..40_usize, piece in "\\PC{0,8}",
    ) {
        let mut chars: Vec<char> = ALL[which].chars().collect();
        let from = at.index(chars.len());
        let to = (from + len).min(chars.len());
        chars.splice(from..to, piece.chars());
        use_all(&chars.into_iter().collect::<String>());
    }

    #[test]
    fn a_golden_cut_anywhere(which in 0..ALL.len(), at in any::<prop::sample::Index>()) {
        let text = ALL[which];
        use_all(&text[..at.index(text.len())]);
    }
}
