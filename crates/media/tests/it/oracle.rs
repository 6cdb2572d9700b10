//! A str0m peer in memory: its RTP, RTCP and SRTP are the second opinion on ours.
//!
//! str0m keeps SRTP private, so it is driven as a whole. Its DTLS can be replaced, though:
//! [`AgreedKeys`] hands it keys and a profile of our choice in place of a handshake, and a second
//! str0m answers its ICE checks. What the first one then sends to the second we read, and what it
//! receives we write.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use str0m::config::{CryptoProvider, DtlsVersion};
use str0m::crypto::dtls::{
    DtlsCert, DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, KeyingMaterial,
    ProtocolVersion, SrtpProfile,
};
use str0m::crypto::{CryptoError, from_feature_flags};
use str0m::media::MediaKind;
use str0m::net::{Protocol, Receive};
use str0m::rtp::{RawPacket, RtpPacket};
use str0m::{Candidate, Event, Input, Output, Rtc};

/// The source the oracle sends from.
pub(crate) const ORACLE_SSRC: u32 = 0x0a0b_0c0d;
/// The source it expects us to send from.
pub(crate) const OUR_SSRC: u32 = 0x1020_3040;
/// Opus, in str0m's numbering.
pub(crate) const OPUS: u8 = 111;

/// A DTLS that has always just finished.
#[derive(Debug)]
struct AgreedKeys {
    profile: SrtpProfile,
    block: Vec<u8>,
}

impl DtlsProvider for AgreedKeys {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        from_feature_flags().dtls_provider.generate_certificate()
    }

    fn new_dtls(
        &self,
        _: &DtlsCert,
        now: Instant,
        _: DtlsVersion,
        _: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        Ok(Box::new(Agreed {
            profile: self.profile,
            block: self.block.clone(),
            active: false,
            told: 0,
            now,
        }))
    }
}

#[derive(Debug)]
struct Agreed {
    profile: SrtpProfile,
    block: Vec<u8>,
    active: bool,
    told: u8,
    now: Instant,
}

impl DtlsInstance for Agreed {
    fn set_active(&mut self, active: bool) {
        self.active = active;
    }

    fn handle_packet(&mut self, _: &[u8]) -> Result<(), DtlsImplError> {
        Ok(())
    }

    fn poll_output<'a>(&mut self, _: &'a mut [u8]) -> DtlsOutput<'a> {
        self.told = self.told.saturating_add(1);
        match self.told {
            1 => DtlsOutput::Connected,
            2 => DtlsOutput::KeyingMaterial(KeyingMaterial::new(&self.block), self.profile),
            _ => DtlsOutput::Timeout(self.now + Duration::from_secs(100_000)),
        }
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.now = now;
        Ok(())
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        Ok(data.len())
    }

    fn is_active(&self) -> bool {
        self.active
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        None
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        Ok(())
    }
}

/// What came out of the oracle since it was last asked.
#[derive(Default)]
pub(crate) struct Outcome {
    /// Protected packets it sent.
    pub(crate) media: Vec<Vec<u8>>,
    /// Packets of ours that it accepted.
    pub(crate) received: Vec<RtpPacket>,
    /// What it says about plain packets in both directions.
    pub(crate) raw: Vec<RawPacket>,
}

/// The oracle, connected.
pub(crate) struct Oracle {
    pub(crate) rtc: Rtc,
    partner: Rtc,
    pub(crate) now: Instant,
}

fn oracle_addr() -> SocketAddr {
    ([127, 0, 0, 1], 5_000).into()
}

fn partner_addr() -> SocketAddr {
    ([127, 0, 0, 1], 6_000).into()
}

/// A str0m with one audio stream each way and nothing that would alter packets.
pub(crate) fn rtc(now: Instant, provider: Option<Arc<CryptoProvider>>) -> Rtc {
    from_feature_flags().install_process_default();
    let mut config = Rtc::builder()
        .set_rtp_mode(true)
        .clear_codecs()
        .enable_opus(true, false)
        .clear_extension_map()
        .enable_raw_packets(true)
        .set_fingerprint_verification(true);
    if let Some(provider) = provider {
        config = config.set_crypto_provider(provider);
    }

    config.build(now)
}

/// Declares the audio stream each way.
pub(crate) fn declare_audio(rtc: &mut Rtc, sends: u32, expects: u32) {
    let mut api = rtc.direct_api();
    api.declare_media("aud".into(), MediaKind::Audio);
    api.declare_stream_tx(sends.into(), None, "aud".into(), None);
    api.expect_stream_rx(expects.into(), None, "aud".into(), None);
}

impl Oracle {
    /// Connects an oracle that is the DTLS client (`active`) or server of a handshake that gave
    /// these keys.
    pub(crate) fn connect(profile: SrtpProfile, block: &[u8], active: bool) -> Self {
        let start = crate::any_instant();
        let provider = || {
            let dtls = Box::leak(Box::new(AgreedKeys { profile, block: block.to_vec() }));
            Some(Arc::new(CryptoProvider { dtls_provider: dtls, ..from_feature_flags() }))
        };
        let mut oracle =
            Self { rtc: rtc(start, provider()), partner: rtc(start, provider()), now: start };
        oracle.introduce(active);
        for _ in 0..200 {
            oracle.run(Duration::from_millis(10));
            if oracle.rtc.is_connected() {
                return oracle;
            }
        }
        panic!("ICE in memory did not connect");
    }

    fn introduce(&mut self, active: bool) {
        let (rtc, partner) = (&mut self.rtc, &mut self.partner);
        let ours = Candidate::host(oracle_addr(), "udp").unwrap();
        let theirs = Candidate::host(partner_addr(), "udp").unwrap();
        rtc.add_local_candidate(ours.clone());
        partner.add_remote_candidate(ours);
        partner.add_local_candidate(theirs.clone());
        rtc.add_remote_candidate(theirs);
        trust(rtc, partner, active);
        trust(partner, rtc, !active);
        declare_audio(&mut self.rtc, ORACLE_SSRC, OUR_SSRC);
    }

    /// Lets time pass; ICE between the oracle and its partner goes on.
    pub(crate) fn run(&mut self, time: Duration) -> Outcome {
        self.now += time;
        self.rtc.handle_input(Input::Timeout(self.now)).unwrap();
        self.partner.handle_input(Input::Timeout(self.now)).unwrap();

        self.drain()
    }

    /// Hands the oracle a protected packet of ours.
    pub(crate) fn receive(&mut self, datagram: &[u8]) -> Outcome {
        feed(&mut self.rtc, self.now, partner_addr(), oracle_addr(), datagram);

        self.drain()
    }

    fn drain(&mut self) -> Outcome {
        let mut outcome = Outcome::default();
        loop {
            let mut to_partner = Vec::new();
            drain(
                &mut self.rtc,
                |datagram| to_partner.push(datagram),
                |event| match event {
                    Event::RtpPacket(packet) => outcome.received.push(packet),
                    Event::RawPacket(raw) => outcome.raw.push(*raw),
                    _ => {}
                },
            );
            for datagram in to_partner {
                if datagram[0] < 128 {
                    feed(&mut self.partner, self.now, oracle_addr(), partner_addr(), &datagram);
                } else {
                    outcome.media.push(datagram);
                }
            }
            let mut to_oracle = Vec::new();
            drain(&mut self.partner, |datagram| to_oracle.push(datagram), |_| {});
            to_oracle.retain(|datagram| datagram[0] < 128);
            if to_oracle.is_empty() {
                return outcome;
            }
            for datagram in to_oracle {
                feed(&mut self.rtc, self.now, partner_addr(), oracle_addr(), &datagram);
            }
        }
    }
}

/// Tells one str0m who the other is.
fn trust(rtc: &mut Rtc, other: &mut Rtc, active: bool) {
    let creds = other.direct_api().local_ice_credentials();
    let fingerprint = other.direct_api().local_dtls_fingerprint().clone();
    let mut api = rtc.direct_api();
    api.set_remote_ice_credentials(creds);
    api.set_remote_fingerprint(fingerprint);
    api.set_ice_controlling(active);
    api.start_dtls(active).unwrap();
}

/// Empties a str0m until it only waits; returns when it wants to be asked again.
pub(crate) fn drain(
    rtc: &mut Rtc,
    mut sent: impl FnMut(Vec<u8>),
    mut event: impl FnMut(Event),
) -> Instant {
    loop {
        match rtc.poll_output().unwrap() {
            Output::Timeout(at) => return at,
            Output::Transmit(transmit) => sent(transmit.contents.to_vec()),
            Output::Event(happened) => event(happened),
        }
    }
}

/// Hands a str0m a datagram.
pub(crate) fn feed(rtc: &mut Rtc, now: Instant, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
    if let Ok(received) = Receive::new(Protocol::Udp, from, to, bytes) {
        rtc.handle_input(Input::Receive(now, received)).unwrap();
    }
}
