//! Where is somebody reached who registers here (RFC 3261, 10.3)?
//!
//! Pure: what a registration says, when it came and where it came from go in. A telephone is called by the
//! URI it named, at the address it spoke from. It has to come again before a router forgets who spoke.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rsipstack::sip::Uri;

use crate::contacts::{Contact, Contacts};
use crate::origins::Origin;
use crate::{Refusal, Target, Transport};

/// How many telephones somebody has at once.
pub const BINDINGS_MAX: usize = 4;
/// The shortest and the longest that one is known, in seconds.
const SHORTEST: u32 = 60;
const LONGEST: u32 = 3_600;
/// By UDP through a router, which forgets soon who spoke.
const LONGEST_BEHIND_ROUTER: u32 = 60;
/// By a connection, which is closed when nobody speaks on it.
const LONGEST_CONNECTED: u32 = 240;

/// What a registration says.
#[derive(Clone, Debug)]
pub struct Registering {
    /// Where.
    pub contacts: Contacts,
    /// For how many seconds, where a place does not say so itself.
    pub expires: Option<u32>,
    /// The `Call-ID`.
    pub call_id: String,
    /// The number of its `CSeq`.
    pub seq: u32,
    /// Where it came from.
    pub origin: Origin,
}

/// One telephone.
#[derive(Clone, Debug)]
pub struct Binding {
    contact: String,
    instance: Option<String>,
    call_id: String,
    seq: u32,
    origin: Origin,
    until: Instant,
}

impl Binding {
    /// The URI it is called by.
    #[must_use]
    pub fn contact(&self) -> &str {
        &self.contact
    }

    /// The way to it.
    #[must_use]
    pub fn target(&self) -> Target {
        self.origin.target()
    }
}

/// Why somebody is not registered as they want.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotRegistered {
    /// For so short a time that it would come all the time.
    TooBrief,
    /// Something newer came before.
    OutOfOrder,
    /// `*` takes all back, and can do nothing else.
    Malformed,
    /// One telephone more than somebody may have.
    TooMany,
}

impl NotRegistered {
    /// What the telephone hears.
    #[must_use]
    pub fn refusal(self) -> Refusal {
        match self {
            Self::TooBrief => {
                let least = ("Min-Expires".to_owned(), SHORTEST.to_string());
                Refusal { headers: vec![least], ..Refusal::of(423) }
            }
            Self::OutOfOrder => Refusal::of(500),
            Self::Malformed => Refusal::of(400),
            Self::TooMany => {
                Refusal { phrase: Some("Too Many Telephones".into()), ..Refusal::of(403) }
            }
        }
    }
}

/// All telephones of one person.
#[derive(Clone, Debug, Default)]
pub struct Bindings(Vec<Binding>);

impl Bindings {
    /// Does all that a registration says, or nothing.
    ///
    /// # Errors
    ///
    /// Why nothing.
    pub fn register(&mut self, asked: &Registering, now: Instant) -> Result<(), NotRegistered> {
        self.forget(now);
        match &asked.contacts {
            Contacts::Asked => Ok(()),
            Contacts::All if asked.expires != Some(0) => Err(NotRegistered::Malformed),
            Contacts::All if self.0.iter().any(|known| known.is_newer_than(asked)) => {
                Err(NotRegistered::OutOfOrder)
            }
            Contacts::All => {
                self.0.clear();
                Ok(())
            }
            Contacts::These(contacts) => {
                let mut then = self.clone();
                for contact in contacts {
                    then.put(contact, asked, now)?;
                }
                if then.0.len() > BINDINGS_MAX {
                    return Err(NotRegistered::TooMany);
                }
                *self = then;
                Ok(())
            }
        }
    }

    /// Those that are known now.
    pub fn known(&self, now: Instant) -> impl Iterator<Item = &Binding> {
        self.0.iter().filter(move |binding| binding.until > now)
    }

    /// The same as an answer to a registration says it: the URI, and for how many seconds yet.
    #[must_use]
    pub fn told(&self, now: Instant) -> Vec<(String, u32)> {
        let left = |binding: &Binding| {
            let left = binding.until.saturating_duration_since(now);
            let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
            (binding.contact.clone(), u32::try_from(seconds).unwrap_or(LONGEST))
        };
        self.known(now).map(left).collect()
    }

    /// When the next one is over, unless it is said again.
    #[must_use]
    pub fn next_end(&self) -> Option<Instant> {
        self.0.iter().map(|binding| binding.until).min()
    }

    /// Forgets what is over.
    pub fn forget(&mut self, now: Instant) {
        self.0.retain(|binding| binding.until > now);
    }

    fn put(
        &mut self,
        contact: &Contact,
        asked: &Registering,
        now: Instant,
    ) -> Result<(), NotRegistered> {
        let seconds = seconds(contact, asked)?;
        if self.0.iter().any(|known| known.is(contact) && known.is_newer_than(asked)) {
            return Err(NotRegistered::OutOfOrder);
        }
        self.0.retain(|known| !known.is(contact));
        if seconds > 0 {
            self.0.push(Binding {
                contact: contact.uri.clone(),
                instance: contact.instance.clone(),
                call_id: asked.call_id.clone(),
                seq: asked.seq,
                origin: asked.origin.clone(),
                until: now + Duration::from_secs(seconds.into()),
            });
        }
        Ok(())
    }
}

impl Binding {
    /// Whether it is the same telephone.
    fn is(&self, contact: &Contact) -> bool {
        let same_instance = self.instance.is_some() && self.instance == contact.instance;
        same_instance || self.contact == contact.uri
    }

    fn is_newer_than(&self, asked: &Registering) -> bool {
        self.call_id == asked.call_id && self.seq >= asked.seq
    }
}

fn seconds(contact: &Contact, asked: &Registering) -> Result<u32, NotRegistered> {
    match contact.expires.or(asked.expires).unwrap_or(LONGEST) {
        0 => Ok(0),
        brief if brief < SHORTEST => Err(NotRegistered::TooBrief),
        wanted => Ok(wanted.min(longest(contact, &asked.origin.target()))),
    }
}

fn longest(contact: &Contact, from: &Target) -> u32 {
    match from.transport {
        Transport::Tcp | Transport::Tls => LONGEST_CONNECTED,
        Transport::Udp if names(&contact.uri) == Some(from.address) => LONGEST,
        Transport::Udp => LONGEST_BEHIND_ROUTER,
    }
}

/// The address that a URI names, where it names one.
fn names(uri: &str) -> Option<SocketAddr> {
    let uri = Uri::try_from(uri).ok()?;
    let host = uri.host_with_port.host.to_string();
    let ip = host.trim_matches(|sign| sign == '[' || sign == ']').parse().ok()?;
    let port = uri.host_with_port.port.map_or(Transport::Udp.port(), |port| port.value());
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::holds::Holds;
    use crate::origins::Origins;

    const HERE: &str = "10.0.0.5:5060";

    fn origin(address: &str, transport: Transport) -> Origin {
        let address = address.parse().expect("an address");
        Origins::default().hold(address, transport, Holds::default().hold(address))
    }

    fn contact(uri: &str, expires: Option<u32>) -> Contact {
        Contact { uri: uri.to_owned(), expires, instance: None }
    }

    fn asked(contacts: Contacts, expires: Option<u32>, seq: u32) -> Registering {
        let origin = origin(HERE, Transport::Udp);
        Registering { contacts, expires, call_id: "one".into(), seq, origin }
    }

    fn these(uris: &[&str]) -> Contacts {
        Contacts::These(uris.iter().map(|uri| contact(uri, None)).collect())
    }

    fn told(bindings: &Bindings, now: Instant) -> Vec<(String, u32)> {
        bindings.told(now)
    }

    fn place(uri: &str, seconds: u32) -> (String, u32) {
        (uri.to_owned(), seconds)
    }

    #[test]
    fn for_how_long_somebody_is_known() {
        let (udp, tcp) = (Transport::Udp, Transport::Tcp);
        for (uri, from, transport, own, of_request, known) in [
            ("sip:lia@10.0.0.5", HERE, udp, None, None, Ok(3_600)),
            ("sip:lia@10.0.0.5:5060", HERE, udp, None, Some(300), Ok(300)),
            ("sip:lia@10.0.0.5", HERE, udp, Some(90), Some(300), Ok(90)),
            ("sip:lia@10.0.0.5", HERE, udp, None, Some(60), Ok(60)),
            ("sip:lia@10.0.0.5", HERE, udp, None, Some(9_999), Ok(3_600)),
            ("sip:lia@10.0.0.5", HERE, udp, None, Some(59), Err(NotRegistered::TooBrief)),
            ("sip:lia@192.168.1.5", "203.0.113.9:40001", udp, None, Some(300), Ok(60)),
            ("sip:lia@desk.example", HERE, udp, None, Some(300), Ok(60)),
            ("sip:lia@10.0.0.5", "10.0.0.5:40001", tcp, None, Some(3_600), Ok(240)),
        ] {
            let (mut bindings, now) = (Bindings::default(), Instant::now());
            let contacts = Contacts::These(vec![contact(uri, own)]);
            let origin = origin(from, transport);
            let asked = Registering { origin, ..asked(contacts, of_request, 1) };
            let registered = bindings.register(&asked, now);
            assert_eq!(registered.map(|()| told(&bindings, now)[0].1), known, "{uri} {from}");
        }
    }

    #[test]
    fn what_is_not_said_again_is_forgotten() {
        let (mut bindings, now) = (Bindings::default(), Instant::now());
        bindings.register(&asked(these(&["sip:a@10.0.0.5"]), Some(60), 1), now).expect("known");
        let then = now + Duration::from_secs(30);
        bindings.register(&asked(these(&["sip:b@10.0.0.5"]), Some(300), 2), then).expect("known");
        assert_eq!(
            bindings.told(then),
            [place("sip:a@10.0.0.5", 30), place("sip:b@10.0.0.5", 300)]
        );
        assert_eq!(bindings.next_end(), Some(now + Duration::from_secs(60)));
        let later = now + Duration::from_secs(60);
        assert_eq!(bindings.known(later).count(), 1);
        bindings.forget(later);
        assert_eq!(bindings.next_end(), Some(then + Duration::from_secs(300)));
    }

    #[test]
    fn places_are_taken_back_one_by_one_or_all() {
        let (mut bindings, now) = (Bindings::default(), Instant::now());
        let two = these(&["sip:a@10.0.0.5", "sip:b@10.0.0.5"]);
        bindings.register(&asked(two, None, 1), now).expect("known");
        bindings.register(&asked(these(&["sip:a@10.0.0.5"]), Some(0), 2), now).expect("gone");
        assert_eq!(
            bindings.known(now).map(Binding::contact).collect::<Vec<_>>(),
            ["sip:b@10.0.0.5"]
        );
        let star = bindings.register(&asked(Contacts::All, None, 3), now);
        assert_eq!(star, Err(NotRegistered::Malformed));
        let late = bindings.register(&asked(Contacts::All, Some(0), 1), now);
        assert_eq!(late, Err(NotRegistered::OutOfOrder));
        bindings.register(&asked(Contacts::Asked, None, 3), now).expect("a question");
        assert_eq!(bindings.known(now).count(), 1, "which changes nothing");
        bindings.register(&asked(Contacts::All, Some(0), 3), now).expect("gone");
        assert_eq!(bindings.known(now).count(), 0);
    }

    #[test]
    fn the_newer_word_counts_and_a_telephone_that_began_anew_is_heard() {
        let (mut bindings, now) = (Bindings::default(), Instant::now());
        let a = || these(&["sip:a@10.0.0.5"]);
        bindings.register(&asked(a(), Some(300), 7), now).expect("known");
        for seq in [6, 7] {
            let again = bindings.register(&asked(a(), Some(0), seq), now);
            assert_eq!(again, Err(NotRegistered::OutOfOrder), "{seq}");
        }
        let anew = Registering { call_id: "two".into(), ..asked(a(), Some(60), 1) };
        bindings.register(&anew, now).expect("known");
        assert_eq!(bindings.told(now), [place("sip:a@10.0.0.5", 60)]);
    }

    #[test]
    fn one_telephone_that_moves_is_one() {
        let (mut bindings, now) = (Bindings::default(), Instant::now());
        let instance = Some("<urn:uuid:1>".to_owned());
        for (uri, seq) in [("sip:a@10.0.0.5", 1), ("sip:a@10.0.0.6", 2)] {
            let moved = Contact { instance: instance.clone(), ..contact(uri, None) };
            let moved = asked(Contacts::These(vec![moved]), Some(60), seq);
            bindings.register(&moved, now).expect("known");
        }
        assert_eq!(bindings.told(now), [place("sip:a@10.0.0.6", 60)]);
    }

    #[test]
    fn one_too_many_changes_nothing() {
        let (mut bindings, now) = (Bindings::default(), Instant::now());
        let uris: Vec<String> = (0..5).map(|last| format!("sip:{last}@10.0.0.5")).collect();
        let uris: Vec<&str> = uris.iter().map(String::as_str).collect();
        bindings.register(&asked(these(&uris[..4]), None, 1), now).expect("known");
        let fifth = bindings.register(&asked(these(&uris[3..]), None, 2), now);
        assert_eq!(fifth, Err(NotRegistered::TooMany));
        assert_eq!(bindings.known(now).count(), 4);
        assert_eq!(NotRegistered::TooBrief.refusal().headers[0].1, "60");
    }
}
