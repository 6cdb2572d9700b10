//! What does this SDP say?
//!
//! The grammar first (`sdp-types`), then one audio line, then its attributes. Demands that only one
//! side has (one fingerprint, no ice-lite, …) are [`super::check_offer`]'s.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use sdp_types::{Media, ParserError, Session};

use super::attributes::{Attribute, MediaSection, Scope, Sections};
use super::{
    AudioSession, Candidate, CandidateKind, Codec, Fingerprint, MediaDirection, Msid, Profile,
    SdesCrypto, SdpRefusal, SdpWarning, Setup,
};

/// The longest text that is looked at: a browser's offer has 2 to 6 KiB; twenty times that leaves
/// room for any number of interfaces.
pub const SDP_BYTES_MAX: usize = 64 * 1024;

/// The most candidates kept; what ICE pairs grows with this number.
const CANDIDATES_MAX: usize = 32;

/// An SDP that was read, and its text as it came.
#[derive(Clone, PartialEq, Eq)]
pub struct Parsed {
    text: String,
    /// What it says.
    pub session: AudioSession,
    /// What is tolerated here and fails elsewhere.
    pub warnings: Vec<SdpWarning>,
    /// Candidates that no packet of ours can go to.
    pub skipped: SkippedCandidates,
    pub(super) lines: LineNumbers,
}

/// How many candidates were left out, by cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SkippedCandidates {
    /// Names ending in `.local`, which only the writer's own network can resolve.
    pub mdns: usize,
    /// TCP.
    pub tcp: usize,
    /// Everything else that is no UDP address.
    pub unreadable: usize,
}

/// Where the things stand that a check may refuse.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct LineNumbers {
    pub(super) media: usize,
    pub(super) ice_lite: Option<usize>,
    pub(super) ice_ufrag: Option<usize>,
    pub(super) ice_pwd: Option<usize>,
    pub(super) setup: Option<(usize, String)>,
    /// Every fingerprint; one that is there twice counts once.
    pub(super) fingerprints: Vec<FingerprintLine>,
}

/// One `a=fingerprint`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FingerprintLine {
    pub(super) line: usize,
    pub(super) hash: String,
}

impl Parsed {
    /// The text, byte for byte as it came.
    #[must_use]
    pub fn as_text(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Parsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parsed")
            .field("session", &self.session)
            .field("warnings", &self.warnings)
            .finish_non_exhaustive()
    }
}

/// Reads an SDP.
///
/// # Errors
///
/// It is not SDP, or not of exactly one audio stream, or an attribute we need is broken.
pub fn parse(text: &str) -> Result<Parsed, SdpRefusal> {
    if text.len() > SDP_BYTES_MAX {
        return Err(SdpRefusal::TooLong { bytes: text.len() });
    }
    if !text.contains('\n') && (text.contains("\\r\\n") || text.contains("\\n")) {
        return Err(SdpRefusal::EscapedLineEnds);
    }
    let grammar = Session::parse(text.as_bytes()).map_err(|fault| not_sdp(&fault))?;
    let sections = Sections::of(text);
    let (section, media) = only_audio(&sections, &grammar)?;
    let scope = Scope::new(&sections, section);

    let mut warnings = line_end_warnings(text);
    let (fingerprint, fingerprints) = read_fingerprints(&scope, &mut warnings)?;
    let (candidates, skipped) = read_candidates(&scope, &mut warnings);
    let session =
        AudioSession { fingerprint, candidates, ..read_session(&grammar, media, &scope)? };
    warnings.extend(media_warnings(&session, &scope));
    let line_of = |name| scope.first(name).map(|attribute| attribute.line);
    let lines = LineNumbers {
        media: section.line,
        ice_lite: line_of("ice-lite"),
        ice_ufrag: line_of("ice-ufrag"),
        ice_pwd: line_of("ice-pwd"),
        setup: scope.first("setup").map(|setup| (setup.line, setup.value.to_owned())),
        fingerprints,
    };
    Ok(Parsed { text: text.to_owned(), session, warnings, skipped, lines })
}

fn not_sdp(fault: &ParserError) -> SdpRefusal {
    use ParserError as E;
    #[expect(deprecated, reason = "the match stays exhaustive; these are no longer produced")]
    let line = match fault {
        E::UnexpectedLine(line, _)
        | E::InvalidLineFormat(line, _)
        | E::InvalidFieldEncoding(line, _)
        | E::InvalidFieldFormat(line, _)
        | E::MissingField(line, _)
        | E::FieldTrailingData(line, _)
        | E::InvalidVersion(line, _)
        | E::MultipleVersions(line)
        | E::MultipleOrigins(line)
        | E::MultipleSessionNames(line)
        | E::MultipleSessionDescription(line)
        | E::MultipleUris(line)
        | E::MultipleConnections(line)
        | E::MultipleTimeZones(line)
        | E::MultipleMediaTitles(line)
        | E::MultipleKeys(line)
        | E::RepeatWithoutTime(line) => Some(*line),
        E::NoVersion | E::NoOrigin | E::NoSessionName => None,
    };
    SdpRefusal::NotSdp { line, why: fault.to_string() }
}

/// The one audio section, in both readings.
fn only_audio<'s, 't>(
    sections: &'s Sections<'t>,
    grammar: &'s Session,
) -> Result<(&'s MediaSection<'t>, &'s Media), SdpRefusal> {
    let audio: Vec<usize> =
        sections.media.iter().filter(|m| m.kind == "audio").map(|m| m.line).collect();
    if audio.is_empty() {
        return Err(SdpRefusal::NoAudio);
    }
    if audio.len() > 1 {
        return Err(SdpRefusal::SeveralAudio { lines: audio });
    }
    if let Some(other) = sections.media.iter().find(|m| m.kind != "audio") {
        let line = other.line;
        return Err(match other.kind {
            "video" => SdpRefusal::Video { line },
            media => SdpRefusal::OtherMedia { line, media: media.to_owned() },
        });
    }
    let (Some(section), Some(media)) = (sections.media.first(), grammar.medias.first()) else {
        return Err(SdpRefusal::NoAudio);
    };
    if media.port == 0 {
        return Err(SdpRefusal::AudioOff { line: section.line });
    }
    Ok((section, media))
}

fn read_session(
    grammar: &Session,
    media: &Media,
    scope: &Scope<'_, '_>,
) -> Result<AudioSession, SdpRefusal> {
    let origin_id = grammar.origin.sess_id.parse().map_err(|_| SdpRefusal::NotSdp {
        line: None,
        why: "the session id of the o= line is not a number".into(),
    })?;
    let connection = media.connections.first().or(grammar.connection.as_ref());
    Ok(AudioSession {
        origin_id,
        origin_version: grammar.origin.sess_version,
        origin_addr: grammar.origin.unicast_address.clone(),
        ice_lite: scope.first("ice-lite").is_some(),
        bundle: read_bundle(scope),
        mid: scope.text("mid"),
        msid: scope.first("msid").and_then(read_msid),
        addr: connection
            .and_then(|line| line.try_address().ok().map(|address| address.ip))
            .unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        port: media.port,
        profile: Profile::from(media.proto.as_str()),
        candidates: Vec::new(),
        ice_ufrag: scope.text("ice-ufrag"),
        ice_pwd: scope.text("ice-pwd"),
        fingerprint: None,
        setup: scope.first("setup").and_then(|setup| read_setup(setup.value)),
        crypto: scope.all("crypto").iter().find_map(|line| SdesCrypto::read(line.value)),
        codecs: read_codecs(&media.fmt, scope),
        ptime_ms: scope.number("ptime"),
        maxptime_ms: scope.number("maxptime"),
        ssrc: scope.all("ssrc").iter().find_map(|line| read_source(line.value)),
        direction: read_direction(scope),
        rtcp_mux: scope.first("rtcp-mux").is_some(),
    })
}

fn read_bundle(scope: &Scope<'_, '_>) -> Option<String> {
    let groups = scope.both_levels("group");
    let names = groups.iter().find_map(|group| group.value.strip_prefix("BUNDLE "))?;
    names.split_ascii_whitespace().next().map(str::to_owned)
}

fn read_msid(line: Attribute<'_>) -> Option<Msid> {
    let mut words = line.value.split_ascii_whitespace();
    let stream = words.next()?.to_owned();
    Some(Msid { stream, track: words.next().map(str::to_owned) })
}

pub(super) fn read_setup(word: &str) -> Option<Setup> {
    [Setup::Active, Setup::Passive, Setup::Actpass].into_iter().find(|s| s.as_str() == word)
}

fn read_direction(scope: &Scope<'_, '_>) -> MediaDirection {
    [MediaDirection::SendOnly, MediaDirection::RecvOnly, MediaDirection::Inactive]
        .into_iter()
        .find(|direction| scope.first(direction.as_str()).is_some())
        .unwrap_or(MediaDirection::SendRecv)
}

/// `849255537 cname:name`
fn read_source(value: &str) -> Option<(u32, String)> {
    let (ssrc, attribute) = value.split_once(' ')?;
    let cname = attribute.strip_prefix("cname:")?;
    Some((ssrc.parse().ok()?, cname.to_owned()))
}

fn read_fingerprints(
    scope: &Scope<'_, '_>,
    warnings: &mut Vec<SdpWarning>,
) -> Result<(Option<Fingerprint>, Vec<FingerprintLine>), SdpRefusal> {
    let mut seen: Vec<Attribute<'_>> = Vec::new();
    let mut chosen = None;
    for line in scope.both_levels("fingerprint") {
        if seen.iter().any(|known| known.value == line.value) {
            continue;
        }
        seen.push(line);
        let (hash, value) = line.value.split_once(' ').unwrap_or((line.value, ""));
        if !hash.eq_ignore_ascii_case("sha-256") {
            continue;
        }
        if hash != "sha-256" {
            warnings.push(SdpWarning::HashCase { line: line.line, found: hash.to_owned() });
        }
        let read = value.trim().parse::<Fingerprint>();
        let fingerprint = read.map_err(|_| SdpRefusal::BadFingerprint { line: line.line })?;
        chosen = chosen.or(Some(fingerprint));
    }
    let hash = |line: &Attribute<'_>| line.value.split(' ').next().unwrap_or_default().to_owned();
    let lines = seen.iter().map(|line| FingerprintLine { line: line.line, hash: hash(line) });
    Ok((chosen, lines.collect()))
}

fn read_candidates(
    scope: &Scope<'_, '_>,
    warnings: &mut Vec<SdpWarning>,
) -> (Vec<Candidate>, SkippedCandidates) {
    let mut candidates = Vec::new();
    let mut skipped = SkippedCandidates::default();
    let mut unusable = None;
    for line in scope.all("candidate") {
        match read_candidate(line.value) {
            CandidateLine::Usable(candidate) if candidates.len() < CANDIDATES_MAX => {
                candidates.push(candidate);
            }
            CandidateLine::Usable(_) | CandidateLine::OfRtcp => {}
            CandidateLine::Tcp => skipped.tcp += 1,
            CandidateLine::Mdns => {
                skipped.mdns += 1;
                unusable = unusable.or(Some(line.line));
            }
            CandidateLine::Unreadable => {
                skipped.unreadable += 1;
                unusable = unusable.or(Some(line.line));
            }
        }
    }
    warnings.extend(unusable.map(|line| SdpWarning::UnusableCandidate { line }));
    (candidates, skipped)
}

enum CandidateLine {
    Usable(Candidate),
    /// RTCP's own, or a component that does not exist.
    OfRtcp,
    Tcp,
    Mdns,
    Unreadable,
}

/// `foundation component transport priority address port typ kind …`
fn read_candidate(value: &str) -> CandidateLine {
    let words: Vec<&str> = value.split_ascii_whitespace().collect();
    let [foundation, component, transport, priority, addr, port, "typ", kind, ..] = words[..]
    else {
        return CandidateLine::Unreadable;
    };
    if component != "1" {
        return CandidateLine::OfRtcp;
    }
    if !transport.eq_ignore_ascii_case("udp") {
        return CandidateLine::Tcp;
    }
    if addr.ends_with(".local") {
        return CandidateLine::Mdns;
    }
    let kind = match kind {
        "host" => CandidateKind::Host,
        "srflx" => CandidateKind::ServerReflexive,
        "prflx" => CandidateKind::PeerReflexive,
        "relay" => CandidateKind::Relay,
        _ => return CandidateLine::Unreadable,
    };
    let (Ok(priority), Ok(ip), Ok(port)) = (priority.parse(), addr.parse(), port.parse()) else {
        return CandidateLine::Unreadable;
    };
    let addr = SocketAddr::new(ip, port);
    CandidateLine::Usable(Candidate { foundation: foundation.to_owned(), priority, addr, kind })
}

/// The formats of the `m=` line with what the attributes say about them.
fn read_codecs(formats: &str, scope: &Scope<'_, '_>) -> Vec<Codec> {
    let maps = scope.all("rtpmap");
    let mut codecs: Vec<Codec> = Vec::new();
    for pt in formats.split_ascii_whitespace().filter_map(|word| word.parse::<u8>().ok()) {
        if pt > 127 || codecs.iter().any(|codec| codec.pt == pt) {
            continue;
        }
        let mapped = maps.iter().find_map(|line| value_for(pt, line.value)).and_then(read_map);
        let Some((name, clock, channels)) = mapped.or_else(|| static_map(pt)) else { continue };
        codecs.push(Codec {
            pt,
            name,
            clock,
            channels,
            fmtp: scope
                .all("fmtp")
                .iter()
                .find_map(|line| value_for(pt, line.value))
                .map(str::to_owned),
            rtcp_fb: scope
                .all("rtcp-fb")
                .iter()
                .filter_map(|line| value_for(pt, line.value).or_else(|| value_for_all(line.value)))
                .map(str::to_owned)
                .collect(),
        });
    }
    codecs
}

/// What follows the payload type, if the line is about it.
fn value_for(pt: u8, value: &str) -> Option<&str> {
    let (number, rest) = value.split_once(' ')?;
    (number.parse() == Ok(pt)).then_some(rest.trim())
}

fn value_for_all(value: &str) -> Option<&str> {
    value.strip_prefix("* ").map(str::trim)
}

/// `opus/48000/2`
fn read_map(text: &str) -> Option<(String, u32, u8)> {
    let mut parts = text.split('/');
    let name = parts.next().filter(|name| !name.is_empty())?.to_owned();
    let clock = parts.next()?.trim().parse().ok().filter(|clock| *clock > 0)?;
    let channels = parts.next().map_or(Some(1), |text| text.trim().parse().ok())?;
    Some((name, clock, channels))
}

/// The payload types that need no `a=rtpmap` (RFC 3551), as far as browsers offer them.
fn static_map(pt: u8) -> Option<(String, u32, u8)> {
    let name = match pt {
        0 => "PCMU",
        8 => "PCMA",
        9 => "G722",
        13 => "CN",
        _ => return None,
    };
    Some((name.to_owned(), 8000, 1))
}

fn line_end_warnings(text: &str) -> Vec<SdpWarning> {
    let mut warnings = Vec::new();
    let lf_only =
        text.split_inclusive('\n').position(|l| l.ends_with('\n') && !l.ends_with("\r\n"));
    warnings.extend(lf_only.map(|at| SdpWarning::NotCrlf { line: at + 1 }));
    if !text.ends_with('\n') {
        warnings.push(SdpWarning::NoLastLineEnd);
    }
    warnings
}

fn media_warnings(session: &AudioSession, scope: &Scope<'_, '_>) -> Vec<SdpWarning> {
    let mut warnings = Vec::new();
    if !session.rtcp_mux {
        warnings.push(SdpWarning::NoRtcpMux);
    }
    if session.direction != MediaDirection::SendRecv {
        warnings.push(SdpWarning::NotSendRecv(session.direction));
    }
    if let Some(ms) = session.ptime_ms.filter(|ms| *ms != 20) {
        warnings.push(SdpWarning::Ptime { ms });
    }
    if session.dtmf_pt().is_none() {
        warnings.push(SdpWarning::NoDtmf);
    }
    let source = |line: &Attribute<'_>| line.value.split(' ').next().unwrap_or_default().to_owned();
    let sources = scope.all("ssrc");
    let second = sources.iter().find(|line| source(line) != source(&sources[0]));
    warnings.extend(second.map(|line| SdpWarning::SeveralSources { line: line.line }));
    warnings
}
