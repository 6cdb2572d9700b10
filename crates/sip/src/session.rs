//! When has a far end that says nothing gone (RFC 4028)?
//!
//! A far end that crashed sends no BYE. So both may agree that one of them says every so often that
//! the session still stands; when that does not happen, or is not answered, the session is over.

use std::time::Duration;

/// What we ask for, in seconds: what the RFC recommends.
pub(crate) const ASKED: u32 = 1800;
/// The shortest the RFC allows.
pub(crate) const LEAST: u32 = 90;

/// The longest that a far end may insist on.
const MOST: u32 = 86_400;

/// What we ask for where a far end insists on so much; `None` where that is nothing to insist on.
pub(crate) fn longer(least: u32) -> Option<u32> {
    (ASKED + 1..=MOST).contains(&least).then_some(least)
}

/// What was agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    interval: Duration,
    /// Whether we are the one who says so.
    pub(crate) ours: bool,
}

/// A far end wants shorter ones than we take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooBrief;

impl Session {
    /// From `Session-Expires` of the answer to our INVITE; `None` is no agreement.
    pub(crate) fn agreed(header: &str) -> Option<Self> {
        let (seconds, by_uas) = read(header)?;
        Some(Self { interval: Duration::from_secs(seconds.max(LEAST).into()), ours: !by_uas })
    }

    /// From `Session-Expires` of an INVITE that came in: whoever sent it refreshes, where it does not say
    /// that we shall.
    pub(crate) fn asked(header: &str) -> Result<Option<Self>, TooBrief> {
        match read(header) {
            Some((seconds, _)) if seconds < LEAST => Err(TooBrief),
            Some((seconds, by_uas)) => {
                Ok(Some(Self { interval: Duration::from_secs(seconds.into()), ours: by_uas }))
            }
            None => Ok(None),
        }
    }

    /// What we agree to, for the answer to an INVITE that came in.
    pub(crate) fn said(self) -> String {
        let refresher = if self.ours { "uas" } else { "uac" };
        format!("{};refresher={refresher}", self.interval.as_secs())
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

/// The seconds of `Session-Expires`, and whether it says that whoever answers the INVITE refreshes.
fn read(header: &str) -> Option<(u32, bool)> {
    let mut words = header.split(';').map(str::trim);
    let seconds = words.next()?.parse().ok()?;
    Some((seconds, words.any(|word| word.eq_ignore_ascii_case("refresher=uas"))))
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
    #[test]
    fn who_calls_says_who_refreshes_and_hears_it_again() {
        let said = |header: &str| Session::asked(header).map(|it| it.map(Session::said));
        assert_eq!(said("1800;refresher=uas"), Ok(Some("1800;refresher=uas".into())));
        assert_eq!(said("1800;refresher=uac"), Ok(Some("1800;refresher=uac".into())));
        assert_eq!(said("90"), Ok(Some("90;refresher=uac".into())));
        assert_eq!(said("89;refresher=uac"), Err(TooBrief));
        assert_eq!(said("soon"), Ok(None));
    }
}
