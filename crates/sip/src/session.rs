//! When has a far end that says nothing gone (RFC 4028)?
//!
//! A far end that crashed sends no BYE. So both may agree that one of them says every so often that
//! the session still stands; when that does not happen, or is not answered, the session is over.

use std::time::Duration;

/// What we ask for, in seconds: what the RFC recommends.
pub(crate) const ASKED: u32 = 1800;
/// The shortest the RFC allows.
pub(crate) const LEAST: u32 = 90;

/// What was agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    interval: Duration,
    /// Whether we are the one who says so.
    pub(crate) ours: bool,
}

impl Session {
    /// From `Session-Expires` of the answer to our INVITE; `None` is no agreement.
    pub(crate) fn agreed(header: &str) -> Option<Self> {
        let mut words = header.split(';').map(str::trim);
        let seconds: u32 = words.next()?.parse().ok()?;
        let theirs = words.any(|word| word.eq_ignore_ascii_case("refresher=uas"));

        Some(Self { interval: Duration::from_secs(seconds.max(LEAST).into()), ours: !theirs })
    }

    /// From `Session-Expires` of an INVITE that came in: whoever sent it refreshes.
    pub(crate) fn theirs(header: &str) -> Option<Self> {
        Self::agreed(header).map(|session| Self { ours: false, ..session })
    }

    /// What we agree to, for the answer.
    pub(crate) fn said(self) -> String {
        format!("{};refresher=uac", self.interval.as_secs())
    }

    /// How long after the last sign of life something is due: ours to say, or theirs to be missed.
    pub(crate) fn due(self) -> Duration {
        if self.ours {
            return self.interval / 2;
        }
        self.interval - (self.interval / 3).min(Duration::from_secs(32))
    }

    /// How long our sign of life may go unanswered before we leave.
    pub(crate) fn patience(self) -> Duration {
        (self.interval / 3).min(Duration::from_secs(32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(header: &str) -> Option<(bool, u64)> {
        Session::agreed(header).map(|session| (session.ours, session.due().as_secs()))
    }

    #[test]
    fn who_refreshes_does_so_at_half_and_who_waits_leaves_before_the_end() {
        assert_eq!(due("1800;refresher=uac"), Some((true, 900)));
        assert_eq!(due("1800"), Some((true, 900)));
        assert_eq!(due("1800 ; Refresher=UAS"), Some((false, 1768)));
        assert_eq!(due("90;refresher=uas"), Some((false, 60)));
        assert_eq!(due("1;refresher=uac"), Some((true, 45)), "never busier than the RFC allows");
        assert_eq!(due("4294967295"), Some((true, 2_147_483_647)));
        assert_eq!(due("soon"), None);
        assert_eq!(due(""), None);
    }
}
