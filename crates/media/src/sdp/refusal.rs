//! Why is this SDP refused, and what is the cure?
//!
//! Each refusal names its line where there is one (`Display`) and says what to change
//! ([`SdpRefusal::fix`]). A warning is something that works here and is known to fail, or to sound
//! bad, elsewhere.

use std::fmt;

/// Why an SDP cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SdpRefusal {
    /// It is longer than any SDP of one audio stream.
    #[error("the SDP has {bytes} bytes, more than any session of one audio stream needs")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Its line ends are the characters `\r\n`, not line ends.
    #[error("the SDP is one line: its line ends are the four characters \\r\\n")]
    EscapedLineEnds,
    /// It is not SDP.
    #[error("{}", not_sdp(*.line, why))]
    NotSdp {
        /// Where it stops being SDP.
        line: Option<usize>,
        /// In which way.
        why: String,
    },
    /// It has no `m=audio` line.
    #[error("the SDP has no m=audio line")]
    NoAudio,
    /// Its audio line has port 0: refused or switched off.
    #[error("line {line}: the m=audio line has port 0, which switches the audio off")]
    AudioOff {
        /// The `m=` line.
        line: usize,
    },
    /// It has more than one `m=audio` line.
    #[error("the SDP has {} m=audio lines ({})", .lines.len(), Lines(.lines))]
    SeveralAudio {
        /// The `m=` lines.
        lines: Vec<usize>,
    },
    /// It has video.
    #[error("line {line}: video is not supported, the SDP must be audio only")]
    Video {
        /// The `m=` line.
        line: usize,
    },
    /// It has another kind of media.
    #[error("line {line}: m={media} is not supported, the SDP must be audio only")]
    OtherMedia {
        /// The `m=` line.
        line: usize,
        /// What it is.
        media: String,
    },
    /// Media is not protected.
    #[error("line {line}: the profile {found} is not protected")]
    NotProtected {
        /// The `m=` line.
        line: usize,
        /// The profile.
        found: String,
    },
    /// It names no certificate.
    #[error("No fingerprint found in SDP")]
    NoFingerprint,
    /// It names several certificates or several hashes.
    #[error("the SDP has {} fingerprints ({}), only one is allowed", .lines.len(), Lines(.lines))]
    SeveralFingerprints {
        /// The `a=fingerprint` lines.
        lines: Vec<usize>,
        /// The one of them with sha-256.
        sha256: Option<usize>,
    },
    /// Its fingerprint uses another hash.
    #[error("line {line}: the fingerprint uses {hash}, only sha-256 is supported")]
    NotSha256 {
        /// The `a=fingerprint` line.
        line: usize,
        /// The hash.
        hash: String,
    },
    /// Its fingerprint is not 32 hex pairs.
    #[error("line {line}: a sha-256 fingerprint is 32 hex pairs joined by colons")]
    BadFingerprint {
        /// The `a=fingerprint` line.
        line: usize,
    },
    /// It does not offer Opus, or not as Opus.
    #[error("line {line}: no opus/48000/2 among the formats")]
    NoOpus {
        /// The `m=` line.
        line: usize,
        /// It has G.711 instead.
        has_g711: bool,
    },
    /// It answers with a format that was not offered.
    #[error("line {line}: payload type {pt} ({name}) was not offered as that")]
    NotOffered {
        /// The `m=` line.
        line: usize,
        /// The payload type.
        pt: u8,
        /// The format.
        name: String,
    },
    /// It has no ICE credentials.
    #[error("the SDP has no a={attribute} line")]
    NoIce {
        /// `ice-ufrag` or `ice-pwd`.
        attribute: &'static str,
    },
    /// Its ICE credentials cannot be used.
    #[error("line {line}: {attribute} must have {chars_min} to 256 printable characters")]
    BadIce {
        /// Its line.
        line: usize,
        /// `ice-ufrag` or `ice-pwd`.
        attribute: &'static str,
        /// The least allowed.
        chars_min: usize,
    },
    /// A business is ice-lite towards WhatsApp, which is so itself.
    #[error("line {line}: a=ice-lite, but the platform is ice-lite itself")]
    IceLiteFromBusiness {
        /// Its line.
        line: usize,
    },
    /// `a=setup` is not a word for this place.
    #[error("line {line}: a=setup:{found} is not allowed here")]
    BadSetup {
        /// Its line.
        line: usize,
        /// The word.
        found: String,
    },
    /// Keys should be in the SDP and are not.
    #[error("no a=crypto line with AES_CM_128_HMAC_SHA1_80 found in SDP")]
    NoCrypto,
}

fn not_sdp(line: Option<usize>, why: &str) -> String {
    match line {
        Some(line) => format!("line {line}: not SDP: {why}"),
        None => format!("not SDP: {why}"),
    }
}

/// Writes `lines 3, 4 and 5`.
struct Lines<'a>(&'a [usize]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = self.0.len().saturating_sub(1);
        f.write_str(if self.0.len() == 1 { "line " } else { "lines " })?;
        for (at, line) in self.0.iter().enumerate() {
            let joint = match at {
                0 => "",
                at if at == last => " and ",
                _ => ", ",
            };
            write!(f, "{joint}{line}")?;
        }
        Ok(())
    }
}

impl SdpRefusal {
    /// What to change.
    #[must_use]
    pub fn fix(&self) -> String {
        match self {
            Self::TooLong { .. } => "Offer one audio stream with few candidates.".into(),
            Self::EscapedLineEnds => {
                "Encode the SDP as a JSON string once; it is encoded twice.".into()
            }
            Self::NotSdp { .. } => {
                "Send the SDP as RFC 8866 text with CRLF line ends, first line v=0.".into()
            }
            Self::NoAudio => "Add one audio track before making the SDP.".into(),
            Self::AudioOff { .. } => "Use port 9 or the real port; do not stop the track.".into(),
            Self::SeveralAudio { .. } => "Keep one m=audio line: one stream, one track.".into(),
            Self::Video { .. } | Self::OtherMedia { .. } => {
                "Remove that m= section and its name from a=group:BUNDLE.".into()
            }
            Self::NotProtected { .. } => "Use the profile UDP/TLS/RTP/SAVPF.".into(),
            Self::NoFingerprint => "Add the a=fingerprint:sha-256 line of your DTLS certificate, \
                                    or set srtp_key_exchange_protocol to SDES."
                .into(),
            Self::SeveralFingerprints { lines, sha256: Some(keep) } => {
                let drop: Vec<usize> = lines.iter().copied().filter(|line| line != keep).collect();
                format!("Keep line {keep} (sha-256), remove {}.", Lines(&drop))
            }
            Self::SeveralFingerprints { sha256: None, .. } => {
                "Send one a=fingerprint line, with sha-256.".into()
            }
            Self::NotSha256 { .. } | Self::BadFingerprint { .. } => {
                "Write the SHA-256 of your certificate: a=fingerprint:sha-256 AB:CD:…".into()
            }
            Self::NoOpus { has_g711, .. } => {
                let fix =
                    "Offer or answer opus/48000/2; in an answer with the offer's payload type.";
                if *has_g711 {
                    format!("{fix} G.711 needs the number's audio.additional_codecs.")
                } else {
                    fix.into()
                }
            }
            Self::NotOffered { .. } => {
                "Answer only formats of the offer, with the offer's payload types.".into()
            }
            Self::NoIce { .. } | Self::BadIce { .. } => {
                "Write both a=ice-ufrag and a=ice-pwd as your ICE agent made them.".into()
            }
            Self::IceLiteFromBusiness { .. } => {
                "Be a full ICE agent, controlling, and start the checks.".into()
            }
            Self::BadSetup { .. } => {
                "Write a=setup:actpass in an offer, a=setup:active in an answer.".into()
            }
            Self::NoCrypto => "Add a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:…, or set \
                               srtp_key_exchange_protocol to DTLS."
                .into(),
        }
    }

    /// What is wrong and what to change, as one text for an answer's details.
    #[must_use]
    pub fn details(&self) -> String {
        format!("{self}. {}", self.fix())
    }
}

/// Something that works here, and is known to fail or to sound bad elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SdpWarning {
    /// Lines end with LF only.
    #[error("line {line}: ends with LF; the API wants CRLF")]
    NotCrlf {
        /// The first such line.
        line: usize,
    },
    /// The last line has no end.
    #[error("the last line has no line end; strict parsers stop there")]
    NoLastLineEnd,
    /// A candidate that cannot be used, such as an mDNS name.
    #[error("line {line}: a candidate that cannot be used, such as an mDNS name")]
    UnusableCandidate {
        /// The first such line.
        line: usize,
    },
    /// RTCP is not on RTP's port.
    #[error("no a=rtcp-mux: RTCP is expected on RTP's port all the same")]
    NoRtcpMux,
    /// The hash is not in lower case.
    #[error("line {line}: write sha-256 in lower case; a call with {found} stayed silent")]
    HashCase {
        /// The `a=fingerprint` line.
        line: usize,
        /// As written.
        found: String,
    },
    /// Media flows one way only, or not at all.
    #[error("a={} leaves one side without sound", .0.as_str())]
    NotSendRecv(super::MediaDirection),
    /// Several sources.
    #[error("line {line}: a second SSRC; the platform carries one source per call")]
    SeveralSources {
        /// The first line of the second source.
        line: usize,
    },
    /// Packets are not 20 ms.
    #[error("a=ptime:{ms}: the platform expects 20 ms packets")]
    Ptime {
        /// What it says.
        ms: u32,
    },
    /// No telephone-events at 8000 Hz.
    #[error("no telephone-event/8000: digits of the dialpad will not arrive")]
    NoDtmf,
}
