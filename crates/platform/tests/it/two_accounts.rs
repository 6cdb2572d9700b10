//! Do the rules hold for another account as for the demo's?
//!
//! Every scenario runs twice: on the demo's kind of account, and on one of another country, currency,
//! time zone, tier and rulebook. What must differ is said by the account's rulebook and nowhere else.
//! All other tests run on a second account too, see `home`; these compare the two side by side, with
//! numbers and users of their own.

mod account;
mod calls;
mod consent;
mod limits;
mod messages;
mod settings;

use account::{Account, BRAZIL, GERMANY};

/// Runs a scenario on both accounts.
macro_rules! on_both {
    ($($scenario:path => $name:ident,)*) => { $(
        #[tokio::test]
        async fn $name() {
            for account in [&BRAZIL, &GERMANY] {
                $scenario(account).await;
            }
        }
    )* };
}

on_both! {
    consent::a_permission_lives_seven_days => a_permission_lives_seven_days,
    consent::requests_are_counted_by_day_and_week => requests_are_counted_by_day_and_week,
    consent::the_window_lives_a_day => the_window_lives_a_day,
    consent::a_call_needs_the_window_where_the_rulebook_says_so => a_call_needs_the_window_where_the_rulebook_says_so,
    consent::unanswered_calls_end_the_permission => unanswered_calls_end_the_permission,
    limits::one_call_a_pair => one_call_a_pair,
    limits::concurrent_calls_are_counted_in_the_rulebooks_scope => concurrent_calls_are_counted_in_the_rulebooks_scope,
    limits::a_changed_number_changes_the_verdict => a_changed_number_changes_the_verdict,
    limits::a_call_is_priced_in_the_accounts_currency => a_call_is_priced_in_the_accounts_currency,
    calls::a_users_call_rings_for_its_window => a_users_call_rings_for_its_window,
    calls::a_businesss_call_rings_for_its_time => a_businesss_call_rings_for_its_time,
    calls::connected_calls_are_counted_by_the_day => connected_calls_are_counted_by_the_day,
    calls::placed_calls_are_counted_by_the_day => placed_calls_are_counted_by_the_day,
    calls::a_user_who_calls_may_be_called_back => a_user_who_calls_may_be_called_back,
    calls::reports_pause_a_number_for_a_week => reports_pause_a_number_for_a_week,
    calls::a_test_number_has_its_list_and_its_limits => a_test_number_has_its_list_and_its_limits,
    messages::reads_are_counted_by_the_second => reads_are_counted_by_the_second,
    messages::messages_are_counted_by_the_second => messages_are_counted_by_the_second,
    messages::a_template_asks_outside_the_window_once_it_is_reviewed => a_template_asks_outside_the_window_once_it_is_reviewed,
    messages::a_month_begins_at_the_accounts_midnight => a_month_begins_at_the_accounts_midnight,
    settings::the_tier_decides_who_may_switch_on => the_tier_decides_who_may_switch_on,
    settings::a_blocked_country_is_blocked_in_the_rulebooks_scope => a_blocked_country_is_blocked_in_the_rulebooks_scope,
    settings::hours_are_in_the_accounts_zone => hours_are_in_the_accounts_zone,
}

/// The accounts differ in everything the scenarios touch.
#[test]
fn the_accounts_differ() {
    let differs = |of: fn(&Account) -> String| assert_ne!(of(&BRAZIL), of(&GERMANY));
    differs(|account| account.currency.to_owned());
    differs(|account| account.timezone.to_owned());
    differs(|account| account.rulebook.to_owned());
    differs(|account| account.business.to_owned());
    differs(|account| account.tier.to_string());
    differs(|account| account.rate_card.to_owned());
}
