//! The far end wants somebody else called in its place: taken, refused, told what comes of it.

use offhook_sip::{Refer, Referral, Refusal, Transport, Wish};

use crate::calls::{agent, answered};
use crate::far_end::{FarEnd, PATIENCE, value};

const TO_202: &str = "Refer-To: <sip:202@pbx.test>\r\n";

async fn asked_for(wish: impl Future<Output = Option<Wish>>) -> Refer {
    let wish = tokio::time::timeout(PATIENCE, wish).await.expect("a wish in time").expect("a wish");
    let Wish::Refer(refer) = wish else { panic!("{wish:?}") };
    refer
}

/// The next NOTIFY, answered.
async fn notified(far: &mut FarEnd) -> String {
    let notify = far.hears("NOTIFY").await;
    far.answers(&notify, "200 OK").await;
    notify
}

fn state(notify: &str) -> (String, String, String) {
    let body = notify.split("\r\n\r\n").nth(1).unwrap_or_default().to_owned();
    (value(notify, "Event"), value(notify, "Subscription-State"), body)
}

fn taken(refer: Refer) -> Referral {
    let to = refer.to().expect("somebody");
    assert_eq!((to.user.as_str(), to.replaces.is_none()), ("202", true));
    refer.accept()
}

#[tokio::test]
async fn who_asks_is_told_what_comes_of_it() {
    let agent = agent().await;
    for (mut far, transport) in
        [(FarEnd::udp().await, Transport::Udp), (FarEnd::tcp().await, Transport::Tcp)]
    {
        let (mut call, asked) = answered(&agent, &mut far, transport).await;
        assert!(value(&asked, "Supported").contains("replaces, norefersub"), "{asked}");
        assert!(value(&asked, "Allow").contains("NOTIFY, REFER"), "{asked}");
        for (seq, end, words) in [(1, 486, "486 Busy Here"), (2, 200, "200 OK")] {
            far.says(&far.request(&asked, "REFER", seq, TO_202, "")).await;
            let referral = taken(asked_for(call.wish()).await);
            far.hears("SIP/2.0 202").await;
            let event = format!("refer;id={seq}");
            let trying =
                (event.clone(), "active;expires=600".into(), "SIP/2.0 100 Trying\r\n".into());
            assert_eq!(state(&notified(&mut far).await), trying);
            referral.ends(end);
            let over =
                (event, "terminated;reason=noresource".into(), format!("SIP/2.0 {words}\r\n"));
            assert_eq!(state(&notified(&mut far).await), over);
        }
        far.says(&far.request(&asked, "BYE", 3, "", "")).await;
        far.hears("SIP/2.0 200").await;
    }
}

#[tokio::test]
async fn who_does_not_want_to_know_is_told_nothing() {
    let agent = agent().await;
    let mut far = FarEnd::udp().await;
    let (mut call, asked) = answered(&agent, &mut far, Transport::Udp).await;
    let more = format!("{TO_202}Refer-Sub: false\r\nRequire: norefersub\r\n");
    far.says(&far.request(&asked, "REFER", 1, &more, "")).await;
    taken(asked_for(call.wish()).await).ends(200);
    let accepted = far.hears("SIP/2.0 202").await;
    assert_eq!(value(&accepted, "Refer-Sub"), "false");
    call.hang_up(None);
    let next = far.next().await;
    assert!(next.starts_with("BYE "), "{next}");
}

#[tokio::test]
async fn a_referral_that_is_given_up_is_told_as_well() {
    let agent = agent().await;
    let mut far = FarEnd::udp().await;
    let (mut call, asked) = answered(&agent, &mut far, Transport::Udp).await;
    far.says(&far.request(&asked, "REFER", 1, TO_202, "")).await;
    drop(taken(asked_for(call.wish()).await));
    notified(&mut far).await;
    assert_eq!(state(&notified(&mut far).await).2, "SIP/2.0 503 Service Unavailable\r\n");
}

#[tokio::test]
async fn it_is_refused_and_the_call_goes_on() {
    let agent = agent().await;
    let mut far = FarEnd::udp().await;
    let (mut call, asked) = answered(&agent, &mut far, Transport::Udp).await;
    far.says(&far.request(&asked, "REFER", 1, "Refer-To: <tel:+15550001>\r\n", "")).await;
    let refer = asked_for(call.wish()).await;
    assert!(refer.to().is_none(), "there is no phone network");
    let phrase = Some("Only extensions".to_owned());
    refer.refuse(&Refusal { status: 403, phrase, headers: Vec::new() });
    let refused = far.hears("SIP/2.0 403").await;
    assert!(refused.starts_with("SIP/2.0 403 Only extensions\r\n"), "{refused}");
    far.says(&far.request(&asked, "REFER", 2, "", "")).await;
    far.hears("SIP/2.0 400").await;
    let twice = format!("{TO_202}{TO_202}");
    far.says(&far.request(&asked, "REFER", 3, &twice, "")).await;
    far.hears("SIP/2.0 400").await;
    far.says(&far.request(&asked, "OPTIONS", 4, "", "")).await;
    far.hears("SIP/2.0 200").await;
}
