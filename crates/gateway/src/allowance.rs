//! How many more requests does the platform take from us?
//!
//! Meta says in two headers how much of an allowance is used, in percent: `X-App-Usage` of the app's,
//! `X-Business-Use-Case-Usage` of each account's. What is left is what the fullest leaves. Pure.

use reqwest::header::HeaderMap;
use serde::Deserialize;

const APP: &str = "x-app-usage";
const ACCOUNTS: &str = "x-business-use-case-usage";

/// How much of an allowance is used, in percent; more than all of it is possible.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Usage {
    call_count: u32,
    total_time: u32,
    total_cputime: u32,
}

impl Usage {
    fn most(&self) -> u32 {
        self.call_count.max(self.total_time).max(self.total_cputime)
    }
}

/// What is left, in percent; `None` where nothing is said.
pub(crate) fn left(headers: &HeaderMap) -> Option<u8> {
    let text = |name| headers.get(name)?.to_str().ok();
    let app = text(APP).and_then(|text| serde_json::from_str::<Usage>(text).ok());
    let accounts: Option<std::collections::BTreeMap<String, Vec<Usage>>> =
        text(ACCOUNTS).and_then(|text| serde_json::from_str(text).ok());
    let accounts = accounts.into_iter().flat_map(std::collections::BTreeMap::into_values).flatten();
    let used = app.into_iter().chain(accounts).map(|usage| usage.most()).max()?;
    u8::try_from(100_u32.saturating_sub(used)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fullest_allowance_counts_and_none_is_none() {
        let said = |app: Option<&str>, accounts: Option<&str>| {
            let mut headers = HeaderMap::new();
            for (name, text) in [(APP, app), (ACCOUNTS, accounts)] {
                if let Some(text) = text {
                    headers.insert(name, text.parse().unwrap());
                }
            }
            left(&headers)
        };
        let app = r#"{"call_count": 28, "total_time": 25, "total_cputime": 25}"#;
        let accounts = r#"{"201234567890123": [{"type": "whatsapp", "call_count": 3,
            "total_cputime": 4, "total_time": 95, "estimated_time_to_regain_access": 0}]}"#;
        let accounts = accounts.replace('\n', "");
        assert_eq!(said(None, None), None);
        assert_eq!(said(Some(app), None), Some(72));
        assert_eq!(said(Some(app), Some(&accounts)), Some(5));
        assert_eq!(said(Some(r#"{"call_count": 130}"#), None), Some(0));
        assert_eq!(said(Some("nonsense"), None), None);
    }
}
