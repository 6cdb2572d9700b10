//! A telephone of the house talks G.722: the user hears of it what is above 4 kHz, and the other way round.

use std::sync::Arc;

use audio::{coding::Coding, encoder::Encoder, measure::Measure, playout::Playout, tone};
use engine::{Repeat, Source, TapPacket};
use media::frame::{AudioCodec, AudioFrame};
use serde_json::{Value, json};

use crate::{
    desk::{BYE_HZ, CALL, Desk, HOLD_HZ, terminate},
    far_end::FarEnd,
    trunks::{SDP, invited, with_trunk},
    voice::Voice,
};

/// Tones that a telephone of G.711 neither hears nor says.
pub(crate) const WIDE_USER_HZ: f32 = 5_000.0;
const WIDE_TELEPHONE_HZ: f32 = 6_000.0;
const HELD: usize = 50;

fn said(hz: f32) -> Arc<[AudioFrame]> {
    let packets = Encoder::telephone(Coding::G722).push(&tone::sine(hz, -15.0, 1_000)).unwrap();
    packets.into_iter().map(|packet| AudioFrame::new(packet).unwrap()).collect()
}

fn is_heard(packets: &[TapPacket], hz: f32) -> bool {
    let Some(first) = packets.first() else { return false };
    let mut playout = Playout::telephone(Coding::G722);
    for packet in packets {
        let at = packet.at.saturating_duration_since(first.at);
        playout.push(packet.sequence, packet.timestamp, at, &packet.payload);
    }
    let mut measure = Measure::default();
    measure.push(&playout.take());
    measure.report().is_tone(hz)
}

/// Listens until the telephone hears this tone; every packet is of the static type and 20 ms long.
async fn telephone_hears(voice: &mut Voice, hz: f32) {
    let mut packets = Vec::new();
    for _ in 0..50 {
        let (_, more) = voice.hear(200).await;
        let of_g722 = |packet: &TapPacket| packet.pt == 9 && packet.payload.len() == 160;
        assert!(more.iter().all(of_g722), "{more:?}");
        packets.extend(more);
        packets.drain(..packets.len().saturating_sub(HELD));
        if packets.len() == HELD && is_heard(&packets, hz) {
            return;
        }
    }
    panic!("the telephone hears no {hz} Hz in {} packets", packets.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_telephone_of_g722_hears_and_says_what_g711_cannot_carry() {
    let mut telephone = FarEnd::udp().await;
    let targets = [telephone.address];
    let desk = Desk::start_with(None, |config| {
        with_trunk(config, &targets);
        config.trunks[0].codecs = [&[AudioCodec::Opus], &AudioCodec::TELEPHONES[..]].concat();
    })
    .await;
    let mut user = desk.user_calls(CALL).await;
    user.expect_tone(HOLD_HZ).await;
    let invite = invited(&mut telephone).await;
    assert!(invite.contains("RTP/AVP 111 9 0 8 13 101\r\n"), "{invite}");
    assert!(invite.contains("a=rtpmap:9 G722/8000\r\n"), "{invite}");
    let mut voice = Voice::of_telephone(&desk.engine);
    let answer = voice.telephone_answers(&invite, AudioCodec::G722, |_| {});
    telephone.says(&telephone.response(&invite, "200 OK", SDP, &answer)).await;
    telephone.hears("ACK").await;
    voice.leg.play(Source::Packets(said(WIDE_TELEPHONE_HZ), Repeat::Forever));
    user.play(WIDE_USER_HZ);
    user.expect_tone(WIDE_TELEPHONE_HZ).await;
    telephone_hears(&mut voice, WIDE_USER_HZ).await;

    let held = answer.replace("a=sendrecv", "a=sendonly");
    telephone.says(&telephone.request(&invite, "INVITE", 1, SDP, &held)).await;
    telephone.hears("SIP/2.0 200").await;
    telephone.says(&telephone.request(&invite, "ACK", 1, "", "")).await;
    user.expect_tone(HOLD_HZ).await;
    telephone.says(&telephone.request(&invite, "INVITE", 2, SDP, &answer)).await;
    let accepted = telephone.hears("SIP/2.0 200").await;
    assert!(accepted.contains("RTP/AVP 9 "), "{accepted}");
    telephone.says(&telephone.request(&invite, "ACK", 2, "", "")).await;
    user.expect_tone(WIDE_TELEPHONE_HZ).await;
    telephone_hears(&mut voice, WIDE_USER_HZ).await;

    telephone.says(&telephone.request(&invite, "BYE", 3, "", "")).await;
    user.expect_tone(BYE_HZ).await;
    desk.webhook(&terminate(CALL, "USER_INITIATED", Some(3))).await;
    is_told(&desk.record(CALL).await);
}

/// On a clock that were not that of its packets, each would seem 20 ms early or late.
fn is_told(record: &Value) {
    let trunk = &record["trunks"][0];
    let talked = json!([trunk["became"], trunk["codec"], trunk["leg"]["codec"]]);
    assert_eq!(talked, json!(["answered", "G722", "G722"]), "{record}");
    let jitter = trunk["leg"]["jitter_ms"].as_f64().unwrap_or_else(|| panic!("{record}"));
    assert!(jitter < 15.0, "{record}");
}
