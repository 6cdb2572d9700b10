//! Is who asks us the one they say (RFC 3261, 22; RFC 8760)?
//!
//! We ask with a nonce of our own, which holds for a while and for each count once: an answer that was
//! overheard proves nothing. Passwords stay with whoever has them; a [`Claim`] is shown one.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use md5::Digest as _;
use rsipstack::sip::typed::tokenizers::AuthTokenizer;
use rsipstack::sip::{Header, Param, Request, Transport, Uri};
use tokio::time::Instant;

/// How long a nonce holds.
const HOLDS: Duration = Duration::from_secs(300);
/// How many hold at once; the oldest goes first.
const NONCES_MAX: usize = 16_384;

/// Who answers a challenge: whose password, and with which status it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// 401, `WWW-Authenticate`.
    User,
    /// 407, `Proxy-Authenticate`.
    Proxy,
}

/// A realm whose users have passwords.
pub struct Realm {
    name: String,
    asker: Asker,
    strict: bool,
    nonces: Mutex<Nonces>,
}

impl fmt::Debug for Realm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Realm").field("asker", &self.asker).finish_non_exhaustive()
    }
}

/// What a request says of who sent it.
#[derive(Debug)]
pub enum Proof {
    /// Nothing, or nothing for this realm: it is to be asked.
    None,
    /// An answer to a question that is too old or was answered before: it is to be asked anew.
    Stale,
    /// Somebody.
    Claimed(Claim),
}

/// Somebody, not proven yet.
pub struct Claim {
    user: String,
    response: String,
    /// Whether it is an answer to what was asked, as far as its realm cares.
    apt: bool,
    algorithm: Algorithm,
    /// Everything of the digest's input but the password.
    realm: String,
    middle: String,
    method_and_uri: String,
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim").finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Algorithm {
    Md5,
    Sha256,
}

impl Claim {
    /// Who they say they are.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Whether they know `password`, and said so in the way their realm insists on.
    #[must_use]
    pub fn proves(&self, password: &str) -> bool {
        let hash = |text: String| self.algorithm.hash(&text);
        let secret = hash(format!("{}:{}:{password}", self.user, self.realm));
        let what = hash(self.method_and_uri.clone());
        let expected = hash(format!("{secret}:{}:{what}", self.middle));
        let (expected, response) = (expected.as_bytes(), self.response.as_bytes());
        self.apt
            && expected.len() == response.len()
            && expected.iter().zip(response).fold(0, |unlike, (a, b)| unlike | (a ^ b)) == 0
    }
}

impl Algorithm {
    fn read(word: Option<&str>) -> Option<Self> {
        match word {
            None => Some(Self::Md5),
            Some(word) if word.eq_ignore_ascii_case("MD5") => Some(Self::Md5),
            Some(word) if word.eq_ignore_ascii_case("SHA-256") => Some(Self::Sha256),
            Some(_) => None,
        }
    }

    fn hash(self, text: &str) -> String {
        match self {
            Self::Md5 => hex::encode(md5::Md5::digest(text)),
            Self::Sha256 => hex::encode(sha2::Sha256::digest(text)),
        }
    }
}

impl Realm {
    /// A realm of this name.
    #[must_use]
    pub fn new(name: String, asker: Asker) -> Self {
        Self { name, asker, strict: false, nonces: Mutex::default() }
    }

    /// One that takes only what `WhatsApp` documents: MD5, `qop=auth`, and the Request-URI, with
    /// `;transport=tls`, for `uri`.
    #[must_use]
    pub fn strict(name: String, asker: Asker) -> Self {
        Self { strict: true, ..Self::new(name, asker) }
    }

    /// Who asks in it.
    #[must_use]
    pub const fn asker(&self) -> Asker {
        self.asker
    }

    /// The question; `stale` says that the password is not what is wrong.
    pub(crate) fn challenge(&self, stale: bool) -> Header {
        let nonce = self.lock().issue(Instant::now());
        let opaque = hex::encode(rand::random::<[u8; 8]>());
        let stale = if stale { ",stale=true" } else { "" };
        let said = format!(
            "Digest realm=\"{}\",nonce=\"{nonce}\",opaque=\"{opaque}\",algorithm=MD5,qop=\"auth\"{stale}",
            self.name
        );
        match self.asker {
            Asker::User => Header::WwwAuthenticate(said.into()),
            Asker::Proxy => Header::ProxyAuthenticate(said.into()),
        }
    }

    /// What `request` says of who sent it.
    pub(crate) fn proof(&self, request: &Request) -> Proof {
        let said = request.headers.iter().find_map(|header| match (self.asker, header) {
            (Asker::User, Header::Authorization(said)) => Some(said.value().to_owned()),
            (Asker::Proxy, Header::ProxyAuthorization(said)) => Some(said.value().to_owned()),
            _ => None,
        });
        let Some(answer) = said.as_deref().and_then(Answer::read) else { return Proof::None };
        if answer.realm != self.name {
            return Proof::None;
        }
        let count = answer.count.unwrap_or(1);
        if !self.lock().spend(&answer.nonce, count, Instant::now()) {
            return Proof::Stale;
        }
        let apt = !self.strict || answer.is_as_documented(&request.uri);
        Proof::Claimed(answer.claim(request.method.to_string(), apt))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Nonces> {
        self.nonces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `Authorization`, read.
struct Answer {
    user: String,
    realm: String,
    nonce: String,
    uri: String,
    response: String,
    algorithm: Algorithm,
    /// The count as it is written, with `cnonce` and `qop`.
    quality: Option<(String, String)>,
    count: Option<u32>,
}

impl Answer {
    fn read(said: &str) -> Option<Self> {
        let read = AuthTokenizer::parse(said).ok()?;
        let value = |name: &str| {
            let mut params = read.params.iter();
            let found = params.find(|(key, _)| key.eq_ignore_ascii_case(name))?;
            Some(found.1.to_string())
        };
        let quality = match value("qop") {
            None => None,
            Some(qop) if qop == "auth" => Some((value("nc")?, value("cnonce")?)),
            Some(_) => return None,
        };
        let count = match &quality {
            Some((count, _)) => Some(u32::from_str_radix(count, 16).ok()?),
            None => None,
        };
        Some(Self {
            user: value("username")?,
            realm: value("realm")?,
            nonce: value("nonce")?,
            uri: value("uri")?,
            response: value("response")?.to_ascii_lowercase(),
            algorithm: Algorithm::read(value("algorithm").as_deref())?,
            quality,
            count,
        })
    }

    fn is_as_documented(&self, asked: &Uri) -> bool {
        let is_tls = |param: &Param| matches!(param, Param::Transport(Transport::Tls));
        let is_whole = |uri: Uri| uri == *asked && uri.params.iter().any(is_tls);
        self.algorithm == Algorithm::Md5
            && self.quality.is_some()
            && Uri::try_from(self.uri.as_str()).is_ok_and(is_whole)
    }

    fn claim(self, method: String, apt: bool) -> Claim {
        let middle = match &self.quality {
            Some((count, theirs)) => format!("{}:{count}:{theirs}:auth", self.nonce),
            None => self.nonce,
        };
        Claim {
            user: self.user,
            response: self.response,
            apt,
            algorithm: self.algorithm,
            realm: self.realm,
            middle,
            method_and_uri: format!("{method}:{}", self.uri),
        }
    }
}

/// The questions we asked.
#[derive(Default)]
struct Nonces {
    /// The highest count each was answered with.
    known: HashMap<String, u32>,
    in_order: VecDeque<(Instant, String)>,
}

impl Nonces {
    fn issue(&mut self, now: Instant) -> String {
        self.forget(now);
        let nonce = hex::encode(rand::random::<[u8; 8]>());
        self.known.insert(nonce.clone(), 0);
        self.in_order.push_back((now + HOLDS, nonce.clone()));
        nonce
    }

    /// Whether `nonce` still holds and was not answered with this count yet.
    fn spend(&mut self, nonce: &str, count: u32, now: Instant) -> bool {
        self.forget(now);
        match self.known.get_mut(nonce) {
            Some(highest) if count > *highest => {
                *highest = count;
                true
            }
            Some(_) | None => false,
        }
    }

    fn forget(&mut self, now: Instant) {
        while let Some((until, nonce)) = self.in_order.front()
            && (*until <= now || self.in_order.len() >= NONCES_MAX)
        {
            self.known.remove(nonce);
            self.in_order.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWORD: &str = "Circle Of Life";

    /// The example of RFC 2617, 3.5, with HTTP's method; made for our nonce.
    fn request(realm: &Realm, nonce: &str, count: &str, password: &str) -> Request {
        let digest = |text: String| hex::encode(md5::Md5::digest(text));
        let secret = digest(format!("551140000000:{}:{password}", realm.name));
        let what = digest("INVITE:sip:+5511988887777@wa.meta.vc;transport=tls".to_owned());
        let response = digest(format!("{secret}:{nonce}:{count}:0a4f113b:auth:{what}"));
        let text = format!(
            "INVITE sip:+5511988887777@wa.meta.vc;transport=tls SIP/2.0\r\n\
             Proxy-Authorization: Digest username=\"551140000000\", realm=\"{}\", nonce=\"{nonce}\", \
             uri=\"sip:+5511988887777@wa.meta.vc;transport=tls\", response=\"{response}\", \
             algorithm=MD5, cnonce=\"0a4f113b\", opaque=\"fedc\", qop=auth, nc={count}\r\n\r\n",
            realm.name
        );
        Request::try_from(text.as_bytes()).expect("a request")
    }

    fn nonce(realm: &Realm) -> String {
        let challenge = realm.challenge(false).value().to_owned();
        challenge.split('"').nth(3).expect("a nonce").to_owned()
    }

    fn proven(proof: &Proof) -> Option<bool> {
        match proof {
            Proof::None | Proof::Stale => None,
            Proof::Claimed(claim) => Some(claim.user() == "551140000000" && claim.proves(PASSWORD)),
        }
    }

    #[test]
    fn the_example_of_the_rfc_is_proven() {
        let said = "Digest username=\"Mufasa\", realm=\"testrealm@host.com\", \
            nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", uri=\"/dir/index.html\", qop=auth, \
            nc=00000001, cnonce=\"0a4f113b\", response=\"6629fae49393a05397450978507c4ef1\"";
        let claim = Answer::read(said).expect("an answer").claim("GET".to_owned(), true);
        assert!(claim.proves(PASSWORD));
        assert!(!claim.proves("circle of life"));
    }

    #[test]
    fn an_answer_holds_once_for_each_count() {
        let realm = Realm::new("wa.meta.vc".to_owned(), Asker::Proxy);
        let nonce = nonce(&realm);
        assert_eq!(nonce.len(), 16);
        let first = request(&realm, &nonce, "00000001", PASSWORD);
        assert_eq!(proven(&realm.proof(&first)), Some(true));
        assert!(matches!(realm.proof(&first), Proof::Stale), "it was overheard");
        let tenth = request(&realm, &nonce, "0000000a", PASSWORD);
        assert_eq!(proven(&realm.proof(&tenth)), Some(true), "counts are hexadecimal");
    }

    #[test]
    fn neither_a_guess_nor_a_nonce_of_somebody_else_proves_anything() {
        let realm = Realm::new("wa.meta.vc".to_owned(), Asker::Proxy);
        let guess = request(&realm, &nonce(&realm), "00000001", "guess");
        assert_eq!(proven(&realm.proof(&guess)), Some(false));
        let forged = request(&realm, "0123456789abcdef", "00000001", PASSWORD);
        assert!(matches!(realm.proof(&forged), Proof::Stale));
        let elsewhere = Realm::new("other".to_owned(), Asker::Proxy);
        assert!(matches!(elsewhere.proof(&guess), Proof::None));
    }

    /// An answer to whoever asks in `realm`, right but for what may be odd about it.
    fn odd(realm: &Realm, algorithm: Algorithm, uri: &str, quality: &str) -> Request {
        let nonce = nonce(realm);
        let secret = algorithm.hash(&format!("551140000000:{}:{PASSWORD}", realm.name));
        let what = algorithm.hash(&format!("INVITE:{uri}"));
        let (middle, more) = match quality {
            "" => (nonce.clone(), String::new()),
            qop => (
                format!("{nonce}:00000001:c:{qop}"),
                format!(", cnonce=\"c\", nc=00000001, qop={qop}"),
            ),
        };
        let response = algorithm.hash(&format!("{secret}:{middle}:{what}"));
        let algorithm = match algorithm {
            Algorithm::Md5 => "MD5",
            Algorithm::Sha256 => "SHA-256",
        };
        let text = format!(
            "INVITE sip:+5511988887777@wa.meta.vc;transport=tls SIP/2.0\r\n\
             Proxy-Authorization: Digest username=\"551140000000\", realm=\"{}\", nonce=\"{nonce}\", \
             uri=\"{uri}\", response=\"{response}\", algorithm={algorithm}{more}\r\n\r\n",
            realm.name
        );
        Request::try_from(text.as_bytes()).expect("a request")
    }

    #[test]
    fn a_strict_realm_takes_what_is_documented_and_another_what_telephones_say() {
        let whole = "sip:+5511988887777@wa.meta.vc;transport=tls";
        for (algorithm, uri, quality, is_documented) in [
            (Algorithm::Md5, whole, "auth", true),
            (Algorithm::Md5, "sip:+5511988887777@wa.meta.vc;transport=TLS", "auth", true),
            (Algorithm::Md5, "sip:+5511988887777@wa.meta.vc", "auth", false),
            (Algorithm::Md5, "sip:+5511988887777@wa.meta.vc;transport=tcp", "auth", false),
            (Algorithm::Md5, "sip:+4915100000000@wa.meta.vc;transport=tls", "auth", false),
            (Algorithm::Md5, "sip:+5511988887777@127.0.0.1;transport=tls", "auth", false),
            (Algorithm::Md5, "wa.meta.vc", "auth", false),
            (Algorithm::Md5, whole, "", false),
            (Algorithm::Sha256, whole, "auth", false),
        ] {
            let strict = Realm::strict("wa.meta.vc".to_owned(), Asker::Proxy);
            let said = odd(&strict, algorithm, uri, quality);
            assert_eq!(proven(&strict.proof(&said)), Some(is_documented), "{said}");
            let lenient = Realm::new("wa.meta.vc".to_owned(), Asker::Proxy);
            let said = odd(&lenient, algorithm, uri, quality);
            assert_eq!(proven(&lenient.proof(&said)), Some(true), "{said}");
        }
    }

    #[test]
    fn questions_are_forgotten_in_time_and_never_grow() {
        let (mut nonces, now) = (Nonces::default(), Instant::now());
        let old = nonces.issue(now);
        assert!(!nonces.spend(&old, 1, now + HOLDS));
        for _ in 0..NONCES_MAX + 10 {
            nonces.issue(now);
        }
        assert!(nonces.known.len() <= NONCES_MAX);
    }
}
