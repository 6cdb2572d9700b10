//! What does HOMER get to see of a call?
//!
//! HEPv3 packets: `HEP3`, the length of the whole, then chunks of vendor (0), type, length and value,
//! all big endian. The payload is JSON: an exchange with the platform ([`Kind::Exchange`]) or what a
//! leg measured ([`Kind::Quality`]), with the call's id as correlation id. Secrets of SDP are taken out
//! by [`redact`] before. Source: the HEP/EEP draft of the HOMER project, revision 12.

use std::net::{IpAddr, SocketAddr};

use serde_json::{Value, json};
use terms::Timestamp;

/// The longest UDP payload over IPv4.
const PACKET_MAX: usize = 65_507;

/// What the payload is, by HEP's protocol types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What a leg measured, as RTCP in JSON.
    Quality = 5,
    /// A request, an answer or a webhook; HOMER shows it as a log line of the call.
    Exchange = 100,
}

/// One packet to be written.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a> {
    /// Who sent what the payload tells.
    pub from: SocketAddr,
    /// Who got it.
    pub to: SocketAddr,
    /// When.
    pub at: Timestamp,
    /// What the payload is.
    pub kind: Kind,
    /// Which agent captured it.
    pub capture_id: u32,
    /// The call's id.
    pub correlation: &'a str,
    /// JSON.
    pub payload: &'a [u8],
}

/// The payload does not fit in one datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a HEP packet has at most {PACKET_MAX} bytes")]
pub struct TooLong;

impl Packet<'_> {
    /// The bytes of the datagram.
    ///
    /// # Errors
    ///
    /// The payload is too long for one.
    pub fn encode(&self) -> Result<Vec<u8>, TooLong> {
        let mut chunks = Vec::new();
        match (self.from.ip(), self.to.ip()) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                chunk(&mut chunks, 1, &[2])?;
                chunk(&mut chunks, 3, &from.octets())?;
                chunk(&mut chunks, 4, &to.octets())?;
            }
            (from, to) => {
                chunk(&mut chunks, 1, &[10])?;
                chunk(&mut chunks, 5, &six(from))?;
                chunk(&mut chunks, 6, &six(to))?;
            }
        }
        // TCP for what goes over HTTP, UDP for media.
        chunk(&mut chunks, 2, &[if self.kind == Kind::Quality { 17 } else { 6 }])?;
        chunk(&mut chunks, 7, &self.from.port().to_be_bytes())?;
        chunk(&mut chunks, 8, &self.to.port().to_be_bytes())?;
        let ms = u64::try_from(self.at.unix_ms()).unwrap_or_default();
        let seconds = u32::try_from(ms / 1_000).unwrap_or(u32::MAX);
        let micros = u32::try_from(ms % 1_000 * 1_000).unwrap_or_default();
        chunk(&mut chunks, 9, &seconds.to_be_bytes())?;
        chunk(&mut chunks, 10, &micros.to_be_bytes())?;
        chunk(&mut chunks, 11, &[self.kind as u8])?;
        chunk(&mut chunks, 12, &self.capture_id.to_be_bytes())?;
        chunk(&mut chunks, 17, self.correlation.as_bytes())?;
        chunk(&mut chunks, 15, self.payload)?;
        let length = chunks.len() + 6;
        if length > PACKET_MAX {
            return Err(TooLong);
        }
        let length = u16::try_from(length).map_err(|_| TooLong)?;
        Ok([b"HEP3".as_slice(), &length.to_be_bytes(), &chunks].concat())
    }
}

fn chunk(chunks: &mut Vec<u8>, kind: u16, value: &[u8]) -> Result<(), TooLong> {
    let length = u16::try_from(value.len() + 6).map_err(|_| TooLong)?;
    chunks.extend_from_slice(&0_u16.to_be_bytes());
    chunks.extend_from_slice(&kind.to_be_bytes());
    chunks.extend_from_slice(&length.to_be_bytes());
    chunks.extend_from_slice(value);
    Ok(())
}

fn six(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    }
}

/// Lines of SDP that hold a secret: whoever has them can listen in.
const SECRET_LINES: [&str; 2] = ["a=ice-pwd:", "a=crypto:"];

/// Takes the secrets out of every SDP in a document, whatever field it stands in.
pub fn redact(value: &mut Value) {
    match value {
        Value::String(text) if SECRET_LINES.iter().any(|secret| text.contains(secret)) => {
            *text = text.split_inclusive('\n').map(redacted_line).collect();
        }
        Value::Array(items) => items.iter_mut().for_each(redact),
        Value::Object(fields) => fields.values_mut().for_each(redact),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn redacted_line(line: &str) -> String {
    let secret = SECRET_LINES.iter().find(|secret| line.trim_start().starts_with(**secret));
    secret.map_or_else(|| line.to_owned(), |secret| format!("{secret}***\r\n"))
}

/// What a leg measured of the audio it received.
#[derive(Debug, Clone, Copy)]
pub struct Quality<'a> {
    /// Whose leg: `whatsapp` or `agent`.
    pub leg: &'a str,
    /// Audio packets that came.
    pub received: u64,
    /// Those that never came.
    pub lost: u64,
    /// How unevenly they came, in milliseconds.
    pub jitter_ms: Option<f32>,
    /// There and back, in milliseconds.
    pub round_trip_ms: Option<f32>,
    /// Estimated quality, 1 to 4.5.
    pub mos: Option<f32>,
}

impl Quality<'_> {
    /// A receiver report in the JSON that HOMER's agents send for RTCP; beside it what RTCP has no
    /// field for. `ia_jitter` counts 1/48,000 s, as RTP's clock for Opus does.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let all = self.received.saturating_add(self.lost).max(1);
        let fraction = self.lost.saturating_mul(256) / all;
        let mut block = json!({"fraction_lost": fraction.min(255), "packets_lost": self.lost,
            "highest_seq_no": all});
        if let Some(jitter) = self.jitter_ms {
            block["ia_jitter"] = json!((f64::from(jitter) * 48.0).round());
        }
        let mut report = json!({"type": 201, "report_count": 1, "report_blocks": [block],
            "leg": self.leg});
        if let Some(round_trip) = self.round_trip_ms {
            report["round_trip_ms"] = json!(round_trip);
        }
        if let Some(mos) = self.mos {
            report["mos"] = json!(mos);
        }
        report
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet<'a>(from: &str, payload: &'a [u8]) -> Packet<'a> {
        Packet {
            from: from.parse().unwrap(),
            to: "192.0.2.2:443".parse().unwrap(),
            at: Timestamp::from_unix_ms(1_783_000_000_123),
            kind: Kind::Exchange,
            capture_id: 2001,
            correlation: "wacid.A",
            payload,
        }
    }

    /// Read back by an independent decoder, Python's `struct`:
    ///
    /// ```text
    /// at = 6
    /// while at < len(b): v, t, n = struct.unpack(">HHH", b[at:at+6]); print(t, b[at+6:at+n]); at += n
    /// ```
    #[test]
    fn the_bytes_of_a_packet() {
        let bytes = packet("192.0.2.1:8500", b"{}").encode().unwrap();
        let expected = "48455033 0072 \
            0000 0001 0007 02 \
            0000 0003 000a c0000201 0000 0004 000a c0000202 \
            0000 0002 0007 06 \
            0000 0007 0008 2134 0000 0008 0008 01bb \
            0000 0009 000a 6a466bc0 0000 000a 000a 0001e078 \
            0000 000b 0007 64 0000 000c 000a 000007d1 \
            0000 0011 000d 77616369642e41 \
            0000 000f 0008 7b7d";
        let expected = hex::decode(expected.replace([' ', '\n'], "")).unwrap();
        assert_eq!(hex::encode(&bytes), hex::encode(expected));
    }

    #[test]
    fn what_does_not_fit_is_refused_and_mixed_families_are_mapped() {
        let long = vec![b'x'; 65_500];
        assert_eq!(packet("192.0.2.1:1", &long).encode(), Err(TooLong));
        let bytes = packet("[2001:db8::1]:1", b"{}").encode().unwrap();
        assert_eq!(bytes[6..13], [0, 0, 0, 1, 0, 7, 10]);
    }

    #[test]
    fn no_secret_of_an_sdp_is_told() {
        let sdp = "v=0\r\na=ice-ufrag:abcd\r\na=ice-pwd:verysecret\r\n\
            a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:key\r\nm=audio 9\r\n";
        let mut body = json!({"session": {"sdp": sdp}, "list": [sdp]});
        redact(&mut body);
        let text = body.to_string();
        assert!(!text.contains("verysecret") && !text.contains("inline"), "{text}");
        assert!(text.contains("a=ice-ufrag:abcd\\r\\na=ice-pwd:***\\r\\n"), "{text}");
        assert!(text.contains("m=audio 9"));
    }

    #[test]
    fn a_report_has_the_names_of_homers_rtcp() {
        let quality = Quality {
            leg: "whatsapp",
            received: 96,
            lost: 4,
            jitter_ms: Some(2.5),
            round_trip_ms: None,
            mos: Some(4.0),
        };
        let expected = json!({"type": 201, "report_count": 1, "leg": "whatsapp", "mos": 4.0,
            "report_blocks": [{"fraction_lost": 10, "packets_lost": 4, "highest_seq_no": 100,
                "ia_jitter": 120.0}]});
        assert_eq!(quality.to_json(), expected);
    }
}
