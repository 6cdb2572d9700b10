//! Does a trunk lead to the phone network?
//!
//! The Calling API forbids it, and so do we, at start: whoever sets up a trunk says that it ends in
//! voice over IP, no target is a `tel:` URI, and no target is at a carrier that sells termination.

use std::net::IpAddr;

use thiserror::Error;

/// What a trunk ends in; there is one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Terminates {
    /// In telephones that are reached by IP alone.
    Voip,
}

/// Why a trunk is not to be had.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotVoip {
    /// It ends in something else, or does not say.
    #[error(
        "a trunk leads to telephones of the house, never to the phone network: write \
         terminates = \"voip\""
    )]
    Elsewhere,
    /// A target is a telephone number.
    #[error("`{0}` is a telephone number: the phone network is on no leg; name a host")]
    Telephone(String),
    /// A target is at a carrier.
    #[error("`{host}` is at {carrier}, a carrier: the phone network is on no leg")]
    Carrier {
        /// The target's host.
        host: String,
        /// The domain on the list.
        carrier: &'static str,
    },
}

impl Terminates {
    /// Reads the word of the configuration.
    ///
    /// # Errors
    ///
    /// [`NotVoip::Elsewhere`] for any other word, and for none.
    pub fn parse(word: Option<&str>) -> Result<Self, NotVoip> {
        match word {
            Some("voip") => Ok(Self::Voip),
            Some(_) | None => Err(NotVoip::Elsewhere),
        }
    }
}

/// Looks at a target's host, without port; `sip:` and `sips:` before it are no trouble.
///
/// # Errors
///
/// Why it cannot be one.
pub fn host(target: &str) -> Result<(), NotVoip> {
    let bare = target.trim().trim_start_matches("sips:").trim_start_matches("sip:");
    let host = bare.trim_end_matches('.').to_ascii_lowercase();
    let digits = |text: &str| {
        let digits = text.chars().filter(char::is_ascii_digit).count();
        digits >= 3 && text.chars().all(|sign| sign.is_ascii_digit() || "+-() ".contains(sign))
    };
    if host.starts_with("tel:") || digits(&host) && host.parse::<IpAddr>().is_err() {
        return Err(NotVoip::Telephone(target.to_owned()));
    }
    let is_at = |carrier: &&str| {
        host.strip_suffix(*carrier).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    match carriers().find(is_at) {
        Some(carrier) => Err(NotVoip::Carrier { host, carrier }),
        None => Ok(()),
    }
}

/// Domains at which calls are sold to the phone network.
fn carriers() -> impl Iterator<Item = &'static str> {
    let lines = include_str!("carriers.txt").lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_phone_network_is_refused_in_every_dress() {
        for bad in ["pstn.twilio.com", "sip:acme.pstn.ashburn.twilio.com", "SIP.TELNYX.COM."] {
            assert!(matches!(host(bad), Err(NotVoip::Carrier { .. })), "{bad}");
        }
        for bad in ["tel:+551140028922", "TEL:112", "+55 11 4002-8922", "551140028922"] {
            assert!(matches!(host(bad), Err(NotVoip::Telephone(_))), "{bad}");
        }
    }

    #[test]
    fn a_house_s_own_hosts_are_fine() {
        for good in ["pbx.aurora.example", "10.0.0.5", "::1", "nottwilio.com", "sips:pbx", "pbx2"] {
            assert_eq!(host(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn it_is_said_aloud() {
        assert_eq!(Terminates::parse(Some("voip")), Ok(Terminates::Voip));
        for bad in [None, Some(""), Some("pstn"), Some("VOIP")] {
            assert_eq!(Terminates::parse(bad), Err(NotVoip::Elsewhere), "{bad:?}");
        }
    }

    #[test]
    fn every_carrier_is_a_domain_and_stands_once() {
        let known: Vec<&str> = carriers().collect();
        let mut sorted = known.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(known, sorted);
        assert!(known.iter().all(|name| name.contains('.') && *name == name.to_lowercase()));
    }
}
