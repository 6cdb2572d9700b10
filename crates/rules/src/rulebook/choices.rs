//! Which rules have a word as their value, and which words may it be?
//!
//! A choice reads the words of a rulebook; another word is an error that names those there are.

use super::entry::{Raw, Reads};

macro_rules! choice {
    ($(#[$doc:meta])* $name:ident, $expected:literal { $($(#[$item_doc:meta])* $item:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$item_doc])* $item,)* }

        impl $name {
            /// The word in the rulebook.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$item => $text,)* }
            }
        }

        impl Reads for $name {
            const EXPECTED: &'static str = $expected;
            fn read(raw: &Raw) -> Option<Self> {
                match raw.to_string().as_str() {
                    $($text => Some(Self::$item),)*
                    _ => None,
                }
            }
        }
    };
}

choice! {
    /// What a second `pre_accept` with the same SDP is answered.
    RepeatedPreAccept, "\"success\" or \"refused\"" {
        /// As the first one.
        Success = "success",
        /// As one that is not possible in this state.
        Refused = "refused",
    }
}

choice! {
    /// How a user's call ended that was never answered and did not fail.
    UnansweredStatus, "\"COMPLETED\" or \"FAILED\"" {
        /// In the ordinary way.
        Completed = "COMPLETED",
        /// As a failure, without an error.
        Failed = "FAILED",
    }
}

choice! {
    /// What the webhook of a user's call looks like that could not be delivered.
    PaymentError, "\"errors\" or \"terminate\"" {
        /// `errors`, and no call.
        Errors = "errors",
        /// `errors`, and a call with event `terminate`.
        Terminate = "terminate",
    }
}

choice! {
    /// What a blocked country cannot do.
    CountryScope, "\"calling\" or \"business_initiated\"" {
        /// Neither direction.
        Calling = "calling",
        /// Only calls by the business.
        BusinessInitiated = "business_initiated",
    }
}

choice! {
    /// How the 360dialog edition says what Meta's API does not: no key, an unknown key or path.
    DialogErrors, "\"text\" or \"graph\"" {
        /// `{"error": "<text>"}`.
        Text = "text",
        /// In Graph's envelope.
        Graph = "graph",
    }
}

choice! {
    /// How far a hindrance goes.
    Hindrance, "\"LIMITED\" or \"BLOCKED\"" {
        /// It works with limits.
        Limited = "LIMITED",
        /// It does not work.
        Blocked = "BLOCKED",
    }
}

choice! {
    /// Whose calls are counted together.
    ConcurrencyScope, "\"number\" or \"account\"" {
        /// Those of one business number.
        Number = "number",
        /// Those of all numbers of a WABA.
        Account = "account",
    }
}

choice! {
    /// What the interval of a holiday entry is.
    HolidayMeans, "\"open\" or \"closed\"" {
        /// The business is open in it, and closed for the rest of that date.
        Open = "open",
        /// The business is closed in it.
        Closed = "closed",
    }
}

choice! {
    /// What a day of the week is that has no interval.
    UnlistedDays, "\"closed\" or \"open\"" {
        /// Closed.
        Closed = "closed",
        /// Open all day.
        Open = "open",
    }
}

choice! {
    /// By which of its moments a call belongs to a month, a rate card and a bucket of analytics.
    CallMoment, "\"answer\" or \"end\"" {
        /// When it was answered.
        Answer = "answer",
        /// When it ended.
        End = "end",
    }
}

choice! {
    /// Which restrictions a number gets for negative feedback.
    RestrictionTypes, "\"split\" or \"combined\"" {
        /// One for each direction, each from its own calls.
        Split = "split",
        /// One for both, which also stops changes of the calling settings.
        Combined = "combined",
    }
}

choice! {
    /// Against whose calls feedback counts from a user who had none.
    FeedbackWithoutCall, "\"business_initiated\" or \"ignored\"" {
        /// Against the business's: it wrote, or asked for permission.
        BusinessInitiated = "business_initiated",
        /// Against none.
        Ignored = "ignored",
    }
}

choice! {
    /// What the first and last bucket of analytics say they cover.
    EdgeBuckets, "\"whole\" or \"clipped\"" {
        /// The whole half-hour, day or month.
        Whole = "whole",
        /// Only what was asked for.
        Clipped = "clipped",
    }
}

choice! {
    /// When the business hears that a call went to voicemail.
    TerminateAt, "\"start\" or \"end\"" {
        /// As soon as voicemail takes the call.
        Start = "start",
        /// When the user has hung up.
        End = "end",
    }
}

choice! {
    /// Whether deliveries wait for each other.
    DeliveryOrder, "\"call\" or \"none\"" {
        /// Webhooks of one call start one after the other, unless an earlier one is failing.
        Call = "call",
        /// None waits.
        None = "none",
    }
}
