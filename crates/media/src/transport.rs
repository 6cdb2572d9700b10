//! What must two ends tell each other before media can flow?
//!
//! The ICE name and password, addresses, whether the end is ice-lite, the fingerprint of its DTLS
//! certificate, and which end starts DTLS. [`crate::leg`] consumes these values, SDP carries them;
//! they are plain and make no claim about how they travelled.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

/// The user fragment and password one end's STUN checks are keyed with.
///
/// Kept byte for byte as they came: WhatsApp pads its password with `==`, which RFC 8839 forbids.
#[derive(Clone, PartialEq, Eq)]
pub struct IceCredentials {
    /// `a=ice-ufrag`.
    pub ufrag: String,
    /// `a=ice-pwd`, padding included.
    pub pwd: String,
}

impl fmt::Debug for IceCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IceCredentials").field("ufrag", &self.ufrag).finish_non_exhaustive()
    }
}

/// What we tell the far end about our transport, and what SDP is written from.
#[derive(Clone, PartialEq, Eq)]
pub struct LocalTransport {
    /// Addresses the far end may send to, best first; all on one port.
    pub addrs: Vec<SocketAddr>,
    /// Our `a=ice-ufrag`.
    pub ufrag: String,
    /// Our `a=ice-pwd`.
    pub pwd: String,
    /// SHA-256 of the certificate we show in DTLS.
    pub fingerprint: Fingerprint,
    /// The one SSRC we send with for the whole call.
    pub ssrc: u32,
    /// The name of that source, in SDP and in RTCP.
    pub cname: String,
    /// A random number below 2^63 for `o=`; whoever writes a layout with another rule ignores it.
    pub session_id: u64,
}

impl fmt::Debug for LocalTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalTransport")
            .field("ufrag", &self.ufrag)
            .field("ssrc", &self.ssrc)
            .field("cname", &self.cname)
            .finish_non_exhaustive()
    }
}

/// What the far end said about its transport.
#[derive(Clone, PartialEq, Eq)]
pub struct RemoteTransport {
    /// `a=ice-ufrag`.
    pub ice_ufrag: String,
    /// `a=ice-pwd`, padding included.
    pub ice_pwd: String,
    /// UDP host candidates; may be empty, then the far end must reach us first.
    pub candidates: Vec<SocketAddr>,
    /// Whether the far end only answers checks (`a=ice-lite`).
    pub ice_lite: bool,
    /// SHA-256 of the certificate the far end will show in DTLS.
    pub fingerprint: Fingerprint,
    /// The far end's word on who starts DTLS.
    pub setup: Setup,
}

impl RemoteTransport {
    /// The far end's ICE credentials.
    #[must_use]
    pub fn credentials(&self) -> IceCredentials {
        IceCredentials { ufrag: self.ice_ufrag.clone(), pwd: self.ice_pwd.clone() }
    }
}

impl fmt::Debug for RemoteTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteTransport")
            .field("ice_ufrag", &self.ice_ufrag)
            .field("candidates", &self.candidates.len())
            .field("ice_lite", &self.ice_lite)
            .field("setup", &self.setup)
            .finish_non_exhaustive()
    }
}

/// SHA-256 of a DER certificate.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 32]);

impl fmt::Display for Fingerprint {
    /// Writes the SDP form: 32 upper-case hex pairs joined by colons, without the `sha-256` token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(":")?;
            }
            write!(f, "{byte:02X}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

/// The text is not 32 hex pairs joined by colons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a sha-256 fingerprint is 32 hex pairs joined by colons")]
pub struct FingerprintError;

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        let mut bytes = [0u8; 32];
        let mut pairs = text.split(':');
        for byte in &mut bytes {
            let pair = pairs.next().ok_or(FingerprintError)?;
            if pair.len() != 2 || !pair.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Err(FingerprintError);
            }
            *byte = u8::from_str_radix(pair, 16).map_err(|_| FingerprintError)?;
        }
        if pairs.next().is_some() {
            return Err(FingerprintError);
        }
        Ok(Self(bytes))
    }
}

/// `a=setup`: who starts the DTLS handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Setup {
    /// The speaker starts: it is the DTLS client.
    Active,
    /// The speaker waits: it is the DTLS server.
    Passive,
    /// The speaker leaves the choice to the answerer.
    Actpass,
}

impl Setup {
    /// The role *we* take when the far end **answered** (or will only answer) with this value.
    ///
    /// `Actpass` is only lawful in an offer; towards one we take the client's role, as RFC 8842
    /// recommends.
    #[must_use]
    pub const fn our_role(self) -> DtlsRole {
        match self {
            Self::Active => DtlsRole::Server,
            Self::Passive | Self::Actpass => DtlsRole::Client,
        }
    }

    /// The SDP token.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Passive => "passive",
            Self::Actpass => "actpass",
        }
    }
}

/// Which end of the DTLS handshake a leg plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DtlsRole {
    /// Sends the first flight.
    Client,
    /// Waits for it.
    Server,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_reads_what_it_writes() {
        let fingerprint = Fingerprint(std::array::from_fn(|at| u8::try_from(at * 7).unwrap()));
        assert_eq!(fingerprint.to_string().parse::<Fingerprint>(), Ok(fingerprint));
        assert_eq!(fingerprint.to_string().to_lowercase().parse::<Fingerprint>(), Ok(fingerprint));
    }

    #[test]
    fn a_fingerprint_of_another_length_or_alphabet_is_refused() {
        let good = Fingerprint([0xAB; 32]).to_string();
        for bad in ["", "AB", &good[3..], &format!("{good}:AB"), &good.replacen("AB", "+B", 1)] {
            assert_eq!(bad.parse::<Fingerprint>(), Err(FingerprintError), "{bad}");
        }
    }

    #[test]
    fn a_password_never_reaches_a_log() {
        let credentials = IceCredentials { ufrag: "u".into(), pwd: "secret==".into() };
        assert!(!format!("{credentials:?}").contains("secret"));
    }
}
