//! May a business's SDP be used? The platform's demands (fact sheet 5.3).
//!
//! The order of the checks is the order of what a developer gets wrong first: who answers ICE, keys,
//! then codecs.

use super::{AudioSession, Parsed, Profile, SdpRefusal, Setup};
use crate::frame::AudioCodec;

/// How media keys are agreed: the number's `srtp_key_exchange_protocol`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keying {
    /// A DTLS handshake on the media path.
    Dtls,
    /// Keys in the SDP.
    Sdes,
}

/// Whether a business's offer can be used by a number with these codecs beside Opus.
///
/// # Errors
///
/// The first demand it does not meet.
pub fn check_offer(
    offer: &Parsed,
    keying: Keying,
    allowed: &[AudioCodec],
) -> Result<(), SdpRefusal> {
    check_keys(offer, keying)?;
    check_setup(offer, &[Setup::Actpass, Setup::Active, Setup::Passive])?;
    check_audio(offer, allowed)
}

/// Whether a business's answer to `offer` can be used.
///
/// # Errors
///
/// The first demand it does not meet.
pub fn check_answer(
    offer: &AudioSession,
    answer: &Parsed,
    keying: Keying,
) -> Result<(), SdpRefusal> {
    check_keys(answer, keying)?;
    check_setup(answer, &[Setup::Active, Setup::Passive])?;
    let offered: Vec<AudioCodec> =
        offer.audio(&AudioCodec::G711).iter().map(|(_, codec)| *codec).collect();
    check_audio(answer, &offered)?;
    for codec in &answer.session.codecs {
        let same =
            |other: &&super::Codec| other.pt == codec.pt && codec.is(&other.name, other.clock);
        if offer.codecs.iter().find(same).is_none() {
            return Err(SdpRefusal::NotOffered {
                line: answer.lines.media,
                pt: codec.pt,
                name: codec.name.clone(),
            });
        }
    }
    Ok(())
}

fn check_keys(parsed: &Parsed, keying: Keying) -> Result<(), SdpRefusal> {
    if let Some(line) = parsed.lines.ice_lite {
        return Err(SdpRefusal::IceLiteFromBusiness { line });
    }
    if let Profile::Other(found) = &parsed.session.profile {
        let (line, found) = (parsed.lines.media, found.clone());
        return Err(SdpRefusal::NotProtected { line, found });
    }
    match keying {
        Keying::Sdes if parsed.session.crypto.is_none() => Err(SdpRefusal::NoCrypto),
        Keying::Sdes => Ok(()),
        Keying::Dtls => check_fingerprint(parsed).and_then(|()| check_ice(parsed)),
    }
}

fn check_fingerprint(parsed: &Parsed) -> Result<(), SdpRefusal> {
    let is_sha256 = |hash: &str| hash.eq_ignore_ascii_case("sha-256");
    match parsed.lines.fingerprints.as_slice() {
        [] => Err(SdpRefusal::NoFingerprint),
        [one] if is_sha256(&one.hash) => Ok(()),
        [one] => Err(SdpRefusal::NotSha256 { line: one.line, hash: one.hash.clone() }),
        several => {
            let sha256 = several.iter().find(|one| is_sha256(&one.hash)).map(|one| one.line);
            let lines = several.iter().map(|one| one.line).collect();
            Err(SdpRefusal::SeveralFingerprints { lines, sha256 })
        }
    }
}

fn check_ice(parsed: &Parsed) -> Result<(), SdpRefusal> {
    let (session, lines) = (&parsed.session, &parsed.lines);
    for (attribute, text, line, chars_min) in [
        ("ice-ufrag", &session.ice_ufrag, lines.ice_ufrag, 4),
        ("ice-pwd", &session.ice_pwd, lines.ice_pwd, 22),
    ] {
        let (Some(text), Some(line)) = (text, line) else {
            return Err(SdpRefusal::NoIce { attribute });
        };
        let printable = text.bytes().all(|byte| byte.is_ascii_graphic());
        if !printable || !(chars_min..=256).contains(&text.len()) {
            return Err(SdpRefusal::BadIce { line, attribute, chars_min });
        }
    }
    Ok(())
}

fn check_setup(parsed: &Parsed, allowed: &[Setup]) -> Result<(), SdpRefusal> {
    let Some((line, found)) = &parsed.lines.setup else { return Ok(()) };
    if parsed.session.setup.is_some_and(|setup| allowed.contains(&setup)) {
        return Ok(());
    }
    Err(SdpRefusal::BadSetup { line: *line, found: found.clone() })
}

fn check_audio(parsed: &Parsed, allowed: &[AudioCodec]) -> Result<(), SdpRefusal> {
    if !parsed.session.audio(allowed).is_empty() {
        return Ok(());
    }
    let has_g711 = !parsed.session.audio(&AudioCodec::G711).is_empty();
    Err(SdpRefusal::NoOpus { line: parsed.lines.media, has_g711 })
}
