//! What does the platform's refusal of our INVITE mean, in the words of Graph?
//!
//! One table, of fact sheet 6.7 and 9.3. A status that has no code of Graph's keeps its own, as a request
//! by Graph does.

use sip::{End, Refusal};

/// What became of a call of ours that was not picked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NotPickedUp {
    /// The user was not reached, or did not answer.
    NoAnswer,
    /// The user declined.
    Declined,
    /// The platform said no.
    Refused {
        /// Graph's code, or the status.
        code: i64,
        /// Its words.
        text: String,
    },
    /// It did not answer.
    Unreachable,
}

/// Words in a 403 and Graph's code for what they say; the first that fits.
const FORBIDDEN: &[(&str, i64)] = &[
    ("no approved call permission", 138_006),
    ("per day limit", 138_012),
    ("duplicate call", 138_003),
    ("payment", 131_044),
    ("sdp", 100),
];

/// What a call's end means, with what was said when it was refused.
pub(super) fn of(end: End, said: Option<&Refusal>) -> NotPickedUp {
    let Some(said) = said else {
        return match end {
            End::Busy => NotPickedUp::Declined,
            End::NoAnswer | End::Ours | End::Theirs => NotPickedUp::NoAnswer,
            End::Lost | End::Unavailable | End::Refused(_) => NotPickedUp::Unreachable,
        };
    };
    let text = said.phrase.clone().unwrap_or_default();
    let code = match said.status {
        480 | 487 => return NotPickedUp::NoAnswer,
        486 | 600 | 603 => return NotPickedUp::Declined,
        400 => 100,
        403 => forbidden(&text).unwrap_or(403),
        // The user's phone got no audio: the platform's `RTP Timeout`.
        408 => 138_021,
        other => i64::from(other),
    };
    NotPickedUp::Refused { code, text }
}

fn forbidden(text: &str) -> Option<i64> {
    let text = text.to_ascii_lowercase();
    let found = FORBIDDEN.iter().find(|(words, _)| text.contains(words));
    found.map(|(_, code)| *code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(status: u16, phrase: &str) -> NotPickedUp {
        let refusal = Refusal { phrase: Some(phrase.into()), ..Refusal::of(status) };
        of(End::Refused(status), Some(&refusal))
    }

    fn code(status: u16, phrase: &str) -> Option<i64> {
        match said(status, phrase) {
            NotPickedUp::Refused { code, text } if text == phrase => Some(code),
            NotPickedUp::Refused { .. }
            | NotPickedUp::NoAnswer
            | NotPickedUp::Declined
            | NotPickedUp::Unreachable => None,
        }
    }

    #[test]
    fn each_text_of_the_table_has_its_code() {
        for (status, phrase, expected) in [
            (400, "Asset not found, invalid business phone number", 100),
            (
                403,
                "SIP server sip.shop.example from INVITE does not match any SIP server configured for phone number id 1",
                403,
            ),
            (403, "No Approved Call Permission Found", 138_006),
            (
                403,
                "The app 1 configured for SIP server x is not authorized for phone number id 1",
                403,
            ),
            (403, "Business Initiated Connected Call Per Day Limit Hit", 138_012),
            (403, "Duplicate call", 138_003),
            (403, "Payment issue", 131_044),
            (403, "SDP validation failed", 100),
            (404, "Not Found", 404),
            (408, "RTP Timeout", 138_021),
            (500, "Internal Server Error", 500),
            (503, "Service Unavailable", 503),
        ] {
            assert_eq!(code(status, phrase), Some(expected), "{status} {phrase}");
        }
    }

    #[test]
    fn a_user_who_does_not_want_or_is_not_there_is_no_error() {
        assert_eq!(said(480, "Temporarily Unavailable"), NotPickedUp::NoAnswer);
        assert_eq!(said(487, "Request Terminated"), NotPickedUp::NoAnswer);
        assert_eq!(said(486, "User declined"), NotPickedUp::Declined);
        assert_eq!(of(End::NoAnswer, None), NotPickedUp::NoAnswer);
        assert_eq!(of(End::Unavailable, None), NotPickedUp::Unreachable);
    }
}
