//! Do our SRTP, SRTCP, RTP and RTCP say what str0m's say, in every profile and both directions?

use std::time::Duration;

use offhook_media::rtcp::{self, NtpTime, Packet, Report, ReportBlock, SenderReport};
use offhook_media::rtp::{self, Fields, RtpHeader};
use offhook_media::srtp::{KeyingMaterial, Profile, Receiver, Sender, SrtpError, TRAILER_MAX};
use str0m::crypto::dtls::SrtpProfile;
use str0m::rtp::rtcp::{Rtcp, SdesType};
use str0m::rtp::{RawPacket, RtpWrite};

use crate::oracle::{OPUS, ORACLE_SSRC, OUR_SSRC, Oracle};

const PROFILES: [(Profile, SrtpProfile); 3] = [
    (Profile::AeadAes128Gcm, SrtpProfile::AEAD_AES_128_GCM),
    (Profile::AeadAes256Gcm, SrtpProfile::AEAD_AES_256_GCM),
    (Profile::Aes128CmSha1_80, SrtpProfile::AES128_CM_SHA1_80),
];

const FRAME: Duration = Duration::from_millis(20);

/// An oracle and our two directions towards it, once as DTLS client and once as server.
fn ends() -> impl Iterator<Item = (Oracle, Sender, Receiver)> {
    PROFILES.into_iter().flat_map(|(profile, theirs)| {
        [true, false].map(|oracle_is_client| {
            let block: Vec<u8> =
                (0..profile.exporter_len()).map(|n| u8::try_from(n * 37 % 251).unwrap()).collect();
            let keys = KeyingMaterial::from_exporter(profile, &block).unwrap();
            let oracle = Oracle::connect(theirs, &block, oracle_is_client);
            let (ours, its) = if oracle_is_client {
                (&keys.server, &keys.client)
            } else {
                (&keys.client, &keys.server)
            };
            (oracle, Sender::new(ours), Receiver::new(its))
        })
    })
}

fn payload(n: u64) -> Vec<u8> {
    let len = 1 + usize::try_from(n * 7 % 200).unwrap();
    (0..len).map(|i| u8::try_from((i + usize::try_from(n).unwrap()) % 256).unwrap()).collect()
}

#[test]
fn we_read_what_str0m_sends_across_the_wrap() {
    for (mut oracle, _, mut receiver) in ends() {
        let mut sent = Vec::new();
        for n in 0..300u64 {
            let (sequence, time) = (65_400 + n, u32::MAX - 960 * 100);
            let time = time.wrapping_add(960 * u32::try_from(n).unwrap());
            let mut api = oracle.rtc.direct_api();
            let stream = api.stream_tx(&ORACLE_SSRC.into()).unwrap();
            let write = RtpWrite::new(OPUS.into(), sequence.into(), time, oracle.now, payload(n));
            stream.write_rtp(write.marker(n % 50 == 0));
            let outcome = oracle.run(FRAME);
            sent.extend(
                outcome.media.into_iter().filter(|d| rtp::classify(d) == rtp::DatagramKind::Rtp),
            );
        }
        assert_eq!(sent.len(), 300);

        // Each neighbour pair arrives the wrong way round.
        let order = (0..300).map(|n| n ^ 1);
        for n in order {
            let mut buf = sent[n].clone();
            let len = buf.len();
            let plain = receiver.unprotect_rtp(&mut buf, len).unwrap();
            let header = RtpHeader::parse(&buf[..plain]).unwrap();
            let n = u64::try_from(n).unwrap();
            assert_eq!(u64::from(header.sequence), (65_400 + n) % 65_536);
            assert_eq!((header.payload_type, header.ssrc), (OPUS, ORACLE_SSRC));
            assert_eq!(header.marker, n % 50 == 0);
            assert_eq!(header.payload(&buf), payload(n));
        }
        let mut again = sent[299].clone();
        let len = again.len();
        assert_eq!(receiver.unprotect_rtp(&mut again, len), Err(SrtpError::Replayed));
    }
}

#[test]
fn str0m_reads_what_we_send_across_the_wrap() {
    for (mut oracle, mut sender, _) in ends() {
        let mut packets = Vec::new();
        for n in 0..300u64 {
            let fields = Fields {
                payload_type: OPUS,
                marker: n % 50 == 0,
                sequence: u16::try_from((65_400 + n) % 65_536).unwrap(),
                timestamp: 960 * u32::try_from(n).unwrap(),
                ssrc: OUR_SSRC,
            };
            let mut buf = vec![0; rtp::HEADER_LEN];
            rtp::write_header(&mut buf, fields).unwrap();
            buf.extend(payload(n));
            let len = buf.len();
            buf.resize(len + TRAILER_MAX, 0);
            let len = sender.protect_rtp(&mut buf, len).unwrap();
            buf.truncate(len);
            packets.push(buf);
        }

        let mut received = Vec::new();
        // Neighbours swapped but for the first: str0m takes nothing from before it.
        for n in [0].into_iter().chain((1..299).map(|n: usize| ((n + 1) ^ 1) - 1)).chain([299]) {
            oracle.run(FRAME);
            received.extend(oracle.receive(&packets[n]).received);
        }
        received.sort_by_key(|packet| *packet.seq_no);
        assert_eq!(received.len(), 300);
        for (n, packet) in (0..).zip(&received) {
            assert_eq!(*packet.seq_no, 65_400 + n);
            assert_eq!(packet.header.marker, n % 50 == 0);
            assert_eq!(&*packet.payload, payload(n));
        }

        // And it notices what we would notice.
        let mut altered = packets[299].clone();
        altered[20] ^= 1;
        assert!(oracle.receive(&altered).received.is_empty());
    }
}

#[test]
fn we_read_the_reports_str0m_writes() {
    for (mut oracle, mut sender, mut receiver) in ends() {
        let (mut told, mut read) = (Vec::new(), 0);
        for n in 0..600u64 {
            let mut api = oracle.rtc.direct_api();
            let stream = api.stream_tx(&ORACLE_SSRC.into()).unwrap();
            let time = 960 * u32::try_from(n).unwrap();
            stream.write_rtp(RtpWrite::new(OPUS.into(), n.into(), time, oracle.now, vec![1; 30]));
            let mut outcome = oracle.run(FRAME);
            if n % 10 != 9 {
                let heard = oracle.receive(&protected_frame(&mut sender, n));
                outcome.media.extend(heard.media);
                outcome.raw.extend(heard.raw);
            }
            told.extend(outcome.raw.into_iter().filter_map(|raw| match raw {
                RawPacket::RtcpTx(rtcp) => Some(rtcp),
                _ => None,
            }));
            for datagram in outcome.media {
                if rtp::classify(&datagram) == rtp::DatagramKind::Rtcp {
                    read += check_reports(&mut receiver, datagram, &told);
                }
            }
        }
        assert!(read >= 2, "only {read} reports in 12 s");
    }
}

fn protected_frame(sender: &mut Sender, n: u64) -> Vec<u8> {
    let fields = Fields {
        payload_type: OPUS,
        marker: false,
        sequence: u16::try_from(n).unwrap(),
        timestamp: 960 * u32::try_from(n).unwrap(),
        ssrc: OUR_SSRC,
    };
    let mut buf = vec![9; rtp::HEADER_LEN + 40 + TRAILER_MAX];
    rtp::write_header(&mut buf, fields).unwrap();
    let len = sender.protect_rtp(&mut buf, rtp::HEADER_LEN + 40).unwrap();
    buf.truncate(len);

    buf
}

/// Unprotects and reads a datagram; every report in it must be one that str0m says it sent.
fn check_reports(receiver: &mut Receiver, mut datagram: Vec<u8>, told: &[Rtcp]) -> usize {
    let len = datagram.len();
    let plain = receiver.unprotect_rtcp(&mut datagram, len).unwrap();
    let mut reports = 0;
    for packet in rtcp::parse(&datagram[..plain]) {
        match packet.unwrap() {
            Packet::SenderReport { ssrc, report, blocks } => {
                reports += 1;
                let known = told.iter().any(|rtcp| match rtcp {
                    Rtcp::SenderReport(sr) => {
                        *sr.sender_info.ssrc == ssrc
                            && sr.sender_info.sender_packet_count == report.packets
                            && sr.sender_info.sender_octet_count == report.octets
                            && same_blocks(sr.reports.iter(), blocks)
                    }
                    _ => false,
                });
                assert!(known, "{report:?} is not among {told:?}");
            }
            Packet::ReceiverReport { ssrc, blocks } => {
                reports += 1;
                let known = told.iter().any(|rtcp| match rtcp {
                    Rtcp::ReceiverReport(rr) => {
                        *rr.sender_ssrc == ssrc && same_blocks(rr.reports.iter(), blocks)
                    }
                    _ => false,
                });
                assert!(known, "{blocks:?} is not among {told:?}");
            }
            Packet::SourceDescription { cname, .. } => assert!(cname.is_some()),
            Packet::Goodbye { .. } | Packet::Other { .. } => {}
        }
    }

    reports
}

fn same_blocks<'a>(
    theirs: impl Iterator<Item = &'a str0m::rtp::rtcp::ReceptionReport>,
    ours: rtcp::Blocks<'_>,
) -> bool {
    let theirs: Vec<ReportBlock> = theirs
        .map(|block| ReportBlock {
            ssrc: *block.ssrc,
            fraction_lost: block.fraction_lost,
            cumulative_lost: block.packets_lost.cast_signed(),
            highest_sequence: block.max_seq,
            jitter: block.jitter,
            last_report: block.last_sr_time,
            delay: block.last_sr_delay,
        })
        .collect();

    ours.iter().eq(theirs)
}

#[test]
fn str0m_reads_the_reports_we_write() {
    for (mut oracle, mut sender, _) in ends() {
        for n in 0..3u32 {
            let sent = SenderReport {
                ntp: NtpTime::from_unix(Duration::from_secs(1_790_000_000 + u64::from(n))),
                rtp_timestamp: 48_000 * n,
                packets: 50 * n,
                octets: 3_000 * n,
            };
            let block = ReportBlock {
                ssrc: ORACLE_SSRC,
                fraction_lost: 12,
                cumulative_lost: 34,
                highest_sequence: 0x0001_0203,
                jitter: 56,
                last_report: 0x1122_3344,
                delay: 0x0000_8000,
            };
            let report = Report {
                ssrc: OUR_SSRC,
                sender: (n != 2).then_some(sent),
                block: Some(block),
                cname: "offhook",
            };
            let mut buf = vec![0; 200];
            let len = rtcp::write_report(&mut buf, &report).unwrap();
            let len = sender.protect_rtcp(&mut buf, len).unwrap();
            let outcome = oracle.receive(&buf[..len]);
            let read: Vec<Rtcp> = outcome
                .raw
                .into_iter()
                .filter_map(|raw| match raw {
                    RawPacket::RtcpRx(rtcp) => Some(rtcp),
                    _ => None,
                })
                .collect();
            check_read(&read, &report, block);
        }
    }
}

fn check_read(read: &[Rtcp], report: &Report<'_>, block: ReportBlock) {
    let [first, Rtcp::SourceDescription(names)] = read else {
        panic!("{read:?}");
    };
    let name = names.reports.get(0).unwrap().values.get(0).unwrap();
    assert_eq!((name.0, name.1.as_str()), (SdesType::CNAME, report.cname));
    let blocks = match (first, report.sender) {
        (Rtcp::SenderReport(sr), Some(sent)) => {
            assert_eq!(*sr.sender_info.ssrc, report.ssrc);
            assert_eq!(sr.sender_info.sender_packet_count, sent.packets);
            assert_eq!(sr.sender_info.sender_octet_count, sent.octets);
            assert_eq!(sr.sender_info.rtp_time.numer(), u64::from(sent.rtp_timestamp));
            let since_1970 = sr.sender_info.ntp_time.duration_since(std::time::UNIX_EPOCH).unwrap();
            assert_eq!(NtpTime::from_unix(since_1970).middle(), sent.ntp.middle());
            &sr.reports
        }
        (Rtcp::ReceiverReport(rr), None) => {
            assert_eq!(*rr.sender_ssrc, report.ssrc);
            &rr.reports
        }
        _ => panic!("{first:?}"),
    };
    let theirs = blocks.get(0).unwrap();
    assert_eq!(*theirs.ssrc, block.ssrc);
    assert_eq!(theirs.fraction_lost, block.fraction_lost);
    assert_eq!(theirs.packets_lost, block.cumulative_lost.cast_unsigned());
    assert_eq!(theirs.max_seq, block.highest_sequence);
    assert_eq!(theirs.jitter, block.jitter);
    assert_eq!(theirs.last_sr_time, block.last_report);
    assert_eq!(theirs.last_sr_delay, block.delay);
}
