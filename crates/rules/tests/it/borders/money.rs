//! Rules of the price of messages, of months, of analytics.

use offhook_rules::{
    analytics::{Call, Dimensions, Granularity, Query, Tally},
    hours,
    price::{Category, Charge, charge},
    rulebook::Rulebook,
    usage::counted_at,
};
use terms::{Direction, Timestamp};

use super::{Case, around};
use crate::facts::{at, s};

pub(super) const CASES: &[Case] = &[
    Case { rule: "price.messages_billed", other: ["true", "false"], verdict: service },
    Case { rule: "price.free_messages_per_month", other: ["999", "1001"], verdict: free },
    Case { rule: "price.utility_in_window_billed", other: ["true", "false"], verdict: utility },
    Case { rule: "price.counted_at", other: ["answer", "end"], verdict: moment },
    Case { rule: "analytics.edge_buckets", other: ["whole", "clipped"], verdict: edges },
    Case { rule: "analytics.buckets_max", other: ["19999", "20001"], verdict: buckets },
];

fn charged(category: Category, open: bool, used: i64, book: &Rulebook) -> &'static str {
    match charge(category, open, u32::try_from(used).unwrap(), book) {
        Charge::Free => "free",
        Charge::FreeOfMonth => "free of month",
        Charge::FreeInWindow => "free in window",
        Charge::Billed => "billed",
    }
}

fn service(book: &Rulebook) -> String {
    let used = i64::from(book.price.free_messages_per_month.value);
    charged(Category::Service, true, used, book).to_owned()
}

fn free(book: &Rulebook) -> String {
    let book = book.with(&[("price.messages_billed", "true")]).unwrap();
    around(1_000, |used| charged(Category::Service, true, used, &book))
}

fn utility(book: &Rulebook) -> String {
    [true, false].map(|open| charged(Category::Utility, open, 0, book)).join(" | outside ")
}

fn moment(book: &Rulebook) -> String {
    counted_at(Some(at(0)), at(60), book).since(at(0)).as_secs().to_string()
}

fn query(start: Timestamp, end: Timestamp) -> Query {
    Query {
        start,
        end,
        granularity: Granularity::HalfHour,
        phones: Vec::new(),
        countries: Vec::new(),
        directions: Vec::new(),
        dimensions: Dimensions::default(),
    }
}

fn edges(book: &Rulebook) -> String {
    let (query, zone) = (query(at(60), at(120)), hours::zone("Etc/UTC").unwrap());
    let mut tally = Tally::new(&query, &zone, book).unwrap();
    tally.add(&Call {
        at: at(60),
        phone: "551140000000".parse().unwrap(),
        direction: Direction::UserInitiated,
        country: None,
        connected: s(1),
        cost: None,
    });
    let bucket = tally.finish()[0].bucket;
    format!("{} to {} s", bucket.start.unix() - at(0).unix(), bucket.end.unix() - at(0).unix())
}

fn buckets(book: &Rulebook) -> String {
    let zone = hours::zone("Etc/UTC").unwrap();
    around(20_000, |count| {
        let query = query(at(0), at(count * 1_800));
        if Tally::new(&query, &zone, book).is_ok() { "ok" } else { "too many" }
    })
}
