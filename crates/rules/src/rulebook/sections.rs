//! Which rules exist, and of what kind is each?
//!
//! One struct a section of the file; a field is a rule of the same name.

use std::time::Duration;

use terms::Country;

use crate::{client::ClientVersion, limits::NumberKind};

use super::{
    choices::{
        CallMoment, ConcurrencyScope, CountryScope, DeliveryOrder, DialogErrors, EdgeBuckets,
        FeedbackWithoutCall, Hindrance, HolidayMeans, PaymentError, RepeatedPreAccept,
        RestrictionTypes, TerminateAt, UnansweredStatus, UnlistedDays,
    },
    entry::{FileType, Rule, RulebookError, Sheet},
};

macro_rules! section {
    ($(#[$doc:meta])* $name:ident = $section:literal { $($(#[$rule_doc:meta])* $rule:ident: $kind:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name { $($(#[$rule_doc])* pub $rule: Rule<$kind>,)* }

        impl $name {
            pub(super) fn read(sheet: &mut Sheet<'_>) -> Result<Self, RulebookError> {
                Ok(Self { $($rule: sheet.take($section, stringify!($rule))?,)* })
            }
        }
    };
}

section! {
    /// Deadlines of a call, and what it is answered.
    CallRules = "call" {
        /// How long a business has to answer a user's call, from the connect webhook.
        answer_window: Duration,
        /// How long a user's phone rings for a business's call.
        ring_timeout: Duration,
        /// The longest `biz_opaque_callback_data`.
        opaque_chars_max: u32,
        /// A request without `action` is refused; else its session says which one it is.
        action_required: bool,
        /// What a second `pre_accept` with the same SDP is answered.
        repeated_pre_accept: RepeatedPreAccept,
        /// `status` of a user's call that was never answered.
        unanswered_status: UnansweredStatus,
        /// The webhook of a user's call that a missing payment method stopped.
        payment_error: PaymentError,
    }
}

section! {
    /// When silence ends a call.
    MediaRules = "media" {
        /// No media from the business since the answer.
        silent_from_start: Duration,
        /// No media from the business in a running call.
        silent_mid_call: Duration,
        /// Nothing from anybody is the business's silence (138021), not a call without signals (138023).
        both_silent_blames_business: bool,
    }
}

section! {
    /// Who may use calling at all.
    EligibilityRules = "eligibility" {
        /// The lowest messaging tier (unique recipients a day) with calling.
        tier_min: u32,
        /// The declared use cases of an account that have calling.
        use_cases: Vec<String>,
        /// The Graph code for any other use case.
        use_case_code: u32,
        /// Countries of business numbers that are blocked.
        blocked_countries: Vec<Country>,
        /// What they are blocked from.
        blocked_scope: CountryScope,
        /// The Graph code of a business's call without a payment method.
        payment_code: u32,
        /// The same of a user's call, also of the answer to it.
        user_payment_code: u32,
        /// The Graph code of a call, or a request for permission, to a user who blocked the business.
        blocked_by_user_code: u32,
        /// A business's call also needs an open service window.
        call_needs_window: bool,
        /// The Graph code when that window is closed.
        window_code: u32,
    }
}

section! {
    /// Which scope a request needs, which webhook fields there are, and which versions of the API there are.
    AccessRules = "access" {
        /// Edges open to `whatsapp_business_messaging`; the object itself is `self`.
        messaging_edges: Vec<String>,
        /// Edges open to `whatsapp_business_management`.
        management_edges: Vec<String>,
        /// How the 360dialog edition says its own errors.
        dialog_errors: DialogErrors,
        /// What an app can subscribe to of a `whatsapp_business_account`.
        webhook_fields: Vec<String>,
        /// The oldest version of the Graph API that is taken.
        version_min: u32,
        /// The newest one, which a path without a version means.
        version_newest: u32,
    }
}

section! {
    /// How the health of a number is shown.
    HealthRules = "health" {
        /// Messages of a number whose calling is restricted.
        restricted: Hindrance,
        /// Messages of an account without a payment method.
        payment_missing: Hindrance,
        /// The code of a number without SIP.
        sip_number_code: u32,
        /// The code of an app that cannot use SIP.
        sip_app_code: u32,
        /// The code of a restriction.
        restricted_code: u32,
        /// The code of a missing payment method.
        payment_code: u32,
    }
}

section! {
    /// What the user's app can do.
    ClientRules = "clients" {
        /// Apps that take part in calls with a business.
        callable: Vec<String>,
        /// The oldest version with calls by a business and requests for permission.
        business_calls_min: ClientVersion,
        /// The oldest version with a call icon in the chat.
        call_icon_min: ClientVersion,
        /// The oldest version that shows a call button.
        call_button_min: ClientVersion,
        /// The oldest version that passes on a button's or a deep link's payload.
        payload_min: ClientVersion,
    }
}

section! {
    /// The user's consent to be called, and the requests for it.
    PermissionRules = "permission" {
        /// How long a temporary permission lives, from the user's approval.
        lifetime: Duration,
        /// Requests for permission a user may get in a day.
        requests_per_day: u32,
        /// And in a week.
        requests_per_week: u32,
        /// How long the buttons of a request work after delivery without an answer.
        request_lifetime: Duration,
        /// How long they work after an answer.
        answered_lifetime: Duration,
        /// Unanswered calls in a row before the user is asked to think again.
        nudge_after: u32,
        /// Unanswered calls in a row that end the permission.
        revoke_after: u32,
        /// A call the business cancelled while it rang counts as unanswered.
        cancelled_counts: bool,
        /// A request that could not be shown to the user counts towards the limits.
        undelivered_counts: bool,
        /// Outside the call hours a user may ask to be called back, which gives permission.
        callback_out_of_hours: bool,
        /// As `requests_per_day`, for public test numbers.
        test_requests_per_day: u32,
        /// As `requests_per_week`, for public test numbers.
        test_requests_per_week: u32,
        /// As `nudge_after`, for public test numbers.
        test_nudge_after: u32,
        /// As `revoke_after`, for public test numbers.
        test_revoke_after: u32,
    }
}

section! {
    /// How many calls.
    LimitRules = "limits" {
        /// The period of everything that is counted by the day.
        day: Duration,
        /// The period of everything that is counted by the week.
        week: Duration,
        /// Connected business-initiated calls to one user in a day.
        connected_per_day: u32,
        /// New business-initiated calls of one number in a day.
        placed_per_day: u32,
        /// The key of `error_data` that says when the next call is allowed.
        next_call_field: String,
        /// Calls at the same time.
        concurrent: u32,
        /// Whose calls those are.
        concurrent_scope: ConcurrencyScope,
        /// The kinds of numbers that reach only the users on their list.
        allowed_list_kinds: Vec<NumberKind>,
        /// Reads of a call permission in one second.
        permission_reads_per_second: u32,
    }
}

section! {
    /// The customer service window.
    WindowRules = "window" {
        /// How long it stays open.
        length: Duration,
        /// A user's call opens it, answered or not.
        opened_by_user_call: bool,
        /// A user who picks up a business's call opens it.
        opened_by_pick_up: bool,
        /// A user's answer to a request for permission opens it.
        opened_by_permission_reply: bool,
        /// A user who asks to be called back opens it.
        opened_by_callback_request: bool,
    }
}

section! {
    /// Messages of a business, and their call buttons.
    MessageRules = "messages" {
        /// Messages one number may send in a second.
        per_second: u32,
        /// The Graph code of a free-form message outside the service window.
        window_code: u32,
        /// The longest text.
        text_chars_max: u32,
        /// The longest body of an interactive message.
        body_chars_max: u32,
        /// A call button of category `utility` needs no open window (Direct Send).
        direct_send: bool,
        /// The label of a call button that has none.
        button_text_default: String,
        /// The longest label of a call button.
        button_text_chars_max: u32,
        /// How long a call button works when nothing is said.
        button_ttl_default: Duration,
        /// The shortest time a message may give its call button.
        button_ttl_min: Duration,
        /// The longest time a message or a template may give its call button.
        button_ttl_max: Duration,
        /// The shortest time a template may give its call button.
        template_button_ttl_min: Duration,
        /// The longest payload of a call button.
        payload_chars_max: u32,
        /// The longest payload of a deep link.
        deeplink_payload_chars_max: u32,
        /// Countries whose business numbers cannot send call buttons.
        button_blocked_countries: Vec<Country>,
    }
}

section! {
    /// Templates of messages.
    TemplateRules = "templates" {
        /// How long a review takes.
        review_delay: Duration,
        /// Templates an account may have.
        count_max: u32,
        /// The longest name.
        name_chars_max: u32,
        /// The longest header.
        header_chars_max: u32,
        /// The longest body.
        body_chars_max: u32,
        /// The longest footer.
        footer_chars_max: u32,
        /// The longest URL of a link.
        url_chars_max: u32,
        /// The longest label of a link.
        url_text_chars_max: u32,
        /// Links a template may have.
        url_buttons_max: u32,
        /// Call buttons a template may have.
        call_buttons_max: u32,
        /// Categories whose templates may ask for permission to call.
        request_categories: Vec<String>,
        /// A request for permission may stand beside buttons.
        request_with_buttons: bool,
    }
}

section! {
    /// Call hours and holidays.
    HoursRules = "hours" {
        /// What the interval of a holiday entry is.
        holiday_means: HolidayMeans,
        /// Intervals a day may have.
        windows_per_day: u32,
        /// An interval may begin when another one of its day ends.
        touching_windows: bool,
        /// What a day without an interval is.
        unlisted_days: UnlistedDays,
        /// Holidays a number may have.
        holidays_max: u32,
    }
}

section! {
    /// Pulses and what messages cost.
    PriceRules = "price" {
        /// The billing step.
        pulse: Duration,
        /// The moment by which a call is counted.
        counted_at: CallMoment,
        /// A utility template is billed in an open service window too.
        utility_in_window_billed: bool,
        /// A free-form message is billed once the free ones are used.
        messages_billed: bool,
        /// Free-form messages a number has free in a month, when they are billed.
        free_messages_per_month: u32,
    }
}

section! {
    /// When feedback and unanswered calls lead to warnings and restrictions.
    QualityRules = "quality" {
        /// How long a block or report counts.
        feedback_window: Duration,
        /// With fewer calls in that time, feedback is measured against this many.
        feedback_sample_min: u32,
        /// Blocks and reports for a hundred calls that bring a warning.
        feedback_warn_percent: u32,
        /// Blocks and reports for a hundred calls that bring a restriction.
        feedback_restrict_percent: u32,
        /// Feedback of a user without a call.
        feedback_without_call: FeedbackWithoutCall,
        /// A block that is taken back no longer counts.
        unblock_withdraws: bool,
        /// How long such a restriction lasts.
        restriction_length: Duration,
        /// Which restrictions there are.
        restriction_types: RestrictionTypes,
        /// How long a user's call counts for the pick-up rate.
        pickup_window: Duration,
        /// The fewest calls a pick-up rate is taken from.
        pickup_sample_min: u32,
        /// A lower share of answered calls, of a hundred, brings a warning.
        pickup_warn_percent: u32,
        /// A lower share, some time after the warning, hides the call button.
        pickup_hide_percent: u32,
        /// The least time between the warning and the hiding.
        pickup_grace: Duration,
    }
}

section! {
    /// Figures about calls.
    AnalyticsRules = "analytics" {
        /// The bounds of the first and last bucket, where the range asked for cuts them.
        edge_buckets: EdgeBuckets,
        /// The most buckets one request may ask for.
        buckets_max: u32,
    }
}

section! {
    /// Bounds of the calling settings.
    SettingsRules = "settings" {
        /// The port of a SIP server that names none.
        sip_port_default: u16,
        /// The longest key or value of a SIP Request-URI parameter.
        sip_parameter_chars_max: u32,
        /// The Graph code of SIP with an app that is not in live mode.
        app_not_live_code: u32,
        /// The combined restriction also stops changes of the calling settings.
        restriction_blocks_changes: bool,
        /// SIP servers an app may configure for a number.
        sip_servers_max: u32,
        /// The longest wait before voicemail.
        voicemail_timeout_max: Duration,
    }
}

section! {
    /// Voicemail.
    VoicemailRules = "voicemail" {
        /// The longest wait for the announcement to be played.
        greeting_max: Duration,
        /// The longest message.
        recording_max: Duration,
        /// What is shorter is not delivered.
        recording_min: Duration,
        /// When the terminate webhook goes out.
        terminate: TerminateAt,
    }
}

section! {
    /// Recording and transcription.
    CaptureRules = "capture" {
        /// The longest purpose.
        purpose_chars_max: u32,
        /// Languages of a recording's announcement.
        recording_languages: Vec<String>,
        /// Languages of a transcription's announcement.
        transcription_languages: Vec<String>,
        /// Those of them for which English is played.
        transcription_in_english: Vec<String>,
        /// The language played instead.
        english: String,
        /// What is said after this is not kept.
        length_max: Duration,
    }
}

section! {
    /// Media files: uploads, and what the platform makes.
    FileRules = "files" {
        /// The types a business may upload, and their largest size.
        upload_types: Vec<FileType>,
        /// The types an announcement of voicemail may have.
        announcement_types: Vec<String>,
        /// An announcement of voicemail must be shorter.
        announcement_below: Duration,
        /// The longest description.
        description_chars_max: u32,
        /// How long an upload for messages lives.
        upload_lifetime: Duration,
        /// How long a voicemail, a recording or a transcript lives.
        capture_lifetime: Duration,
        /// How long a link to a file works.
        link_lifetime: Duration,
    }
}

section! {
    /// Attempts to deliver a webhook.
    DeliveryRules = "delivery" {
        /// How long one attempt may take.
        attempt_timeout: Duration,
        /// The waits before the second attempt, the third, and so on; the last one repeats.
        retry_waits: Vec<Duration>,
        /// How long a webhook of field `calls` is tried.
        calls_expiry: Duration,
        /// How long any other webhook is tried.
        expiry: Duration,
        /// Whether deliveries wait for each other.
        order: DeliveryOrder,
    }
}
