//! A user calls, and the platform of the test is asked.

use std::time::Duration;

use crate::{
    desk::{Desk, connect},
    upstream::Asked,
    voice::Voice,
};

/// Waits until the platform was asked for this about a call, and has answered.
pub(crate) async fn asked(desk: &Desk, action: &str, call: &str) -> Asked {
    for _ in 0..1_000 {
        let asked = desk.upstream.asked().into_iter();
        let mut fits = asked.filter(|a| a.action() == action && a.body["call_id"] == call);
        if let Some(asked) = fits.find(|asked| asked.answered_at.is_some()) {
            return asked;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("nobody asked for {action} of {call}: {:?}", desk.upstream.actions());
}

/// A user whose call has its media path.
pub(crate) async fn calls(desk: &Desk, call: &str) -> Voice {
    let mut user = Voice::of_platform(&desk.engine);
    desk.webhook(&connect(call, &user.platform_offer())).await;
    user.take_answer(asked(desk, "pre_accept", call).await.sdp());
    user.connected().await;
    user
}
