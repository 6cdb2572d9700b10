//! What does a STUN or TURN server say about us?
//!
//! A server is asked with [`binding_request`] from which address it sees us (RFC 8489), and with
//! [`allocate_request`] whether it would relay for us (RFC 8656): first without a login, which brings its
//! [`Reply::Challenge`], then with one. [`release_request`] gives an allocation back. Randomness comes in
//! as the transaction's id; whoever sends has the socket and the clock. ICE's own checks are the leg's.

use std::net::{IpAddr, SocketAddr};

use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::{Digest as _, Md5};
use sha1::Sha1;

/// What tells a request's reply from others'.
pub type TransactionId = [u8; 12];

/// The longest reply that is read; real ones have about a hundred bytes.
pub const REPLY_MAX: usize = 1_280;

const BINDING: u16 = 0x0001;
const ALLOCATE: u16 = 0x0003;
const REFRESH: u16 = 0x0004;
const SUCCESS: u16 = 0x0100;
const FAILURE: u16 = 0x0110;

const MAPPED_ADDRESS: u16 = 0x0001;
const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const ERROR_CODE: u16 = 0x0009;
const LIFETIME: u16 = 0x000D;
const REALM: u16 = 0x0014;
const NONCE: u16 = 0x0015;
const XOR_RELAYED_ADDRESS: u16 = 0x0016;
const REQUESTED_TRANSPORT: u16 = 0x0019;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;

const COOKIE: [u8; 4] = [0x21, 0x12, 0xA4, 0x42];
const HEADER: usize = 20;
/// An attribute of a SHA-1 with its head.
const INTEGRITY: usize = 24;
/// UDP's number (RFC 8656 18.7).
const UDP: [u8; 4] = [17, 0, 0, 0];

/// Who asks a TURN server, in the words of its challenge.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The user name.
    pub username: String,
    /// The password, in the clear.
    pub password: String,
    /// The server's realm.
    pub realm: String,
    /// The server's nonce.
    pub nonce: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").field("realm", &self.realm).finish_non_exhaustive()
    }
}

/// What a server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It sees us at this address.
    Mapped(SocketAddr),
    /// It relays for us from this address.
    Relayed(SocketAddr),
    /// It wants a login: 401, or 438 where the nonce is too old.
    Challenge {
        /// For whom.
        realm: String,
        /// With what.
        nonce: String,
    },
    /// It says no.
    Refused {
        /// RFC 8489 14.8 and RFC 8656 19.
        code: u16,
        /// The same for people.
        text: String,
    },
    /// It did what was asked and has no more to say.
    Done,
}

/// Asks from which address we are seen.
#[must_use]
pub fn binding_request(id: &TransactionId) -> Vec<u8> {
    head(BINDING, id)
}

/// Asks for an address to be relayed from.
#[must_use]
pub fn allocate_request(id: &TransactionId, login: Option<&Login>) -> Vec<u8> {
    let mut out = head(ALLOCATE, id);
    add(&mut out, REQUESTED_TRANSPORT, &UDP);
    sign(&mut out, login);
    out
}

/// Gives an allocation back.
#[must_use]
pub fn release_request(id: &TransactionId, login: &Login) -> Vec<u8> {
    let mut out = head(REFRESH, id);
    add(&mut out, LIFETIME, &[0; 4]);
    sign(&mut out, Some(login));
    out
}

/// Reads the reply to the request with this id; none for anything else.
#[must_use]
pub fn read_reply(datagram: &[u8], id: &TransactionId) -> Option<Reply> {
    let ours = datagram.get(4..8)? == COOKIE && datagram.get(8..HEADER)? == id;
    if !ours || datagram.len() > REPLY_MAX {
        return None;
    }
    let kind = u16::from_be_bytes([*datagram.first()?, *datagram.get(1)?]);
    let attributes = Attributes { rest: datagram.get(HEADER..)?, id };
    if kind & FAILURE == FAILURE {
        return attributes.failure();
    }
    if kind & SUCCESS == 0 {
        return None;
    }
    match kind & !SUCCESS {
        BINDING => {
            let xored = attributes.address(XOR_MAPPED_ADDRESS);
            xored.or_else(|| attributes.address(MAPPED_ADDRESS)).map(Reply::Mapped)
        }
        ALLOCATE => attributes.address(XOR_RELAYED_ADDRESS).map(Reply::Relayed),
        _ => Some(Reply::Done),
    }
}

/// What follows the header of a reply.
#[derive(Clone, Copy)]
struct Attributes<'a> {
    rest: &'a [u8],
    id: &'a TransactionId,
}

impl<'a> Attributes<'a> {
    fn find(self, wanted: u16) -> Option<&'a [u8]> {
        let mut rest = self.rest;
        while let (Some(&[k0, k1, l0, l1]), Some(body)) = (rest.first_chunk(), rest.get(4..)) {
            let length = usize::from(u16::from_be_bytes([l0, l1]));
            if u16::from_be_bytes([k0, k1]) == wanted {
                return body.get(..length);
            }
            rest = body.get(length.next_multiple_of(4)..)?;
        }
        None
    }

    fn text(self, wanted: u16) -> Option<&'a str> {
        std::str::from_utf8(self.find(wanted)?).ok()
    }

    fn failure(self) -> Option<Reply> {
        let [_, _, class, number, text @ ..] = self.find(ERROR_CODE)? else { return None };
        let code = u16::from(class & 7) * 100 + u16::from(*number);
        Some(match (code, self.text(REALM), self.text(NONCE)) {
            (401 | 438, Some(realm), Some(nonce)) => {
                Reply::Challenge { realm: realm.to_owned(), nonce: nonce.to_owned() }
            }
            (code, _, _) => Reply::Refused { code, text: String::from_utf8_lossy(text).into() },
        })
    }

    /// An address (RFC 8489 14.1 and 14.2).
    fn address(self, wanted: u16) -> Option<SocketAddr> {
        let [_, family, p0, p1, bytes @ ..] = self.find(wanted)? else { return None };
        let mut mask = [0_u8; 16];
        if wanted != MAPPED_ADDRESS {
            let (cookie, id) = mask.split_at_mut(4);
            cookie.copy_from_slice(&COOKIE);
            id.copy_from_slice(self.id);
        }
        let [m0, m1, ..] = mask;
        let port = u16::from_be_bytes([p0 ^ m0, p1 ^ m1]);
        let plain: Vec<u8> = bytes.iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect();
        let ip: IpAddr = match family {
            1 => <[u8; 4]>::try_from(plain.get(..4)?).ok()?.into(),
            2 => <[u8; 16]>::try_from(plain.get(..16)?).ok()?.into(),
            _ => return None,
        };
        Some(SocketAddr::new(ip, port))
    }
}

fn head(kind: u16, id: &TransactionId) -> Vec<u8> {
    let mut out = Vec::with_capacity(128);
    out.extend(kind.to_be_bytes());
    out.extend([0, 0]);
    out.extend(COOKIE);
    out.extend(id);
    out
}

fn add(out: &mut Vec<u8>, attribute: u16, value: &[u8]) {
    out.extend(attribute.to_be_bytes());
    out.extend(length(value.len()).to_be_bytes());
    out.extend(value);
    out.resize(out.len().next_multiple_of(4), 0);
    set_length(out, 0);
}

/// Says who asks, and proves it (RFC 8489 9.2.3 and 14.5).
fn sign(out: &mut Vec<u8>, login: Option<&Login>) {
    let Some(Login { username, password, realm, nonce }) = login else { return };
    add(out, USERNAME, username.as_bytes());
    add(out, REALM, realm.as_bytes());
    add(out, NONCE, nonce.as_bytes());
    set_length(out, INTEGRITY);
    let key = Md5::digest(format!("{username}:{realm}:{password}"));
    let mut mac = Hmac::<Sha1>::new_from_slice(&key).expect("HMAC takes keys of every length");
    mac.update(out);
    let proof = mac.finalize().into_bytes();
    add(out, MESSAGE_INTEGRITY, &proof);
}

/// What follows the header, and so much that is still to come.
fn set_length(out: &mut [u8], more: usize) {
    let bytes = length(out.len().saturating_sub(HEADER) + more).to_be_bytes();
    if let Some(place) = out.get_mut(2..4) {
        place.copy_from_slice(&bytes);
    }
}

/// What we write is far shorter than a datagram.
fn length(bytes: usize) -> u16 {
    u16::try_from(bytes).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use is::stun::StunMessage;
    use proptest::prelude::*;

    use super::*;

    const ID: TransactionId = *b"abcdefghijkl";

    fn login() -> Login {
        Login {
            username: "1783003600:lia".into(),
            password: "pass".into(),
            realm: "turn.example".into(),
            nonce: "f//499k954d6OL34oL9FSTvy64sA".into(),
        }
    }

    fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 20] {
        let mut mac = Hmac::<Sha1>::new_from_slice(key).unwrap();
        parts.iter().for_each(|part| mac.update(part));
        mac.finalize().into_bytes().into()
    }

    #[test]
    fn another_library_reads_our_requests_and_believes_the_login() {
        let bare = allocate_request(&ID, None);
        assert!(StunMessage::parse(&bare).unwrap().is_allocate_request());
        let signed = allocate_request(&ID, Some(&login()));
        let read = StunMessage::parse(&signed).unwrap();
        assert_eq!((read.username(), read.realm()), (Some("1783003600:lia"), Some("turn.example")));
        let key = Md5::digest("1783003600:lia:turn.example:pass");
        assert!(read.verify(&key, hmac));
        assert!(!read.verify(&Md5::digest("1783003600:lia:turn.example:other"), hmac));
        let release = release_request(&ID, &login());
        assert_eq!(StunMessage::parse(&release).unwrap().lifetime(), Some(0));
    }

    fn reply(kind: u16, attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut out = head(kind, &ID);
        attributes.iter().for_each(|(attribute, value)| add(&mut out, *attribute, value));
        out
    }

    #[test]
    fn replies_are_told_apart() {
        // 203.0.113.20:40000 xor the cookie.
        let address = [0, 1, 0x9C ^ 0x21, 0x40 ^ 0x12, 203 ^ 0x21, 0x12, 113 ^ 0xA4, 20 ^ 0x42];
        let seen = "203.0.113.20:40000".parse().unwrap();
        let mapped = reply(BINDING | SUCCESS, &[(XOR_MAPPED_ADDRESS, &address)]);
        assert_eq!(read_reply(&mapped, &ID), Some(Reply::Mapped(seen)));
        assert_eq!(read_reply(&mapped, b"lkjihgfedcba"), None, "another's");
        let relayed = reply(ALLOCATE | SUCCESS, &[(XOR_RELAYED_ADDRESS, &address)]);
        assert_eq!(read_reply(&relayed, &ID), Some(Reply::Relayed(seen)));
        let wants = reply(
            ALLOCATE | FAILURE,
            &[(ERROR_CODE, b"\0\0\x04\x01Unauthorized"), (REALM, b"turn.example"), (NONCE, b"n1")],
        );
        let (realm, nonce) = ("turn.example".into(), "n1".into());
        assert_eq!(read_reply(&wants, &ID), Some(Reply::Challenge { realm, nonce }));
        let full =
            reply(ALLOCATE | FAILURE, &[(ERROR_CODE, b"\0\0\x04\x56Allocation Quota Reached")]);
        let text = "Allocation Quota Reached".to_owned();
        assert_eq!(read_reply(&full, &ID), Some(Reply::Refused { code: 486, text }));
        assert_eq!(read_reply(&binding_request(&ID), &ID), None, "our own, come back");
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut datagram = reply(ALLOCATE | FAILURE, &[]);
            datagram.extend(&bytes);
            set_length(&mut datagram, 0);
            drop(read_reply(&datagram, &ID));
            drop(read_reply(&bytes, &ID));
        }
    }
}
