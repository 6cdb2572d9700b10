//! What can an agent do about the platform's no?

/// A refusal in words: what it means and what to do.
pub(crate) fn advice(code: i64, text: &str) -> String {
    let known = match code {
        138_006 => {
            "This user has not allowed calls from us. Ask for permission first; when the user \
             says yes, you can call."
        }
        138_000 => "Calling is switched off for our number. Switch it on in its settings.",
        138_001 => "This user cannot be called on WhatsApp: no account, or an app too old.",
        138_002 => "Too many of our calls are running. Try again when one has ended.",
        138_003 => "A call with this user is running already.",
        138_004 | 138_007 => "WhatsApp could not connect the call. Try once more.",
        138_005 => "We have placed as many calls as one day allows. Try again tomorrow.",
        138_009 => {
            "We have asked this user as often as is allowed: once a day and twice a week. Wait, \
             or let the user call us."
        }
        138_012 => "We have called this user as often as one day allows. Try again later.",
        138_013 => "Calls to users are not available to numbers of our country.",
        138_014 => "Calling is switched off for a while because too many users complained.",
        138_017 => "This user has allowed calls for good: there is nothing to ask. Just call.",
        4 | 429 | 613 | 80_007 | 130_429 | 131_056 => {
            "WhatsApp takes no more requests from us for a moment: we have sent too many. Try \
             again in a minute, and send fewer at a time."
        }
        131_044 => "Our account has no valid way to pay for calls.",
        131_047 => {
            "The user has not written or called within the last 24 hours, so we may not do this. \
             Wait for a message or a call from the user."
        }
        131_055 => "Our number is set to SIP, so calls cannot be placed from here.",
        0 | 190 => "WhatsApp does not accept our access token. It may have expired.",
        _ => return text.to_owned(),
    };
    known.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_permission_is_said_in_words_with_what_to_do() {
        let text = advice(138_006, "No approved call permission from the recipient");
        assert!(text.contains("Ask for permission first"), "{text}");
        assert_eq!(advice(4711, "odd"), "odd");
    }
}
