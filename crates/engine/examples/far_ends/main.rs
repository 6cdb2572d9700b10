//! Who is at the other end of every call that is compared?
//!
//! One process plays WhatsApp's relay and the agents' browsers for all calls at once: ICE, DTLS and
//! SRTP by `media::leg`, a socket for each end, and between two moments 50 packets a second from
//! each. It knows nothing of who answers, so that every relay is measured with the same packets.
//! `cargo xtask bench peers` runs it and says how the SDPs travel.
//!
//! An order is a line of JSON on standard input, its answer a line on standard output:
//!
//! | Order | Answer |
//! |---|---|
//! | `{"offer": 7, "as": "whatsapp"}`, or `"browser"` | `{"sdp": …}` |
//! | `{"take": 7, "sdp": …}`, the answer to that offer | `{}` |
//! | `{"answer": 8, "sdp": …}`, an offer to a browser | `{"sdp": …}` |
//! | `{"answer": 8, "as": "telephone", "sdp": …}`, an offer to a telephone: plain RTP, PCMU | `{"sdp": …}` |
//! | `{"wait": [7, 9], "ms": 5000}`, those from 7 up to 9 | `{"up": 2, "failed": 0, "profiles": […]}` |
//! | `{"play": [7, 9], "ms": 2000}` | `{"sent": …, "received": …, "p50_us": …, "p99_us": …, "late": …}` |
//! | `{"speak": [7, 9], "ms": 2000}`, real speech | `{"sent": …, "heard": …, "voiced": …, "late": …}` |
//! | `{"close": [7, 9]}` | `{}` |
//!
//! What goes wrong is answered with `{"error": …}`.

#![expect(clippy::print_stdout, reason = "the answers to orders")]

mod end;
mod field;
mod orders;
mod telephone;

use std::net::{IpAddr, Ipv4Addr};

use serde_json::{Value, json};

use field::Field;
use orders::Orders;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let bind = match std::env::args().nth(1) {
        Some(ip) => ip.parse()?,
        None => IpAddr::V4(Ipv4Addr::LOCALHOST),
    };
    let orders = Orders::start()?;
    let mut field = Field::new(bind, &orders)?;
    println!("{}", json!({ "ready": true }));
    loop {
        field.serve_until_order()?;
        while let Some(order) = orders.next() {
            let Some(order) = order else { return Ok(()) };
            let answer =
                obey(&mut field, &order).unwrap_or_else(|e| json!({ "error": e.to_string() }));
            println!("{answer}");
        }
    }
}

fn obey(field: &mut Field, order: &Value) -> Outcome<Value> {
    if let Some(id) = order["offer"].as_u64() {
        let lite = order["as"] == "whatsapp";
        return Ok(json!({ "sdp": field.offer(id, lite)? }));
    }
    if let Some(id) = order["answer"].as_u64() {
        let offer = text(order)?;
        let answer = match order["as"].as_str() {
            Some("telephone") => field.telephone_answers(id, offer)?,
            Some(_) | None => field.answer(id, offer)?,
        };
        return Ok(json!({ "sdp": answer }));
    }
    if let Some(id) = order["take"].as_u64() {
        field.take(id, text(order)?)?;
        return Ok(json!({}));
    }
    if let Some(ends) = range(&order["wait"]) {
        return field.wait(ends, millis(order)?);
    }
    if let Some(ends) = range(&order["play"]) {
        return field.play(ends, millis(order)?);
    }
    if let Some(ends) = range(&order["speak"]) {
        return field.speak(ends, millis(order)?);
    }
    if let Some(ends) = range(&order["close"]) {
        field.close(ends);
        return Ok(json!({}));
    }

    Err(format!("no such order: {order}").into())
}

fn text(order: &Value) -> Outcome<&str> {
    order["sdp"].as_str().ok_or_else(|| "the order has no sdp".into())
}

fn millis(order: &Value) -> Outcome<std::time::Duration> {
    let ms = order["ms"].as_u64().ok_or("the order has no ms")?;

    Ok(std::time::Duration::from_millis(ms))
}

/// The ends from the first number up to the second.
fn range(value: &Value) -> Option<std::ops::Range<u64>> {
    Some(value.get(0)?.as_u64()?..value.get(1)?.as_u64()?)
}
