//! What each layout says, and that we write it byte for byte.

use std::net::SocketAddr;

use terms::Timestamp;

use super::super::{
    DTMF_PT, Keying, MediaDirection, OPUS_PT, PlatformVoice, Profile, SdesCrypto, SdpWarning,
    Setup, check_answer, check_offer, write_browser_answer, write_gateway_answer,
    write_gateway_offer, write_gateway_sdes_answer, write_gateway_sdes_offer, write_handset_offer,
    write_platform_answer, write_platform_offer, write_platform_sdes_answer,
    write_platform_sdes_offer,
};
use super::*;
use crate::frame::AudioCodec;

/// The text with every candidate's foundation replaced: WhatsApp's rule for it is not known.
fn without_foundations(text: &str) -> String {
    let line = |line: &str| match line.strip_prefix("a=candidate:") {
        Some(rest) => format!("a=candidate:F {}", rest.split_once(' ').unwrap().1),
        None => line.to_owned(),
    };
    text.split_inclusive('\n').map(line).collect()
}

fn voice<'a>(local: &'a LocalTransport, stream: &'a str) -> PlatformVoice<'a> {
    let created = Timestamp::from_unix_ms(i64::try_from(local.session_id).unwrap());
    PlatformVoice { local, created, stream, extra: &[] }
}

const STREAM: &str = "11111111-2222-4333-8444-555555555555";

#[test]
fn the_text_of_everything_read_is_kept() {
    for text in ALL {
        assert_eq!(read(text).as_text(), text);
    }
}

#[test]
fn the_platforms_offer_is_written_byte_for_byte() {
    let local = transport_of(PLATFORM_OFFER);
    let written = write_platform_offer(voice(&local, STREAM));
    assert_eq!(without_foundations(&written), without_foundations(PLATFORM_OFFER));
    let foundation = written.split("a=candidate:").nth(1).unwrap().split(' ').next().unwrap();
    assert_eq!(foundation.len(), 10, "ten digits as in the traces");
    assert!(written.ends_with("WhatsAppAudioStream1\r\n"));
}

#[test]
fn without_ipv6_the_platform_offers_one_candidate() {
    let mut local = transport_of(PLATFORM_OFFER);
    local.addrs.retain(SocketAddr::is_ipv4);
    let written = write_platform_offer(voice(&local, STREAM));
    assert_eq!(written.matches("a=candidate:").count(), 1);
    let line = without_foundations(PLATFORM_OFFER);
    let ipv6 = line.lines().find(|line| line.contains("2001:db8")).unwrap().to_owned() + "\r\n";
    assert_eq!(without_foundations(&written), line.replace(&ipv6, ""));
}

#[test]
fn the_platforms_offer_is_read_with_its_padded_password() {
    let session = read(PLATFORM_OFFER).session;
    assert!(session.ice_lite);
    assert_eq!(session.ice_pwd.as_deref(), Some("ABCDEFGHIJKLMNOPQRSTUV=="));
    assert_eq!(session.opus_pt(), Some(OPUS_PT));
    assert_eq!(session.dtmf_pt(), Some(DTMF_PT));
    assert_eq!(session.codecs[1].fmtp, None, "telephone-event has no fmtp");
    assert_eq!(session.mid.as_deref(), Some("audio"));
    assert_eq!(session.profile, Profile::UdpTlsRtpSavpf);
    let remote = session.remote_transport().unwrap();
    assert_eq!(remote.setup, Setup::Actpass);
    assert_eq!(remote.ice_pwd, "ABCDEFGHIJKLMNOPQRSTUV==");
    assert_eq!(remote.candidates.len(), 2);
    assert_eq!(remote.candidates[0], "198.51.100.49:3480".parse().unwrap());
    assert!(remote.candidates[1].is_ipv6());
    assert_eq!(read(PLATFORM_OFFER).warnings, []);
}

#[test]
fn the_reference_pages_older_offer_is_read_too() {
    let session = read(REFERENCE_OFFER).session;
    assert_eq!(session.ice_ufrag.as_deref(), Some("6O/H5bLm3Xr+kWqZ"));
    assert_eq!(session.port, 40012);
    assert_eq!(session.candidates[1].priority, 2_113_939_711);
    assert_eq!(session.codecs[0].fmtp.as_deref(), Some("minptime=10;useinbandfec=1"));
    assert_eq!(session.remote_transport().unwrap().candidates.len(), 2);
}

#[test]
fn the_gateways_answer_is_written_byte_for_byte_and_accepted() {
    let offer = read(PLATFORM_OFFER);
    let written = write_gateway_answer(&offer.session, &transport_of(GATEWAY_ANSWER));
    assert_eq!(written, GATEWAY_ANSWER);
    check_answer(&offer.session, &read(&written), Keying::Dtls).unwrap();
}

#[test]
fn the_gateways_offer_and_the_platforms_answer() {
    let written = write_gateway_offer(&transport_of(GATEWAY_OFFER));
    assert_eq!(written, GATEWAY_OFFER);
    let offer = read(&written);
    check_offer(&offer, Keying::Dtls, &[]).unwrap();

    let local = transport_of(PLATFORM_ANSWER);
    let answer = write_platform_answer(voice(&local, STREAM), &offer.session, Setup::Passive);
    assert_eq!(without_foundations(&answer), without_foundations(PLATFORM_ANSWER));
    assert_eq!(read(&answer).session.remote_transport().unwrap().setup, Setup::Passive);
}

#[test]
fn the_platforms_answer_mirrors_mid_and_payload_types() {
    let offer = GATEWAY_OFFER
        .replace("111", "107")
        .replace("126", "101")
        .replace("a=mid:audio", "a=mid:0")
        .replace("BUNDLE audio", "BUNDLE 0");
    let local = transport_of(PLATFORM_ANSWER);
    let answer = write_platform_answer(voice(&local, STREAM), &read(&offer).session, Setup::Active);
    let session = read(&answer).session;
    assert_eq!(session.mid.as_deref(), Some("0"));
    assert_eq!(session.bundle.as_deref(), Some("0"));
    assert_eq!((session.opus_pt(), session.dtmf_pt()), (Some(107), Some(101)));
    assert_eq!(session.setup, Some(Setup::Active));
}

#[test]
fn a_browsers_offer_is_accepted_with_its_extra_codecs() {
    let offer = read(CHROMIUM_OFFER);
    assert_eq!(offer.session.opus_pt(), Some(111));
    assert_eq!(offer.session.dtmf_pt(), Some(126), "and not the one at 48000 Hz");
    assert_eq!(offer.session.codecs.len(), 8);
    assert!(offer.warnings.is_empty(), "{:?}", offer.warnings);
    check_offer(&offer, Keying::Dtls, &[]).unwrap();
}

#[test]
fn the_answer_to_a_browser_is_ice_lite_and_passive() {
    let offer = read(CHROMIUM_OFFER);
    let written = write_browser_answer(&offer.session, &transport_of(BROWSER_ANSWER));
    assert_eq!(written, BROWSER_ANSWER);
    let answer = read(&written).session;
    assert!(answer.ice_lite);
    assert_eq!(answer.mid.as_deref(), Some("0"));
    assert_eq!(answer.setup, Some(Setup::Passive));
    assert_eq!(answer.codecs.len(), 2);
}

#[test]
fn the_answer_follows_the_offers_direction_and_setup() {
    let local = transport_of(BROWSER_ANSWER);
    let waiting = CHROMIUM_OFFER.replace("actpass", "passive").replace("sendrecv", "recvonly");
    let answer = read(&write_browser_answer(&read(&waiting).session, &local)).session;
    assert_eq!(answer.setup, Some(Setup::Active));
    assert_eq!(answer.direction, MediaDirection::SendOnly);
}

#[test]
fn the_handsets_offer_is_written_byte_for_byte() {
    let written = write_handset_offer(&transport_of(HANDSET_OFFER));
    assert_eq!(written, HANDSET_OFFER);
    check_offer(&read(&written), Keying::Dtls, &[]).unwrap();
}

#[test]
fn keys_in_the_sdp_are_read_and_written_back() {
    let parsed = read(SDES_OFFER);
    let crypto = parsed.session.crypto.clone().unwrap();
    assert_eq!(crypto.tag, 1);
    assert_eq!(&crypto.key_and_salt, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123");
    assert_eq!(parsed.session.profile, Profile::RtpSavp);
    assert_eq!(parsed.session.ice_ufrag, None);
    let mut local = transport_of(SDES_OFFER);
    local.addrs = vec![SocketAddr::new(parsed.session.addr, parsed.session.port)];
    assert_eq!(write_platform_sdes_offer(voice(&local, STREAM), &crypto), SDES_OFFER);
    let both = SDES_OFFER.replace("RTP/SAVP ", "UDP/TLS/RTP/SAVPF ");
    check_offer(&read(&both), Keying::Sdes, &[]).unwrap();
}

const BOTH: [AudioCodec; 2] = AudioCodec::G711;

/// The layout of an offer with G.711: its payload types before that of events, each with its line.
fn with_g711(offer: &str, formats: &str, maps: &str) -> String {
    let events = "a=rtpmap:126 telephone-event/8000\r\n";
    offer
        .replace(" 111 126\r\n", &format!(" 111 {formats} 126\r\n"))
        .replace(events, &format!("{maps}{events}"))
}

/// What a business writes with keys in the SDP.
const GATEWAY_SDES_OFFER: &str = "v=0\r\no=- 4711 2 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n\
    a=group:BUNDLE audio\r\nm=audio 40000 RTP/SAVP 111 126\r\nc=IN IP4 192.0.2.1\r\n\
    a=rtcp:9 IN IP4 0.0.0.0\r\na=rtcp-mux\r\na=mid:audio\r\na=sendrecv\r\n\
    a=rtpmap:111 opus/48000/2\r\na=fmtp:111 maxaveragebitrate=20000;maxplaybackrate=16000;\
    minptime=20;sprop-maxcapturerate=16000;useinbandfec=1\r\n\
    a=rtpmap:126 telephone-event/8000\r\na=ptime:20\r\na=ssrc:7 cname:gw\r\n\
    a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH\r\n";

#[test]
fn a_business_writes_keys_into_its_sdp() {
    let local = LocalTransport {
        addrs: vec![SocketAddr::from(([192, 0, 2, 1], 40_000))],
        ssrc: 7,
        cname: "gw".into(),
        session_id: 4711,
        ..transport_of(GATEWAY_OFFER)
    };
    let crypto = SdesCrypto { tag: 1, key_and_salt: [7; 30] };
    let offer = write_gateway_sdes_offer(&local, &crypto);
    assert_eq!(offer, GATEWAY_SDES_OFFER);
    check_offer(&read(&offer), Keying::Sdes, &[]).unwrap();
    assert_eq!(write_gateway_sdes_answer(&read(SDES_OFFER).session, &local, &crypto), offer);
    let odd = SDES_OFFER.replace("RTP/SAVP ", "UDP/TLS/RTP/SAVPF ").replace("111", "107");
    let answer = write_gateway_sdes_answer(&read(&odd).session, &local, &crypto);
    assert!(answer.contains(" UDP/TLS/RTP/SAVPF 107 126\r\n"), "{answer}");
}

#[test]
fn g711_stands_in_the_offer_of_a_number_that_has_it() {
    const PCMU: &str = "a=rtpmap:0 PCMU/8000\r\n";
    const PCMA: &str = "a=rtpmap:8 PCMA/8000\r\n";
    let crypto = read(SDES_OFFER).session.crypto.unwrap();
    let local = transport_of(PLATFORM_OFFER);
    let mut keyed = transport_of(SDES_OFFER);
    let keyed_session = read(SDES_OFFER).session;
    keyed.addrs = vec![SocketAddr::new(keyed_session.addr, keyed_session.port)];
    for (extra, formats, maps) in [
        (&[AudioCodec::Pcmu][..], "0", PCMU.to_owned()),
        (&[AudioCodec::Pcma], "8", PCMA.to_owned()),
        (&BOTH, "0 8", format!("{PCMU}{PCMA}")),
    ] {
        let dtls = write_platform_offer(PlatformVoice { extra, ..voice(&local, STREAM) });
        let expected = with_g711(PLATFORM_OFFER, formats, &maps);
        assert_eq!(without_foundations(&dtls), without_foundations(&expected));
        let voice = PlatformVoice { extra, ..voice(&keyed, STREAM) };
        let sdes = write_platform_sdes_offer(voice, &crypto);
        assert_eq!(sdes, with_g711(SDES_OFFER, formats, &maps));
        let codecs = read(&dtls).session.audio(&BOTH);
        assert_eq!(codecs.len(), 1 + extra.len());
        assert_eq!(codecs[0], (111, AudioCodec::Opus));
    }
}

/// A PBX's offer: Opus and events with numbers of its own, G.711 between them.
fn pbx_offer(formats: &str) -> Parsed {
    read(
        &SDES_OFFER
            .replace(" 111 126\r\n", &format!(" {formats}\r\n"))
            .replace(":111 ", ":107 ")
            .replace(":126 ", ":101 "),
    )
}

#[test]
fn g711_of_an_offer_is_mirrored_for_a_number_that_has_it_and_dropped_for_others() {
    let crypto = read(SDES_OFFER).session.crypto.unwrap();
    let local = transport_of(PLATFORM_OFFER);
    for (offered, extra, answered) in [
        ("107 0 8 101", &[][..], "107 101"),
        ("107 0 8 101", &[AudioCodec::Pcma], "107 8 101"),
        ("107 0 8 101", &BOTH, "107 0 8 101"),
        ("8 107 101", &BOTH, "8 107 101"),
        ("0 101", &[AudioCodec::Pcmu], "0 101"),
    ] {
        let offer = pbx_offer(offered);
        check_offer(&offer, Keying::Sdes, extra).unwrap();
        let voice = PlatformVoice { extra, ..voice(&local, STREAM) };
        let keyed = write_platform_sdes_answer(voice, &offer.session, &crypto);
        assert!(keyed.contains(&format!(" RTP/SAVP {answered}\r\n")), "{keyed}");
        let dtls = write_platform_answer(voice, &offer.session, Setup::Passive);
        assert!(dtls.contains(&format!(" UDP/TLS/RTP/SAVPF {answered}\r\n")), "{dtls}");
        for answer in [&keyed, &dtls] {
            assert_eq!(answer.contains("a=rtpmap:8 PCMA/8000\r\n"), answered.contains('8'));
            assert_eq!(answer.contains("opus/48000/2\r\n"), answered.contains("107"));
        }
    }
}

/// RFC 3264 6.1: what comes first in the answer is sent.
#[test]
fn the_first_codec_of_an_answer_is_chosen() {
    let local = transport_of(PLATFORM_OFFER);
    let offer = write_platform_offer(PlatformVoice { extra: &BOTH, ..voice(&local, STREAM) });
    let offer = read(&offer).session;
    for (formats, chosen) in [
        ("111 126", (111, AudioCodec::Opus)),
        ("111 0 8 126", (111, AudioCodec::Opus)),
        ("0 126", (0, AudioCodec::Pcmu)),
        ("8 0", (8, AudioCodec::Pcma)),
        ("126 0 111", (0, AudioCodec::Pcmu)),
    ] {
        let answer = GATEWAY_ANSWER.replace("SAVPF 111 126", &format!("SAVPF {formats}"));
        let answer = read(&answer);
        check_answer(&offer, &answer, Keying::Dtls).unwrap();
        assert_eq!(answer.session.audio(&BOTH)[0], chosen, "{formats}");
    }
}

#[test]
fn candidates_we_cannot_use_are_left_out() {
    let mdns = "a=candidate:1 1 udp 2113937151 5d1f0a3c-0d7c-4d8e-9c0e-d9c6ec1c23a5.local 50000 typ host\r\n";
    let tcp = "a=candidate:2 1 tcp 1518280447 192.0.2.7 9 typ host tcptype active\r\n";
    let rtcp = "a=candidate:3 2 udp 2113937151 192.0.2.7 50001 typ host\r\n";
    let good = "a=candidate:4 1 UDP 2113937151 192.0.2.7 50000 typ srflx raddr 0.0.0.0 rport 0\r\n";
    let parsed = read(&format!("{CHROMIUM_OFFER}{mdns}{tcp}{rtcp}{good}"));
    assert_eq!(parsed.session.candidates.len(), 1);
    let line = CHROMIUM_OFFER.lines().count() + 1;
    assert_eq!(parsed.warnings, [SdpWarning::UnusableCandidate { line }]);
}

#[test]
fn attributes_of_the_session_hold_for_the_audio() {
    // As Firefox writes it: the fingerprint above the m= line.
    let line = CHROMIUM_OFFER.lines().find(|line| line.contains("fingerprint")).unwrap();
    let text = CHROMIUM_OFFER
        .replace(&format!("{line}\r\n"), "")
        .replace("t=0 0\r\n", &format!("t=0 0\r\n{line}\r\n"));
    assert_eq!(read(&text).session.fingerprint, read(CHROMIUM_OFFER).session.fingerprint);
    let twice = CHROMIUM_OFFER.replace("t=0 0\r\n", &format!("t=0 0\r\n{line}\r\n"));
    check_offer(&read(&twice), Keying::Dtls, &[]).unwrap();
}

#[test]
fn nothing_secret_reaches_a_log() {
    for text in ALL {
        let parsed = read(text);
        let shown = format!("{parsed:?}");
        let session = parsed.session;
        for secret in [session.ice_pwd, session.ice_ufrag].into_iter().flatten() {
            assert!(!shown.contains(&secret), "{shown}");
        }
        for candidate in session.candidates {
            assert!(!shown.contains(&candidate.addr.ip().to_string()), "{shown}");
        }
        assert!(!shown.contains("ABCDEFGHIJ"), "{shown}");
    }
}

#[test]
fn an_answer_with_a_key_mirrors_the_offers_names_and_numbers() {
    let crypto = read(SDES_OFFER).session.crypto.unwrap();
    let mut offer = read(SDES_OFFER).session;
    let local = transport_of(PLATFORM_OFFER);
    let same = write_platform_sdes_answer(voice(&local, STREAM), &offer, &crypto);
    assert_eq!(same, write_platform_sdes_offer(voice(&local, STREAM), &crypto));
    offer.mid = Some("0".into());
    offer.codecs[0].pt = 107;
    let other = write_platform_sdes_answer(voice(&local, STREAM), &offer, &crypto);
    assert!(other.contains("RTP/SAVP 107 126\r\n") && other.contains("a=mid:0\r\n"), "{other}");
}
