//! Somebody wants the place of a call of ours: which call that is, and who is told that there is none.

use offhook_sip::{End, News, Patience, Told, Transport};

use crate::calls::{answered, invite, news, target};
use crate::calls_in::{ANSWER, Pair, told};
use crate::crossings::Caller;
use crate::far_end::{FarEnd, SDP, named, value};

/// Which call somebody gets who names one, or what they are told.
async fn gets(pair: &mut Pair, named: &str) -> Result<String, u16> {
    let mut new = FarEnd::udp().await;
    let call_id = new.address.port().to_string();
    new.wants_place(pair.target().address, (&call_id, named), SDP).await;
    let invited = pair.invited().await;
    assert!(invited.wants_a_place());
    let replaces = invited.replaces();
    replaces.map(|it| it.call_id).map_err(|refusal| refusal.status)
}

#[tokio::test]
async fn a_call_that_we_placed_may_be_taken_over_before_and_after_its_answer() {
    let mut pair = Pair::by(Transport::Udp).await;
    let mut far = FarEnd::udp().await;
    let mut call = pair.called.call(invite(vec![target(&far, Transport::Udp)])).unwrap();
    let asked = far.hears("INVITE").await;
    far.answers(&asked, "180 Ringing").await;
    assert_eq!(news(&mut call).await, News::Ringing);
    let (rings, call_id) = (named(&asked), value(&asked, "Call-ID"));
    assert_eq!(gets(&mut pair, &rings).await, Ok(call_id.clone()));
    assert_eq!(gets(&mut pair, &format!("{rings};early-only")).await, Ok(call_id));
    drop(call);

    let mut far = FarEnd::udp().await;
    let (mut call, asked) = answered(&pair.called, &mut far, Transport::Udp).await;
    let (talks, call_id) = (named(&asked), value(&asked, "Call-ID"));
    assert_eq!(gets(&mut pair, &talks).await, Ok(call_id));
    for (refused, named) in [
        (486, format!("{talks};early-only")),
        (400, format!("{talks}\r\nReplaces: 1;to-tag=a;from-tag=b")),
        (400, format!("{talks};to-tag=twice")),
        (481, format!("{talks}er")),
    ] {
        assert_eq!(gets(&mut pair, &named).await, Err(refused), "{named}");
    }
    call.hang_up(None);
    let bye = far.hears("BYE").await;
    far.answers(&bye, "200 OK").await;
    assert_eq!(news(&mut call).await, News::Ended(End::Ours));
    let over = gets(&mut pair, &talks).await;
    assert!([Err(481), Err(603)].contains(&over), "{over:?}");
}

#[tokio::test]
async fn a_call_that_came_in_may_be_taken_over_once_it_is_answered_and_while_it_stands() {
    let mut pair = Pair::by(Transport::Udp).await;
    let mut caller = Caller::of(&pair, "replaced").await;
    let mut call = caller.calls(&mut pair, Patience::default()).await;
    call.ring(None);
    let ringing = caller.far.hears("SIP/2.0 180").await;
    let tag = Caller::tag(&ringing);
    let named = format!("replaced;to-{};from-tag=1", tag.trim_start_matches(';'));
    assert_eq!(gets(&mut pair, &named).await, Err(481), "nobody but its caller may");
    call.answer(ANSWER.into());
    caller.far.hears("SIP/2.0 200").await;
    let ack = caller.request((1, "ACK"), "a", &tag, "");
    caller.says(&ack).await;
    assert_eq!(told(&mut call).await, Told::Standing);
    assert_eq!(gets(&mut pair, &named).await.as_deref(), Ok("replaced"));
    call.hang_up(Vec::new());
    let bye = caller.far.hears("BYE").await;
    caller.far.answers(&bye, "200 OK").await;
    assert_eq!(told(&mut call).await, Told::Ended(End::Ours));
    assert!(call.word().await.is_none());
    let over = gets(&mut pair, &named).await;
    assert!([Err(481), Err(603)].contains(&over), "{over:?}");
}
