//! What does the platform's word about our number mean for calls?
//!
//! Pure: answers come in, findings go out. The facts are of the Calling API's checklist: the token's
//! scopes, the app's subscription, the number's settings and its health.

use terms::{PhoneNumberId, Timestamp, WaId};
use wire::graph::{
    health::{Availability, Entity, EntityType, HealthStatus, Number},
    settings::{Calling, IconVisibility, KeyExchange, Switch},
    subscription::{AppSubscriptions, SubscribedApps},
    token::TokenFacts,
};

use super::{by_sip, finding::Finding};
use crate::config::LineSip;

/// What calls and messages need of a token, and what settings do.
const NEEDED: &str = "whatsapp_business_messaging";
const FOR_SETTINGS: &str = "whatsapp_business_management";
/// A token that ends sooner than this is worth a word.
const SOON_S: i64 = 7 * 86_400;
/// What webhooks are about.
const OBJECT: &str = "whatsapp_business_account";
/// Webhook fields without which calls or permissions are not heard of.
const FIELDS: [&str; 2] = ["calls", "messages"];
/// `Date` has whole seconds and travels a while; from here on a clock is wrong.
const SKEW_MS: i64 = 5_000;

/// May the token do what calls need?
pub(super) fn token(facts: &TokenFacts, now: Timestamp) -> Finding {
    let check = "upstream.token";
    let renew = "Make a new system user token with both scopes and put it where the configuration \
                 names it.";
    let seen = format!("scopes: {}", facts.scopes.join(", "));
    let has = |scope: &str| facts.scopes.iter().any(|known| known == scope);
    let left = facts.expires_at - now.unix();
    if !facts.is_valid {
        return Finding::fault(
            check,
            "token_refused",
            "The platform does not accept the access token.",
            renew,
        );
    }
    let judged = if !has(NEEDED) {
        let what = format!("The access token lacks {NEEDED}: no call works.");
        Finding::fault(check, "token_lacks_messaging", what, renew)
    } else if facts.expires_at != 0 && left < SOON_S {
        let days = left.max(0) / 86_400;
        let what = format!("The access token ends in {days} days.");
        Finding::warning(check, "token_ends_soon", what, renew).with("days", days)
    } else if !has(FOR_SETTINGS) {
        let what = format!("The access token lacks {FOR_SETTINGS}: settings cannot be read.");
        Finding::warning(check, "token_lacks_management", what, renew)
    } else {
        Finding::ok(check, "token_fit", "The access token is valid and has the scopes calls need.")
    };
    judged.seen(seen)
}

/// Is it the number we think, and is it healthy?
pub(super) fn number(number: &Number, digits: &WaId) -> Vec<Finding> {
    let mut found = vec![identity(number, digits)];
    found.extend(number.health_status.as_ref().map(health));
    found
}

fn identity(number: &Number, digits: &WaId) -> Finding {
    let check = "upstream.number";
    let shown = number.display_phone_number.as_deref().unwrap_or_default();
    let theirs: String = shown.chars().filter(char::is_ascii_digit).collect();
    if theirs.is_empty() || theirs == digits.as_str() {
        return Finding::ok(check, "number_known", "The platform knows the number.");
    }
    let fix = "Set [number] digits to the number that has this phone_number_id.";
    Finding::warning(
        check,
        "number_other_digits",
        "The platform knows this phone_number_id with other digits.",
        fix,
    )
}

fn health(status: &HealthStatus) -> Finding {
    let check = "upstream.health";
    let bad = |entity: &&Entity| entity.can_send_message != Availability::Available;
    let lines: Vec<String> = status.entities.iter().filter(bad).map(entity_line).collect();
    let fix = "Do what the platform proposes in the Business Manager; see `possible_solution`.";
    match (&status.can_send_message, lines.is_empty()) {
        (Availability::Available, true) => {
            Finding::ok(check, "number_healthy", "The number is healthy.")
        }
        (Availability::Blocked, _) => {
            Finding::fault(check, "number_blocked", "The platform blocks the number.", fix)
                .seen(lines.join("; "))
        }
        (Availability::Available | Availability::Limited | Availability::Unknown(_), _) => {
            Finding::warning(check, "number_limited", "The platform limits the number.", fix)
                .seen(lines.join("; "))
        }
    }
}

fn entity_line(entity: &Entity) -> String {
    let errors = entity.errors.iter().map(|error| {
        let (code, what) = (error.error_code, &error.error_description);
        format!("{code} {what}: {}", error.possible_solution)
    });
    let errors: Vec<String> = errors.collect();
    format!(
        "{} {} ({})",
        entity.entity_type.as_str(),
        entity.can_send_message.as_str(),
        errors.join(", ")
    )
}

/// The account and the app that health names: what the subscriptions are asked of.
pub(super) fn owners(number: &Number) -> (Option<String>, Option<String>) {
    let entities = number.health_status.as_ref().map_or(&[][..], |status| &status.entities);
    let id = |kind: &EntityType| {
        entities.iter().find(|entity| entity.entity_type == *kind).map(|entity| entity.id.clone())
    };
    (id(&EntityType::Waba), id(&EntityType::App))
}

/// Are calls switched on as this gateway needs them?
pub(super) fn settings(
    calling: &Calling,
    id: &PhoneNumberId,
    by_sip: Option<&LineSip>,
) -> Vec<Finding> {
    let set = |what: &str| format!("POST /{id}/settings {what}");
    let mut found = vec![if calling.status == Some(Switch::Enabled) {
        Finding::ok("calling.status", "calling_on", "Calling is enabled.")
    } else {
        let fix = set("{\"calling\":{\"status\":\"ENABLED\"}}");
        Finding::fault(
            "calling.status",
            "calling_off",
            "Calling is not enabled for the number.",
            &fix,
        )
    }];
    match by_sip {
        Some(ours) => found.extend(by_sip::settings(calling, id, ours)),
        None => found.extend(by_graph(calling, set)),
    }
    found.push(hours(calling));
    found.push(if calling.callback_permission_status == Some(Switch::Enabled) {
        Finding::ok(
            "calling.callback",
            "callback_asks",
            "A user's call asks for permission to call back.",
        )
    } else {
        let fix = set("{\"calling\":{\"callback_permission_status\":\"ENABLED\"}}");
        let what = "A user's call does not ask for permission to call back.";
        Finding::warning("calling.callback", "callback_does_not_ask", what, &fix)
    });
    if calling.call_icon_visibility == Some(IconVisibility::DisableAll) {
        let fix = set("{\"calling\":{\"call_icon_visibility\":\"DEFAULT\"}}");
        let what = "Users see no call icon: they can call by links and buttons alone.";
        found.push(Finding::warning("calling.icon", "icon_hidden", what, &fix));
    }
    if calling.restrictions.as_ref().is_some_and(|held| !held.restrictions_list.is_empty()) {
        let fix = "Wait until the restriction ends; call only who expects it.";
        let what = "The platform restricts calling for this number.";
        found.push(Finding::warning("calling.restrictions", "calling_restricted", what, fix));
    }
    found
}

fn by_graph(calling: &Calling, set: impl Fn(&str) -> String) -> Vec<Finding> {
    let mut found = vec![sip(calling, &set("{\"calling\":{\"sip\":{\"status\":\"DISABLED\"}}}"))];
    if calling.srtp_key_exchange_protocol == Some(KeyExchange::Sdes) {
        let fix = set("{\"calling\":{\"srtp_key_exchange_protocol\":\"DTLS\"}}");
        let what = "The number wants keys in the SDP; this gateway agrees them by DTLS.";
        found.push(Finding::fault("calling.keys", "keys_in_sdp", what, &fix));
    }
    found
}

fn sip(calling: &Calling, fix: &str) -> Finding {
    let on = calling.sip.as_ref().is_some_and(|sip| sip.status == Some(Switch::Enabled));
    if on {
        let what = "The number is set to SIP: the platform takes no calls by Graph (131055).";
        return Finding::fault("calling.sip", "sip_on", what, fix);
    }
    Finding::ok("calling.sip", "sip_off", "SIP is off, calls come by webhook.")
}

fn hours(calling: &Calling) -> Finding {
    let check = "calling.hours";
    let hours = calling.call_hours.as_ref().filter(|hours| hours.status == Switch::Enabled);
    match hours {
        None => Finding::ok(check, "hours_none", "Users may call at every hour."),
        Some(hours) if hours.weekly_operating_hours.is_empty() => {
            let fix = "Add weekly_operating_hours, or switch call_hours off.";
            Finding::fault(check, "hours_never", "Call hours are on and no day is open.", fix)
        }
        Some(hours) => {
            let days = hours.weekly_operating_hours.len();
            let zone = &hours.timezone_id;
            let what = format!("Users may call in {days} openings a week ({zone}).");
            Finding::ok(check, "hours_some", what).with("openings", days).with("zone", zone)
        }
    }
}

/// Does the account send its webhooks to the app?
pub(super) fn subscribed(apps: &SubscribedApps, app: &str) -> Finding {
    let check = "webhooks.account";
    if apps.data.iter().any(|each| each.whatsapp_business_api_data.id == app) {
        return Finding::ok(
            check,
            "account_subscribed",
            "The account sends its webhooks to the app.",
        );
    }
    let fix = "POST /{WABA_ID}/subscribed_apps with the app's token.";
    Finding::fault(
        check,
        "account_not_subscribed",
        "The account does not send webhooks to the app: no call is heard.",
        fix,
    )
}

/// Does the app subscribe to what calls need?
pub(super) fn fields(subscriptions: &AppSubscriptions) -> Finding {
    let check = "webhooks.fields";
    let ours = subscriptions.data.iter().find(|each| each.object == OBJECT);
    let fix = "POST /{APP_ID}/subscriptions with object=whatsapp_business_account, \
               fields=calls,messages, the gateway's https URL + /webhooks/whatsapp as callback_url \
               and the verify token.";
    let Some(ours) = ours else {
        return Finding::fault(
            check,
            "fields_none",
            "The app subscribes to no webhook field.",
            fix,
        );
    };
    let has = |field: &&str| ours.fields.iter().any(|known| known.name == **field);
    let missing: Vec<&str> = FIELDS.iter().filter(|field| !has(field)).copied().collect();
    if !missing.is_empty() {
        let what = format!("The app does not subscribe to {}.", missing.join(" and "));
        let finding = Finding::fault(check, "fields_missing", what, fix);
        return finding.with("fields", missing.join(", "));
    }
    if !ours.active || ours.callback_url.is_none() {
        return Finding::fault(check, "fields_no_url", "The app has no active callback URL.", fix);
    }
    Finding::ok(check, "fields_subscribed", "The app subscribes to calls and messages.")
}

/// Does 360dialog send the number's webhooks somewhere?
pub(super) fn channel_webhook(url: Option<&str>) -> Finding {
    let check = "webhooks.callback";
    if url.is_some_and(|url| !url.is_empty()) {
        let what = "360dialog sends the number's webhooks to a URL.";
        return Finding::ok(check, "dialog_webhook_set", what);
    }
    let fix = "POST /v1/configs/webhook {\"url\": the gateway's https URL + /webhooks/whatsapp}.";
    let what = "360dialog sends no webhooks: no call is heard.";
    Finding::fault(check, "dialog_webhook_missing", what, fix)
}

/// Where the app's webhooks go.
pub(super) fn callback_url(subscriptions: &AppSubscriptions) -> Option<String> {
    let mut all = subscriptions.data.iter();
    all.find(|each| each.object == OBJECT)?.callback_url.clone()
}

/// Do the two clocks agree? `ahead_ms` is how far the platform's is ahead.
pub(super) fn clock(ahead_ms: i64) -> Finding {
    let check = "clock.skew";
    if ahead_ms.abs() < SKEW_MS {
        return Finding::ok(check, "clock_agrees", "The clock agrees with the platform's.");
    }
    let fix = "Run NTP on this machine. A sandbox whose clock was moved is fine as it is.";
    let what = "The clock differs from the platform's: connects may seem stale, consent expired.";
    Finding::warning(check, "clock_differs", what, fix).seen(format!("{:+} s", ahead_ms / 1_000))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::finding::Grade;
    use super::*;

    fn grade_of<T: serde::de::DeserializeOwned>(
        judge: impl Fn(&T) -> Finding,
        from: Value,
    ) -> Grade {
        judge(&serde_json::from_value(from).unwrap()).grade
    }

    #[test]
    fn a_token_is_judged_by_validity_scopes_and_end() {
        let now = Timestamp::from_unix(1_783_000_000);
        let judge = |facts: &TokenFacts| token(facts, now);
        let both = ["whatsapp_business_messaging", "whatsapp_business_management"];
        let facts = |valid: bool, ends: i64, scopes: &[&str]| json!({"is_valid": valid, "expires_at": ends, "scopes": scopes});
        assert_eq!(grade_of(judge, facts(true, 0, &both)), Grade::Ok);
        assert_eq!(grade_of(judge, facts(true, 1_783_000_000 + 8 * 86_400, &both)), Grade::Ok);
        assert_eq!(grade_of(judge, facts(true, 1_783_000_000 + 86_400, &both)), Grade::Warning);
        assert_eq!(grade_of(judge, facts(true, 0, &both[..1])), Grade::Warning);
        assert_eq!(grade_of(judge, facts(true, 0, &both[1..])), Grade::Fault);
        assert_eq!(grade_of(judge, facts(false, 0, &both)), Grade::Fault);
        assert_eq!(
            grade_of(judge, json!({"is_valid": false, "error": {"code": 190}})),
            Grade::Fault
        );
    }

    #[test]
    fn a_numbers_settings_are_judged_one_by_one() {
        let id: PhoneNumberId = "109876543210987".parse().unwrap();
        let grades = |from: Value| -> Vec<(&'static str, Grade)> {
            let found = settings(&serde_json::from_value(from).unwrap(), &id, None);
            found.iter().map(|each| (each.check, each.grade)).collect()
        };
        let good = json!({"status": "ENABLED", "callback_permission_status": "ENABLED",
            "sip": {"status": "DISABLED"}});
        assert!(grades(good.clone()).iter().all(|(_, grade)| *grade == Grade::Ok));
        for (path, value, check, grade) in [
            ("status", json!("DISABLED"), "calling.status", Grade::Fault),
            ("sip", json!({"status": "ENABLED"}), "calling.sip", Grade::Fault),
            ("srtp_key_exchange_protocol", json!("SDES"), "calling.keys", Grade::Fault),
            ("callback_permission_status", json!("NOT_SET"), "calling.callback", Grade::Warning),
            ("call_icon_visibility", json!("DISABLE_ALL"), "calling.icon", Grade::Warning),
            ("call_hours", json!({"status": "ENABLED"}), "calling.hours", Grade::Fault),
            (
                "restrictions",
                json!({"restrictions_list": [{"type": "RESTRICTED"}]}),
                "calling.restrictions",
                Grade::Warning,
            ),
        ] {
            let mut bad = good.clone();
            bad[path] = value;
            assert!(grades(bad).contains(&(check, grade)), "{path}");
        }
    }

    #[test]
    fn health_names_who_is_blocked_and_why() {
        let number: Number = serde_json::from_value(json!({
            "id": "109876543210987", "display_phone_number": "+55 11 4000-0000",
            "health_status": {"can_send_message": "BLOCKED", "entities": [
                {"entity_type": "WABA", "id": "201", "can_send_message": "BLOCKED", "errors": [
                    {"error_code": 141006, "error_description": "No payment method",
                     "possible_solution": "Add one"}]},
                {"entity_type": "APP", "id": "401", "can_send_message": "AVAILABLE"}]}}))
        .unwrap();
        let found = super::number(&number, &"551140000000".parse().unwrap());
        let grades: Vec<_> = found.iter().map(|each| each.grade).collect();
        assert_eq!(grades, [Grade::Ok, Grade::Fault]);
        let seen = found[1].evidence.as_ref().unwrap();
        assert!(seen.contains("141006") && seen.contains("Add one") && !seen.contains("APP"));
        assert_eq!(owners(&number), (Some("201".into()), Some("401".into())));
        let other = super::number(&number, &"551140000001".parse().unwrap());
        assert_eq!(other[0].grade, Grade::Warning);
    }

    #[test]
    fn subscriptions_need_the_app_both_fields_and_a_url() {
        let apps = json!({"data": [{"whatsapp_business_api_data": {"id": "401"}}]});
        assert_eq!(grade_of(|apps| subscribed(apps, "401"), apps.clone()), Grade::Ok);
        assert_eq!(grade_of(|apps| subscribed(apps, "402"), apps), Grade::Fault);
        let app = |url: Option<&str>, fields: &[&str]| {
            let fields: Vec<_> = fields.iter().map(|name| json!({"name": name})).collect();
            json!({"data": [{"object": OBJECT, "active": true, "callback_url": url,
                "fields": fields}]})
        };
        let url = Some("https://desk.example/webhooks/whatsapp");
        assert_eq!(grade_of(fields, app(url, &["calls", "messages"])), Grade::Ok);
        assert_eq!(grade_of(fields, app(url, &["messages"])), Grade::Fault);
        assert_eq!(grade_of(fields, app(None, &["calls", "messages"])), Grade::Fault);
        assert_eq!(grade_of(fields, json!({"data": []})), Grade::Fault);
    }

    #[test]
    fn a_clock_may_differ_by_seconds() {
        assert_eq!(clock(4_000).grade, Grade::Ok);
        assert_eq!(clock(-9_000).grade, Grade::Warning);
    }
}
