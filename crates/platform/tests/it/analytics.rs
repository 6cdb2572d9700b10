//! `call_analytics`, asked as a field and as an edge, of an account in Berlin that pays in euros.

use offhook_platform::clock::Mode;
use serde_json::{Value, json};

use crate::{
    bench::{ANA, BUSINESS, Bench, refused, send},
    business::Business,
    price::{self, allowed, talk},
};

const WABA: &str = "201234567890123";

/// An account in Berlin with the newest rules.
async fn berlin() -> Bench {
    let bench = Bench::with(price::berlin("ours-2026-01-01", "0.10")).await;
    bench.clock.set_mode(Mode::Frozen);
    bench
}

async fn field(bench: &Bench, parameters: &str) -> (u16, Value) {
    let url = bench.url(&format!("/v23.0/{WABA}"));
    let fields = format!("name,call_analytics{parameters},id");
    send(bench.http.get(url).query(&[("fields", fields)]).bearer_auth("demo-token")).await
}

async fn edge(bench: &Bench, query: &[(&str, &str)]) -> (u16, Value) {
    let url = bench.url(&format!("/v23.0/{WABA}/call_analytics"));
    send(bench.http.get(url).query(query).bearer_auth("demo-token")).await
}

/// A call by Ana that the business answers and ends after this long.
async fn ana_calls(bench: &Bench, nth: usize, lasts: &str) {
    let (status, body) =
        bench.sandbox(&format!("/users/{ANA}/call"), json!({ "to": BUSINESS })).await;
    assert_eq!(status, 200, "{body}");
    let id = body["call_id"].as_str().unwrap().to_owned();
    let connect = bench.hook.wait_nth("connect", nth).await;
    let business = Business::answering(&connect);
    for action in ["pre_accept", "accept"] {
        let (status, body) = bench.answer(&id, action, &business.sdp).await;
        assert_eq!(status, 200, "{body}");
    }
    bench.clock.advance(lasts).unwrap();
    bench.action(&id, "terminate").await;
    bench.hook.wait_nth("terminate", nth).await;
}

/// The day on which summer time ends has twenty-five hours, the one on which it begins
/// twenty-three; half-hours and months lie around them without gap.
#[tokio::test]
async fn figures_follow_the_clocks_of_berlin() {
    let bench = berlin().await;
    bench.clock.set("2026-10-24T22:00:00Z".parse().unwrap());
    allowed(&bench).await;
    talk(&bench, 0, "PT70S").await;
    bench.clock.set("2026-10-25T22:59:59Z".parse().unwrap());
    talk(&bench, 1, "PT6S").await;
    talk(&bench, 2, "PT11.5S").await;
    let range = ".start(1792792800).end(1793142000)";
    let (status, body) = field(&bench, &format!("{range}.granularity(DAILY)")).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!((body["id"].as_str(), body["name"].as_str()), (Some(WABA), Some("Loja Aurora")));
    let days = &body["call_analytics"]["data_points"];
    let point = |start: i64, end: i64, cost: f64, count: u64, mean: u64| {
        json!({ "start": start, "end": end, "cost": cost, "count": count,
                "average_duration": mean })
    };
    // 2026-10-25 in Berlin: 2026-10-24T22:00Z to 2026-10-25T23:00Z.
    let want = json!([
        point(1_792_879_200, 1_792_969_200, 0.13, 2, 38),
        point(1_792_969_200, 1_793_055_600, 0.02, 1, 12),
    ]);
    assert_eq!(*days, want);
    assert_eq!(body["call_analytics"]["granularity"], "DAILY");

    let query = [("start", "1792792800"), ("end", "1793142000"), ("granularity", "HALF_HOUR")];
    let (status, body) = edge(&bench, &query).await;
    assert_eq!(status, 200, "{body}");
    let halves = body["data"][0]["data_points"].as_array().unwrap();
    let starts: Vec<_> = halves.iter().map(|it| it["start"].as_i64().unwrap()).collect();
    assert_eq!(starts, [1_792_879_200, 1_792_967_400, 1_792_969_200]);
    let (_, body) = field(&bench, &format!("{range}.granularity(MONTHLY)")).await;
    let month = &body["call_analytics"]["data_points"][0];
    assert_eq!((month["start"].as_i64(), month["count"].as_i64()), (Some(1_790_805_600), Some(3)));
    assert_eq!(month["end"].as_i64().unwrap() - 1_790_805_600, (31 * 24 + 1) * 3_600);
    let path =
        format!("/accounts/{WABA}/analytics?start=1792792800&end=1793142000&granularity=MONTHLY");
    let (_, open) = bench.sandbox_get(&path).await;
    assert_eq!(open["data"][0]["data_points"][0], *month, "the same without a token");
}

/// The day on which summer time begins has twenty-three hours.
#[tokio::test]
async fn the_short_day_of_spring_is_one_bucket() {
    const DAY: (i64, i64) = (1_806_188_400, 1_806_271_200);
    let bench = berlin().await;
    bench.clock.set("2027-03-27T22:59:00Z".parse().unwrap());
    allowed(&bench).await;
    talk(&bench, 0, "PT6S").await;
    bench.clock.set("2027-03-27T23:00:00Z".parse().unwrap());
    talk(&bench, 1, "PT60S").await;
    bench.clock.set("2027-03-28T21:59:00Z".parse().unwrap());
    talk(&bench, 2, "PT6S").await;
    bench.clock.set("2027-03-28T22:00:00Z".parse().unwrap());
    talk(&bench, 3, "PT6S").await;
    let (start, end) = ((DAY.0 - 1).to_string(), (DAY.1 + 3_600).to_string());
    let query = [("start", &*start), ("end", &*end), ("granularity", "DAILY")];
    let (status, body) = edge(&bench, &query).await;
    assert_eq!(status, 200, "{body}");
    let days = body["data"][0]["data_points"].as_array().unwrap();
    let counts: Vec<_> = days
        .iter()
        .map(|it| (it["start"].as_i64().unwrap(), it["end"].as_i64().unwrap(), it["count"].clone()))
        .collect();
    // The range takes in the short day whole, and the first hour of the next.
    assert_eq!(counts[0], (DAY.0, DAY.1, json!(2)));
    assert_eq!((DAY.1 - DAY.0, counts[1].0, &counts[1].2), (23 * 3_600, DAY.1, &json!(1)));
    assert_eq!(counts.len(), 2);
}

/// The edge knows what the field knows.
#[tokio::test]
async fn the_edge_filters_splits_and_measures() {
    let bench = berlin().await;
    bench.clock.set("2026-11-02T12:00:00Z".parse().unwrap());
    allowed(&bench).await;
    talk(&bench, 0, "PT60S").await;
    ana_calls(&bench, 1, "PT30S").await;
    let asked = async |more: &[(&str, &str)]| {
        let fixed = [("start", "1793500000"), ("end", "1793700000"), ("granularity", "DAILY")];
        let (status, body) = edge(&bench, &[&fixed, more].concat()).await;
        assert_eq!(status, 200, "{body}");
        body["data"][0]["data_points"].clone()
    };
    let split = [("dimensions", "[\"direction\",\"country\"]"), ("metric_types", "[\"COST\"]")];
    let point = |direction: &str, cost: f64| {
        json!({ "start": 1_793_574_000, "end": 1_793_660_400, "country": "MX",
                "direction": direction, "cost": cost })
    };
    let want = json!([point("USER_INITIATED", 0.0), point("BUSINESS_INITIATED", 0.1)]);
    assert_eq!(asked(&split).await, want);
    let filtered = [
        ("directions", "[\"BUSINESS_INITIATED\"]"),
        ("country_codes", "[\"MX\"]"),
        ("phone_numbers", "[\"551140000000\"]"),
        ("metric_types", "[\"COUNT\",\"AVERAGE_DURATION\"]"),
    ];
    let one = json!([{ "start": 1_793_574_000, "end": 1_793_660_400, "count": 1,
                       "average_duration": 60 }]);
    assert_eq!(asked(&filtered).await, one);
    assert_eq!(asked(&[("country_codes", "[\"BR\"]")]).await, json!([]));
}

/// Calls that were priced in another currency have no cost in this one.
#[tokio::test]
async fn different_currencies_are_not_added_up() {
    let bench = berlin().await;
    bench.clock.set("2026-11-02T12:00:00Z".parse().unwrap());
    allowed(&bench).await;
    talk(&bench, 0, "PT60S").await;
    let cost = async || {
        let asked = ".start(1793500000).end(1793700000).granularity(DAILY)";
        let point = field(&bench, asked).await.1["call_analytics"]["data_points"][0].clone();
        (point["count"].clone(), point["cost"].clone())
    };
    assert_eq!(cost().await, (json!(1), json!(0.1)));
    let account = bench.put(&format!("/sandbox/v1/accounts/{WABA}"));
    assert_eq!(send(account.json(&json!({ "currency": "USD" }))).await.0, 200);
    assert_eq!(cost().await, (json!(1), Value::Null));
}

#[tokio::test]
async fn every_filter_and_dimension() {
    let bench = berlin().await;
    bench.clock.set("2026-11-02T12:00:00Z".parse().unwrap());
    allowed(&bench).await;
    talk(&bench, 0, "PT60S").await;
    ana_calls(&bench, 1, "PT60S").await;
    let asked = ".start(1793500000).end(1793700000).granularity(DAILY)";
    let points = async |more: &str| {
        let (status, body) = field(&bench, &format!("{asked}{more}")).await;
        assert_eq!(status, 200, "{body}");
        body["call_analytics"].clone()
    };
    let both = points(".dimensions([\"DIRECTION\",\"country\",\"phone\"])").await;
    let day = json!({ "start": 1_793_574_000, "end": 1_793_660_400, "country": "MX",
                      "phone_number": BUSINESS, "count": 1, "average_duration": 60 });
    let mut want = vec![day.clone(), day];
    (want[0]["direction"], want[0]["cost"]) = (json!("USER_INITIATED"), json!(0.0));
    (want[1]["direction"], want[1]["cost"]) = (json!("BUSINESS_INITIATED"), json!(0.1));
    assert_eq!(both["data_points"], json!(want));
    let users = points(".directions(USER_INITIATED).metric_types([\"COUNT\"])").await;
    assert_eq!(users["directions"], json!(["USER_INITIATED"]));
    let bare = json!([{ "start": 1_793_574_000, "end": 1_793_660_400, "count": 1 }]);
    assert_eq!(users["data_points"], bare);
    assert_eq!(points(".country_codes([\"BR\"])").await["data_points"], json!([]));
    let other = points(".phone_numbers([\"4930000000\"])").await;
    assert_eq!(other["data_points"], json!([]));
    let own = points(&format!(".phone_numbers([\"+{BUSINESS}\"])")).await;
    assert_eq!(own["data_points"][0]["count"], 2);
}

#[tokio::test]
async fn a_wrong_question_names_the_parameter() {
    let bench = Bench::start().await;
    let table = [
        (".start(1).end(2)", "call_analytics.granularity is required"),
        (".start(2).end(1).granularity(DAILY)", "call_analytics.end: must lie after start"),
        (
            ".start(1).end(2).granularity(DAILY).dimensions([\"city\"])",
            "call_analytics.dimensions is not valid: expected phone, direction or country, found \
             \"city\"",
        ),
        (".start(1", "fields is not valid: expected a closing parenthesis at character 31"),
    ];
    for (parameters, why) in table {
        let answer = field(&bench, parameters).await;
        assert_eq!(refused(&answer), (400, 100), "{parameters}");
        assert_eq!(answer.1["error"]["error_data"]["details"], why);
    }
    assert_eq!(refused(&edge(&bench, &[("start", "1")]).await), (400, 100));
    let stranger = bench.get(&format!("/v23.0/{WABA}")).bearer_auth("nobody");
    assert_eq!(refused(&send(stranger).await), (401, 190));
}
