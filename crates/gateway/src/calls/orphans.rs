//! Who ends a call whose gateway died?
//!
//! Whoever finds it: at start, every call that was running gets its record and is terminated
//! upstream, again and again while the platform does not answer. A call we placed whose id we never
//! learnt is recognised by the opaque data in its first webhook.

use std::{sync::Arc, time::Duration};

use switchboard::call::{EndReason, Outcome};
use terms::CallId;

use crate::{
    calls::registry::Figures,
    cdr::Cdr,
    clock,
    line::Line,
    office::Office,
    outbox::news,
    store::{LineSet, LiveCall, StoreError},
};

/// How often a dead platform is asked, and how long between: two minutes in all. By then it has
/// ended the call itself, for no media reaches it.
const TRIES: u32 = 24;
const AGAIN_AFTER: Duration = Duration::from_secs(5);

/// Ends every call that was running when the last gateway stopped.
///
/// # Errors
///
/// The store failed.
pub(crate) async fn end_left_behind(office: &Arc<Office>) -> Result<usize, StoreError> {
    let calls = office.store.live_calls().await?;
    let count = calls.len();
    for call in calls {
        match office.lines.get(&call.phone_number_id) {
            Some(line) => end(office, line, call).await?,
            // Without its keys nobody here can end it. It stays, for whoever has them again.
            None => tracing::warn!(call = %call.call_id.loggable(), "a call's line is gone"),
        }
    }
    Ok(count)
}

/// Records a call nobody owns and ends it upstream.
///
/// # Errors
///
/// The store failed.
pub(crate) async fn end(
    office: &Arc<Office>,
    line: &Arc<Line>,
    call: LiveCall,
) -> Result<(), StoreError> {
    let reason = EndReason::GatewayDied;
    let call_id = call.call_id.clone();
    let (number, contact) = (line.id().clone(), call.contact.clone());
    let (direction, start, now) = (call.direction, call.started_at, clock::now());
    let mut cdr = Cdr::new(number, call_id.clone(), direction, contact, start, now, &reason);
    cdr.organisation_id = Some(line.organisation.id.clone());
    cdr.signalling = line.signalling();
    cdr.answered_at = call.answered_at;
    cdr.deeplink_payload.clone_from(&call.deeplink_payload);
    cdr.cta_payload.clone_from(&call.cta_payload);
    office.store.save_live(call).await?;
    // The platform's figures are yet to come.
    cdr.unconfirmed = true;
    let digits = line.digits().to_owned();
    let end = move |cdr: &Cdr| news::of_end(cdr, &digits);
    office.store.save_cdr(cdr, line.tariff(), end).await?;
    tracing::warn!(call = %call_id.loggable(), "ending a call that a dead gateway left behind");
    tokio::spawn(terminate(Arc::clone(office), Arc::clone(line), call_id));
    Ok(())
}

async fn terminate(office: Arc<Office>, line: Arc<Line>, call_id: CallId) {
    // A call by SIP that no gateway holds cannot be spoken to: without audio the platform ends it.
    let tries = if line.sip.is_some() { 0 } else { TRIES };
    for _ in 0..tries {
        match line.graph.terminate(call_id.clone()).await {
            // A refusal means that the platform has no such running call.
            Outcome::Done | Outcome::Refused { .. } => break,
            Outcome::Unreachable { .. } => tokio::time::sleep(AGAIN_AFTER).await,
        }
    }
    if let Err(error) = office.store.forget_live(line.id().clone(), call_id).await {
        tracing::error!(%error, "an ended call is still on disk");
    }
}

/// The platform's figures of a call came after its record was written.
///
/// # Errors
///
/// The store failed.
pub(crate) async fn amend(
    office: &Office,
    line: &Line,
    mut cdr: Cdr,
    figures: &Figures,
) -> Result<(), StoreError> {
    if cdr.duration_s.is_some() && !cdr.unconfirmed {
        return Ok(());
    }
    if let (Some(start), Some(seconds)) = (figures.start, figures.duration_s) {
        cdr.platform_status = figures.status_word();
        cdr.talked(start, Duration::from_secs(seconds));
        (cdr.ended_at, cdr.unconfirmed) = (figures.at, false);
        let cdr = office.store.amend_cdr(cdr, line.tariff(), news::of_amendment).await?;
        office.metrics.cost(&cdr);
    }
    Ok(())
}

/// As [`amend`], for a call whose task has just written the record.
pub(crate) async fn amend_late(office: &Office, line: &Line, call_id: CallId, figures: &Figures) {
    let amended = match office.store.cdr(LineSet::one(line.id()), call_id).await {
        Ok(Some(cdr)) => amend(office, line, cdr, figures).await,
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    if let Err(error) = amended {
        tracing::error!(%error, "the platform's figures of a call are lost");
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use media::{
        sdp,
        transport::{Fingerprint, LocalTransport},
    };
    use switchboard::{call::Termination, flow::Caller};
    use terms::Timestamp;
    use wire::console::Peer;

    use super::*;
    use crate::{
        calls::{
            begin::{self, Incoming, Signalling},
            registry::{Letter, Receipt},
        },
        config::Config,
    };

    fn offer() -> String {
        sdp::write_gateway_offer(&LocalTransport {
            addrs: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 9))],
            ufrag: "user".into(),
            pwd: "passwordpasswordpassword".into(),
            fingerprint: Fingerprint([7; 32]),
            ssrc: 7,
            cname: "user".into(),
            session_id: 7,
        })
    }

    fn figures(duration_s: Option<u64>) -> Box<Figures> {
        let at = Timestamp::from_unix(1_783_000_009);
        let start = duration_s.map(|_| Timestamp::from_unix(1_783_000_000));
        let termination = Termination { picked_up: start.is_some(), error: None };
        Box::new(Figures { termination, status: None, at, start, duration_s })
    }

    /// The second word comes while the first one's record is being written: both lie in the inbox
    /// before the task runs.
    #[tokio::test]
    async fn figures_that_come_while_the_record_is_written_go_into_it() {
        // Nobody listens there: what is asked of the platform fails at once.
        let mut config = Config::demo("http://127.0.0.1:9", None);
        config.http = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        config.media.ports = 0..=0;
        config.media.browsers = config.http;
        let gateway = crate::serve(config).await.unwrap();
        let office = gateway.office();
        let line = Arc::clone(office.lines.iter().next().unwrap());
        let call_id: CallId = "wacid.LATE".parse().unwrap();
        let (receipt, _settled) = Receipt::new();
        let incoming = Incoming {
            call_id: call_id.clone(),
            contact: Peer::default(),
            started_at: Timestamp::from_unix(1_783_000_000),
            offer: offer().into(),
            deeplink_payload: None,
            cta_payload: None,
            caller: Caller::default(),
            trace: None,
            receipt,
            signalling: Signalling::Graph,
        };
        assert!(begin::take(office, &line, incoming));
        let lines = LineSet::one(line.id());
        let call = office.registry.find(&lines, &call_id, None).unwrap();
        for figures in [figures(None), figures(Some(9))] {
            assert!(call.send(Letter::Terminated { call_id: call_id.clone(), figures }));
        }
        let amended = async {
            loop {
                let cdr = office.store.cdr(lines.clone(), call_id.clone()).await.unwrap();
                if cdr.is_some_and(|cdr| cdr.duration_s == Some(9)) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), amended).await.expect("the figures");
    }
}
