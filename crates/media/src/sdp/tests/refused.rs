//! What is refused, on which line, and with which cure.

use super::super::{Keying, SdpRefusal, SdpWarning, check_answer, check_offer};
use super::*;
use crate::frame::AudioCodec;

fn refuse(text: &str) -> SdpRefusal {
    match parse(text).and_then(|offer| check_offer(&offer, Keying::Dtls, &[])) {
        Err(refusal) => refusal,
        Ok(()) => panic!("accepted:\n{text}"),
    }
}

fn line_of(text: &str, needle: &str) -> usize {
    text.lines().position(|line| line.contains(needle)).unwrap() + 1
}

/// The text without the lines that contain `needle`.
fn without(text: &str, needle: &str) -> String {
    text.split_inclusive('\n').filter(|line| !line.contains(needle)).collect()
}

#[test]
fn several_fingerprints_name_their_lines_and_the_one_to_keep() {
    let refusal = refuse(AIORTC_OFFER);
    let first = line_of(AIORTC_OFFER, "sha-256");
    assert_eq!(
        refusal,
        SdpRefusal::SeveralFingerprints {
            lines: vec![first, first + 1, first + 2],
            sha256: Some(first)
        }
    );
    assert_eq!(
        refusal.details(),
        "the SDP has 3 fingerprints (lines 26, 27 and 28), only one is allowed. \
         Keep line 26 (sha-256), remove lines 27 and 28."
    );
    let cured = without(&without(AIORTC_OFFER, "sha-384"), "sha-512");
    check_offer(&read(&cured), Keying::Dtls, &[]).unwrap();
    assert_eq!(read(AIORTC_OFFER).session.fingerprint, read(&cured).session.fingerprint);
}

#[test]
fn no_fingerprint_is_said_in_metas_words() {
    assert_eq!(refuse(SDES_OFFER), SdpRefusal::NoFingerprint);
    let refusal = refuse(&without(GATEWAY_OFFER, "fingerprint"));
    assert_eq!(refusal.to_string(), "No fingerprint found in SDP");
    assert!(refusal.fix().contains("SDES"));
}

#[test]
fn other_and_broken_hashes() {
    let other = without(&without(AIORTC_OFFER, "sha-256"), "sha-512");
    let line = line_of(&other, "sha-384");
    assert_eq!(refuse(&other), SdpRefusal::NotSha256 { line, hash: "sha-384".into() });
    let short = GATEWAY_OFFER.replace("sha-256 10:", "sha-256 ");
    let line = line_of(&short, "fingerprint");
    assert_eq!(refuse(&short), SdpRefusal::BadFingerprint { line });
    let upper = read(&GATEWAY_OFFER.replace("sha-256", "SHA-256"));
    check_offer(&upper, Keying::Dtls, &[]).unwrap();
    let line = line_of(GATEWAY_OFFER, "fingerprint");
    assert_eq!(upper.warnings, [SdpWarning::HashCase { line, found: "SHA-256".into() }]);
}

#[test]
fn audio_and_only_audio() {
    let head = GATEWAY_OFFER.split("m=audio").next().unwrap();
    assert_eq!(refuse(head), SdpRefusal::NoAudio);
    let line = GATEWAY_OFFER.lines().count() + 1;
    let with = |section: &str| format!("{GATEWAY_OFFER}{section}\r\n");
    assert_eq!(refuse(&with("m=video 9 UDP/TLS/RTP/SAVPF 96")), SdpRefusal::Video { line });
    let data = refuse(&with("m=application 9 UDP/DTLS/SCTP webrtc-datachannel"));
    assert_eq!(data, SdpRefusal::OtherMedia { line, media: "application".into() });
    let first = line_of(GATEWAY_OFFER, "m=audio");
    assert_eq!(
        refuse(&with("m=audio 9 UDP/TLS/RTP/SAVPF 111")),
        SdpRefusal::SeveralAudio { lines: vec![first, line] }
    );
    let off = GATEWAY_OFFER.replace("m=audio 40100", "m=audio 0");
    assert_eq!(refuse(&off), SdpRefusal::AudioOff { line: first });
}

#[test]
fn opus_at_48_khz_and_a_protected_profile() {
    let line = line_of(GATEWAY_OFFER, "m=audio");
    for text in [
        GATEWAY_OFFER.replace("opus/48000/2", "opus/16000/2"),
        GATEWAY_OFFER.replace("opus/48000/2", "opus/48000"),
        GATEWAY_OFFER.replace("a=rtpmap:111 opus/48000/2", "a=rtpmap:111 ISAC/16000"),
        without(GATEWAY_OFFER, "a=rtpmap:111").replace("SAVPF 111", "SAVPF 0"),
    ] {
        assert!(matches!(refuse(&text), SdpRefusal::NoOpus { line: at, .. } if at == line));
    }
    let plain = GATEWAY_OFFER.replace("UDP/TLS/RTP/SAVPF", "RTP/AVP");
    assert_eq!(refuse(&plain), SdpRefusal::NotProtected { line, found: "RTP/AVP".into() });
}

#[test]
fn a_business_is_a_full_ice_agent_with_credentials() {
    let lite = GATEWAY_OFFER.replace("t=0 0\r\n", "t=0 0\r\na=ice-lite\r\n");
    assert_eq!(refuse(&lite), SdpRefusal::IceLiteFromBusiness { line: 5 });
    assert_eq!(
        refuse(&without(GATEWAY_OFFER, "ice-ufrag")),
        SdpRefusal::NoIce { attribute: "ice-ufrag" }
    );
    assert_eq!(
        refuse(&without(GATEWAY_OFFER, "ice-pwd")),
        SdpRefusal::NoIce { attribute: "ice-pwd" }
    );
    let line = line_of(GATEWAY_OFFER, "ice-pwd");
    assert_eq!(
        refuse(&GATEWAY_OFFER.replace("gwPasswordGwPasswordGwPw", "short")),
        SdpRefusal::BadIce { line, attribute: "ice-pwd", chars_min: 22 }
    );
}

#[test]
fn setup_is_a_choice_in_an_offer_and_a_decision_in_an_answer() {
    let line = line_of(GATEWAY_OFFER, "a=setup");
    let found = "holdconn".to_owned();
    let text = GATEWAY_OFFER.replace("a=setup:actpass", "a=setup:holdconn");
    assert_eq!(refuse(&text), SdpRefusal::BadSetup { line, found });

    let offer = read(PLATFORM_OFFER).session;
    let answer = read(&GATEWAY_ANSWER.replace("setup:active", "setup:actpass"));
    let found = "actpass".to_owned();
    let refused = check_answer(&offer, &answer, Keying::Dtls);
    assert_eq!(refused, Err(SdpRefusal::BadSetup { line, found }));
    let passive = read(&GATEWAY_ANSWER.replace("setup:active", "setup:passive"));
    check_answer(&offer, &passive, Keying::Dtls).unwrap();
}

#[test]
fn an_answer_takes_from_the_offer() {
    let offer = read(PLATFORM_OFFER).session;
    let answer = read(&GATEWAY_ANSWER.replace("111", "96"));
    let line = line_of(GATEWAY_ANSWER, "m=audio");
    assert_eq!(
        check_answer(&offer, &answer, Keying::Dtls),
        Err(SdpRefusal::NotOffered { line, pt: 96, name: "opus".into() })
    );
}

#[test]
fn g711_is_taken_only_from_a_number_that_has_it() {
    let line = line_of(GATEWAY_OFFER, "m=audio");
    let only = |formats: &str| GATEWAY_OFFER.replace("SAVPF 111 126", &format!("SAVPF {formats}"));
    let pcmu = read(&only("0 126"));
    let refused = |allowed: &[AudioCodec]| check_offer(&pcmu, Keying::Dtls, allowed);
    let refusal = SdpRefusal::NoOpus { line, has_g711: true };
    assert_eq!(refused(&[]), Err(refusal.clone()));
    assert_eq!(refused(&[AudioCodec::Pcma]), Err(refusal.clone()));
    assert_eq!(refused(&[AudioCodec::Pcmu]), Ok(()));
    assert!(refusal.details().contains("additional_codecs"), "{}", refusal.details());
    let neither = SdpRefusal::NoOpus { line, has_g711: false };
    assert_eq!(
        check_offer(&read(&only("9 126")), Keying::Dtls, &AudioCodec::G711),
        Err(neither.clone())
    );

    // An answer takes what the offer had, which is what the number had then.
    let offer = read(PLATFORM_OFFER).session;
    let answer = |formats: &str| read(&GATEWAY_ANSWER.replace("111 126", formats));
    assert_eq!(check_answer(&offer, &answer("0 126"), Keying::Dtls), Err(refusal));
    assert_eq!(check_answer(&offer, &answer("126"), Keying::Dtls), Err(neither));
    let more = SdpRefusal::NotOffered { line, pt: 0, name: "PCMU".into() };
    assert_eq!(check_answer(&offer, &answer("111 0"), Keying::Dtls), Err(more));
}

#[test]
fn keys_in_the_sdp_when_they_are_wanted() {
    let refused = check_offer(&read(GATEWAY_OFFER), Keying::Sdes, &[]);
    assert_eq!(refused, Err(SdpRefusal::NoCrypto));
    for broken in ["inline:QUJD", "inline:****", "inline:"] {
        let text = SDES_OFFER.replace("inline:QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVowMTIz", broken);
        assert_eq!(check_offer(&read(&text), Keying::Sdes, &[]), Err(SdpRefusal::NoCrypto));
    }
    let lifetime = SDES_OFFER.replace("MTIz\r\n", "MTIz|2^31|1:1\r\n");
    assert_eq!(read(&lifetime).session.crypto, read(SDES_OFFER).session.crypto);
}

#[test]
fn what_is_not_sdp() {
    assert!(matches!(refuse(""), SdpRefusal::NotSdp { line: None, .. }));
    assert!(matches!(refuse("hello\r\n"), SdpRefusal::NotSdp { line: Some(1), .. }));
    assert!(matches!(refuse("v=1\r\n"), SdpRefusal::NotSdp { line: Some(1), .. }));
    let bad_origin = GATEWAY_OFFER.replace("IN IP4 0.0.0.0\r\ns=", "IN\r\ns=");
    assert!(matches!(refuse(&bad_origin), SdpRefusal::NotSdp { line: Some(2), .. }));
    let escaped = GATEWAY_OFFER.replace("\r\n", "\\r\\n");
    assert_eq!(refuse(&escaped), SdpRefusal::EscapedLineEnds);
    let long = format!("{GATEWAY_OFFER}a=x:{}\r\n", "y".repeat(64 * 1024));
    assert!(matches!(refuse(&long), SdpRefusal::TooLong { .. }));
}

#[test]
fn line_ends_that_are_not_crlf_are_tolerated_and_named() {
    let unix = read(&GATEWAY_OFFER.replace("\r\n", "\n"));
    assert_eq!(unix.warnings, [SdpWarning::NotCrlf { line: 1 }]);
    assert_eq!(unix.session, read(GATEWAY_OFFER).session);
    let cut = read(GATEWAY_OFFER.trim_end());
    assert_eq!(cut.warnings, [SdpWarning::NoLastLineEnd]);
    assert_eq!(cut.session, read(GATEWAY_OFFER).session);
}

#[test]
fn what_fails_elsewhere_is_named() {
    let second = GATEWAY_OFFER.replace("a=ssrc", "a=ssrc:5 cname:other\r\na=ssrc");
    let line = line_of(&second, "a=ssrc:871000001");
    assert_eq!(read(&second).warnings, [SdpWarning::SeveralSources { line }]);
    let ptime = read(&GATEWAY_OFFER.replace("a=ptime:20", "a=ptime:60"));
    assert_eq!(ptime.warnings, [SdpWarning::Ptime { ms: 60 }]);
    let fast_events = read(&GATEWAY_OFFER.replace("event/8000", "event/48000"));
    assert_eq!(fast_events.warnings, [SdpWarning::NoDtmf]);
    let one_way = read(&without(GATEWAY_OFFER, "rtcp-mux").replace("sendrecv", "sendonly"));
    assert_eq!(one_way.warnings.len(), 2);
}

#[test]
fn every_refusal_says_what_to_change() {
    for refusal in [
        SdpRefusal::NoAudio,
        SdpRefusal::SeveralFingerprints { lines: vec![4, 5], sha256: None },
        SdpRefusal::SeveralFingerprints { lines: vec![4, 5], sha256: Some(5) },
        SdpRefusal::NoCrypto,
        SdpRefusal::NoOpus { line: 3, has_g711: true },
    ] {
        assert!(refusal.fix().ends_with('.'), "{refusal}");
        assert!(refusal.details().len() > refusal.to_string().len() + 20);
    }
}
