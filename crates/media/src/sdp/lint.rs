//! Would WhatsApp hear us by this SDP of ours?
//!
//! What a business should know before it sends its offer or answer: the platform's demands
//! ([`super::check_offer`]), what is tolerated and fails elsewhere, and whether any of its addresses can be
//! reached from where WhatsApp is. The worst first; an SDP without a finding can be sent.

use std::net::IpAddr;

use super::{AudioSession, Keying, SdpRefusal, SdpWarning, check_answer, check_offer, parse};

/// Which of our SDPs it is.
#[derive(Clone, Copy, Debug)]
pub enum Role<'a> {
    /// Of a call of ours.
    Offer,
    /// To this offer of WhatsApp's.
    Answer(&'a AudioSession),
}

/// Something to know about an SDP.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lint {
    /// The platform refuses it.
    #[error(transparent)]
    Refused(#[from] SdpRefusal),
    /// It has no address.
    #[error("it has no candidate: nobody can send to us before our own check has come through")]
    NoCandidates,
    /// Nobody outside this machine reaches it.
    #[error("{0} is an address of this machine alone")]
    Loopback(IpAddr),
    /// Nobody outside this network reaches it.
    #[error("{0} is a private address, which WhatsApp cannot reach")]
    Private(IpAddr),
    /// It is no address at all.
    #[error("{0} is not an address one can send to")]
    NoAddress(IpAddr),
    /// Tolerated here.
    #[error(transparent)]
    Tolerated(#[from] SdpWarning),
}

impl Lint {
    /// Whether a call by this SDP fails or stays silent; else it may well work.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        match self {
            Self::Refused(_) | Self::NoAddress(_) => true,
            // We check first, so a path may be found all the same.
            Self::NoCandidates | Self::Loopback(_) | Self::Private(_) | Self::Tolerated(_) => false,
        }
    }

    /// What to change.
    #[must_use]
    pub fn fix(&self) -> String {
        match self {
            Self::Refused(refusal) => refusal.fix(),
            Self::NoCandidates | Self::NoAddress(_) => {
                "Advertise the address that WhatsApp's servers can send to.".into()
            }
            Self::Loopback(_) | Self::Private(_) => {
                "Advertise the public address, by hand or found by STUN, and let UDP of the media \
                 ports in; for tests on one machine this is right as it is."
                    .into()
            }
            Self::Tolerated(_) => {
                "Write it as the platform wants it; it may fail elsewhere.".into()
            }
        }
    }
}

/// What there is to know about an SDP of ours, the worst first.
#[must_use]
pub fn lint(text: &str, role: Role<'_>) -> Vec<Lint> {
    let parsed = match parse(text) {
        Ok(parsed) => parsed,
        Err(refusal) => return vec![refusal.into()],
    };
    let checked = match role {
        Role::Offer => check_offer(&parsed, Keying::Dtls, &[]),
        Role::Answer(offer) => check_answer(offer, &parsed, Keying::Dtls),
    };
    let mut found: Vec<Lint> = checked.err().map(Lint::from).into_iter().collect();
    let addresses = parsed.session.candidates.iter().map(|candidate| candidate.addr.ip());
    let addresses: Vec<IpAddr> = addresses.collect();
    if addresses.is_empty() {
        found.push(Lint::NoCandidates);
    }
    // One that is public is enough.
    let hidden: Vec<Lint> = addresses.iter().filter_map(|ip| hidden(*ip)).collect();
    if hidden.len() == addresses.len() {
        found.extend(hidden);
    }
    found.extend(parsed.warnings.into_iter().map(Lint::from));
    found
}

/// Why nobody outside can send there.
fn hidden(ip: IpAddr) -> Option<Lint> {
    let private = match ip {
        IpAddr::V4(ip) => {
            let [first, second, ..] = ip.octets();
            let behind_carrier = first == 100 && (64..128).contains(&second);
            ip.is_private() || ip.is_link_local() || behind_carrier
        }
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local(),
    };
    if ip.is_unspecified() || ip.is_multicast() {
        Some(Lint::NoAddress(ip))
    } else if ip.is_loopback() {
        Some(Lint::Loopback(ip))
    } else {
        private.then_some(Lint::Private(ip))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFER: &str = include_str!("golden/gateway_offer.sdp");
    const ANSWER: &str = include_str!("golden/gateway_answer.sdp");
    const PLATFORM: &str = include_str!("golden/platform_offer.sdp");

    fn of(text: &str) -> Vec<Lint> {
        lint(text, Role::Offer)
    }

    /// The offer with another address in its candidate.
    fn at(ip: &str) -> String {
        let lines = OFFER.lines().map(|line| match line.strip_prefix("a=candidate:") {
            Some(_) => format!("a=candidate:1 1 udp 2130706431 {ip} 40100 typ host\r\n"),
            None => format!("{line}\r\n"),
        });
        lines.collect()
    }

    #[test]
    fn our_own_layouts_with_a_public_address_have_nothing_wrong() {
        assert_eq!(of(&at("203.0.113.20")), []);
        let offer = parse(PLATFORM).unwrap().session;
        let answer = lint(ANSWER, Role::Answer(&offer));
        assert!(answer.iter().all(|lint| !lint.is_fatal()), "{answer:?}");
    }

    #[test]
    fn addresses_nobody_can_send_to_are_named() {
        for (ip, wanted) in [
            ("127.0.0.1", "of this machine alone"),
            ("10.0.0.7", "private"),
            ("172.17.0.2", "private"),
            ("192.168.1.2", "private"),
            ("100.64.0.1", "private"),
            ("169.254.1.1", "private"),
            ("fd00::1", "private"),
            ("fe80::1", "private"),
            ("0.0.0.0", "not an address"),
        ] {
            let found = of(&at(ip));
            assert!(found.iter().any(|lint| lint.to_string().contains(wanted)), "{ip}: {found:?}");
        }
        let bare: String = OFFER
            .lines()
            .filter(|line| !line.starts_with("a=candidate:"))
            .map(|line| format!("{line}\r\n"))
            .collect();
        assert!(of(&bare).contains(&Lint::NoCandidates));
        let both = at("10.0.0.7").replace(
            "a=candidate:",
            "a=candidate:2 1 udp 2130706431 203.0.113.20 40100 typ host\r\na=candidate:",
        );
        assert_eq!(of(&both), [], "one public address is enough");
    }

    #[test]
    fn what_the_platform_refuses_comes_first() {
        let public = at("203.0.113.20");
        for (from, to, wanted) in [
            ("opus/48000/2", "speex/16000", "opus"),
            ("a=setup:actpass", "a=setup:holdconn", "a=setup"),
            ("a=fingerprint:sha-256", "a=nothing:sha-256", "fingerprint"),
            ("a=ice-pwd:", "a=nothing:", "ice-pwd"),
        ] {
            let text = public.replace(from, to);
            assert_ne!(text, public, "{from}");
            let found = of(&text);
            let first = found.first().unwrap();
            assert!(first.is_fatal() && first.to_string().contains(wanted), "{from}: {found:?}");
            assert!(!first.fix().is_empty());
        }
        assert!(of("v=0").first().is_some_and(Lint::is_fatal));
    }
}
