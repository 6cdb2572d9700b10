//! How is a platform started?
//!
//! [`Config`] holds every choice with the demo's defaults; the binary fills it from flags or a file,
//! tests put port 0 everywhere. It is taken by value and nothing else is read from outside.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use rules::price::Card;

use crate::{clock::Clock, ids::Randomness, seed::Seed};

/// What businesses know WhatsApp's SIP edge by (fact sheet 6.2).
const SIP_DOMAIN: &str = "wa.meta.vc";

/// The HTTP port of the demo.
const HTTP_PORT: u16 = 8400;

/// The media port of WhatsApp's relays, and ours.
const MEDIA_PORT: u16 = 3480;

/// More calls than one machine of today carries.
const CALLS_MAX: usize = 10_000;

/// Everything a platform is started with.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where HTTP listens: API, webhooks' subscriptions, sandbox API, pages, phones' sockets.
    pub http: SocketAddr,
    /// Where all media arrives, one muxed UDP port.
    pub media: SocketAddr,
    /// The addresses written into SDP; empty means the address of `media`.
    pub advertised: Vec<IpAddr>,
    /// Where clients reach HTTP, such as `https://platform.example`, when that is not where it listens:
    /// the beginning of the links that are handed out.
    pub public_url: Option<String>,
    /// The folder that keeps the state; without one nothing is kept.
    pub data: Option<PathBuf>,
    /// The world of a platform whose data folder is new or absent.
    pub seed: Seed,
    /// Sets the callback URL of the seed's first app once the platform is up.
    pub webhook_url: Option<String>,
    /// Whether a callback URL has to answer the verification handshake first.
    pub handshake: bool,
    /// The bearer token of the sandbox API; without one it answers on loopback only.
    pub sandbox_token: Option<String>,
    /// The clock; a test passes its own to move it.
    pub clock: Clock,
    /// Where ids come from; a seed makes a run repeatable.
    pub randomness: Randomness,
    /// Single rules in place of the rulebook's, by path: `call.answer_window` = `30 s`.
    pub rules: BTreeMap<String, String>,
    /// Certificates trusted at webhook endpoints besides the system's, as PEM.
    pub webhook_roots: Option<String>,
    /// Rate cards beside the shipped ones; see [`Card::parse`] for their names.
    pub rate_cards: Vec<Card>,
    /// A command that speaks the purpose of a recording: `{text}` and `{language}` in its words are
    /// replaced (the text is also its input), and it gives a WAV file. Without one a tone is played.
    pub speech: Option<String>,
    /// A command that writes down a call: for each voice it gets the path of a WAV file at the end or
    /// as `{wav}`, and gives text or JSON. Without one transcripts are empty.
    pub transcriber: Option<String>,
    /// Calls over SIP; without it a number in SIP mode is not reached.
    pub sip: Option<SipConfig>,
    /// Calls that may be live at a time on the whole platform, whoever's they are.
    pub calls_max: usize,
    /// How busy the media thread may be before taps rest, and before a new call is refused.
    pub busy: engine::BusyLimits,
    /// How long a webhook endpoint may take to answer; the rulebook's time if absent.
    pub webhook_timeout: Option<Duration>,
}

/// The SIP edge (`docs/sip.md`). Certificates are PEM texts.
#[derive(Debug, Clone)]
pub struct SipConfig {
    /// Where it listens for TLS.
    pub listen: SocketAddr,
    /// The realm, the host of `From`, and the name in its own certificate.
    pub domain: String,
    /// What stands in `Contact` and `Record-Route`, with a port if it is not 5061; where it listens if
    /// absent, so that nothing of a test goes to WhatsApp itself.
    pub host: Option<String>,
    /// Its certificate chain and key; without one it makes its own, kept in the data folder.
    pub certificate: Option<String>,
    /// Where the root above a certificate of its own is written too, for businesses to trust.
    pub root_file: Option<PathBuf>,
    /// Roots believed at businesses' servers beside the public ones.
    pub roots: Option<String>,
    /// A certificate chain and key for servers that ask who calls (mTLS).
    pub client_certificate: Option<String>,
}

impl SipConfig {
    /// An edge that listens here, and everything else as usual.
    #[must_use]
    pub fn at(listen: SocketAddr) -> Self {
        Self {
            listen,
            domain: SIP_DOMAIN.to_owned(),
            host: None,
            certificate: None,
            root_file: None,
            roots: None,
            client_certificate: None,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        Self {
            http: SocketAddr::new(loopback, HTTP_PORT),
            media: SocketAddr::new(loopback, MEDIA_PORT),
            advertised: Vec::new(),
            public_url: None,
            data: None,
            seed: Seed::demo(),
            webhook_url: None,
            handshake: true,
            sandbox_token: None,
            clock: Clock::system(),
            randomness: Randomness::System,
            rules: BTreeMap::new(),
            webhook_roots: None,
            rate_cards: Vec::new(),
            speech: None,
            transcriber: None,
            sip: None,
            calls_max: CALLS_MAX,
            busy: engine::BusyLimits::default(),
            webhook_timeout: None,
        }
    }
}
