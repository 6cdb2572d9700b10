//! Did the business hear of a call that it did not answer?

use wire::sandbox::{GraphFaults, WebhookFault};

use super::Code;
use crate::{
    calls::record::Finding,
    store::{DeliveryState, WebhookRow},
};

/// Why nobody could answer; none if the `connect` webhook came as it should.
pub(crate) fn of_connect(rows: &[WebhookRow], graph: GraphFaults) -> Option<Finding> {
    let connects: Vec<_> = rows.iter().filter(|row| is_connect(row)).collect();
    let genuine = connects.iter().any(|row| {
        row.state == DeliveryState::Delivered
            && !row.faults.iter().any(|done| done.fault == WebhookFault::BadSignature)
    });
    if let Some(status) = graph.status {
        return Some(fault(&format!("every request for this call answered with {status}")));
    }
    if genuine {
        return None;
    }
    let Some(row) = connects.iter().max_by_key(|row| row.attempts.len()) else {
        return Some(Code::NotDelivered.found(
            "No app of the account is subscribed to the field calls, so no connect webhook was made."
                .to_owned(),
        ));
    };
    Some(of_fault(row).unwrap_or_else(|| of_attempts(row)))
}

fn is_connect(row: &WebhookRow) -> bool {
    row.field == "calls" && row.body.contains("\"event\":\"connect\"")
}

/// What a test did to it.
fn of_fault(row: &WebhookRow) -> Option<Finding> {
    let done = row.faults.iter().find_map(|done| match done.fault {
        WebhookFault::Drop => Some("the connect webhook dropped"),
        WebhookFault::BadSignature => Some("the connect webhook signed wrongly"),
        WebhookFault::Delay if row.attempts.is_empty() => Some("the connect webhook delayed"),
        WebhookFault::Delay | WebhookFault::Duplicate | WebhookFault::Reorder => None,
    })?;
    Some(fault(done))
}

fn fault(done: &str) -> Finding {
    Code::Fault.found(format!("A test asked for: {done}."))
}

fn of_attempts(row: &WebhookRow) -> Finding {
    let to = row.url.as_deref().unwrap_or("the callback URL");
    let text = match (row.state, row.attempts.last()) {
        (DeliveryState::Journalled, _) => {
            "The app has no callback URL: the connect webhook stands in the journal only."
                .to_owned()
        }
        (_, None) => format!("The connect webhook has not been sent to {to} yet."),
        (_, Some(last)) => match &last.error {
            Some(error) => format!("The connect webhook did not reach {to}: {error}."),
            None => {
                format!("{to} answered the connect webhook with {}, not with 200.", last.status)
            }
        },
    };
    Code::NotDelivered.found(text)
}

#[cfg(test)]
mod tests {
    use terms::Timestamp;
    use wire::sandbox::{FaultDone, FaultScope};

    use super::*;
    use crate::store::Attempt;

    fn row(state: DeliveryState, attempts: Vec<Attempt>) -> WebhookRow {
        let at = Timestamp::from_unix(100);
        WebhookRow {
            id: "wh_1".into(),
            target: "t".into(),
            field: "calls".into(),
            call_id: Some("wacid.1".into()),
            url: Some("http://127.0.0.1:9/hook".into()),
            body: r#"{"calls":[{"event":"connect"}]}"#.into(),
            signature: String::new(),
            made_at: at,
            due_at: at,
            state,
            attempts,
            faults: Vec::new(),
            synthetic: false,
        }
    }

    fn attempt(status: u16, error: Option<&str>) -> Attempt {
        Attempt { at: Timestamp::from_unix(100), status, error: error.map(str::to_owned) }
    }

    fn said(rows: &[WebhookRow]) -> (String, String) {
        let found = of_connect(rows, GraphFaults::default()).unwrap();
        (found.code, found.text)
    }

    #[test]
    fn a_connect_that_came_is_nothing_to_tell() {
        let rows = [
            row(DeliveryState::Delivered, vec![attempt(200, None)]),
            row(DeliveryState::Pending, vec![attempt(500, None)]),
        ];
        assert_eq!(of_connect(&rows, GraphFaults::default()), None);
    }

    #[test]
    fn each_way_not_to_arrive_has_its_words() {
        for (rows, code, words) in [
            (vec![], "connect_not_delivered", "subscribed"),
            (
                vec![row(DeliveryState::Journalled, vec![])],
                "connect_not_delivered",
                "no callback URL",
            ),
            (
                vec![row(DeliveryState::Pending, vec![attempt(500, None)])],
                "connect_not_delivered",
                "with 500",
            ),
            (
                vec![row(DeliveryState::Pending, vec![attempt(0, Some("cannot connect"))])],
                "connect_not_delivered",
                "9/hook: cannot connect",
            ),
            (vec![row(DeliveryState::Pending, vec![])], "connect_not_delivered", "not been sent"),
        ] {
            let (found, text) = said(&rows);
            assert!(found == code && text.contains(words), "{found}: {text}");
        }
    }

    #[test]
    fn what_a_test_did_is_named_first() {
        let spoiled = |fault, state, attempts| {
            let scope = FaultScope::Global;
            let faults = vec![FaultDone { fault, scope, delay_ms: None, of: None }];
            [WebhookRow { faults, ..row(state, attempts) }]
        };
        for (rows, words) in [
            (spoiled(WebhookFault::Drop, DeliveryState::Dropped, vec![]), "dropped"),
            (
                spoiled(
                    WebhookFault::BadSignature,
                    DeliveryState::Delivered,
                    vec![attempt(200, None)],
                ),
                "signed wrongly",
            ),
            (spoiled(WebhookFault::Delay, DeliveryState::Pending, vec![]), "delayed"),
        ] {
            let (code, text) = said(&rows);
            assert!(code == "fault_injected" && text.contains(words), "{code}: {text}");
        }
        let graph = GraphFaults { status: Some(503), latency_ms: 0 };
        let rows = [row(DeliveryState::Delivered, vec![attempt(200, None)])];
        assert!(of_connect(&rows, graph).unwrap().text.contains("503"));
    }
}
