//! The SIP edition's words: table 6.7 for every refusal, whose INVITE it is, how a call is left.

use std::fmt::Write as _;

use offhook_rules::{
    call::{EndReason, Ending, Input},
    settings::{Sip, SipServer, Switch},
    sip::{Answer, InviteRefusal, Parting, called, calling, parting, refused, servers_of},
};
use terms::Direction;

use crate::{facts::at, refusal::every_refusal};

fn line(answer: &Answer) -> String {
    let warns = if answer.warns { " (Warning)" } else { "" };
    format!("{} {}{warns}", answer.status, answer.text)
}

#[test]
fn every_refusal_has_its_status_and_text() {
    let number = || "109876543210987".parse().unwrap();
    let mut said = String::new();
    let of_invites = [
        InviteRefusal::NotFound,
        InviteRefusal::UnknownNumber,
        InviteRefusal::OtherServer { host: "pbx.other.example".into(), number: number() },
        InviteRefusal::Digest,
        InviteRefusal::NotAuthorized {
            app: "401234567890123".parse().unwrap(),
            host: "sip.shop.example".into(),
            number: number(),
        },
        InviteRefusal::Sdp("no a=crypto".into()),
        InviteRefusal::NoRoom,
        InviteRefusal::Fault,
    ];
    for refusal in of_invites {
        writeln!(said, "{}", line(&refusal.answer())).unwrap();
    }
    for refusal in every_refusal() {
        let rule = refusal.rule();
        let answer = InviteRefusal::Rule(refusal).answer();
        writeln!(said, "{rule:<32} {}", line(&answer)).unwrap();
    }
    insta::assert_snapshot!(said);
}

#[test]
fn an_invite_is_for_a_number_at_a_name() {
    let to = |user: &str, host: &str| called(user, host).map(|it| it.as_str().to_owned());
    assert_eq!(to("+5511988887777", "wa.meta.vc"), Ok("5511988887777".into()));
    assert_eq!(to("5511988887777;tgrp=a", "localhost"), Ok("5511988887777".into()));
    for (user, host) in [
        ("+5511988887777", "127.0.0.1"),
        ("+5511988887777", "[::1]"),
        ("+5511988887777", "::1"),
        ("ana", "wa.meta.vc"),
        ("", "wa.meta.vc"),
    ] {
        assert_eq!(to(user, host), Err(InviteRefusal::NotFound), "{user}@{host}");
    }
    assert_eq!(
        calling("+551140000000").map(|it| it.as_str().to_owned()),
        Ok("551140000000".into())
    );
    for user in ["551140000000", "shop", "+", ""] {
        assert_eq!(calling(user), Err(InviteRefusal::UnknownNumber), "{user}");
    }
}

#[test]
fn a_server_is_known_by_its_name_and_by_a_domain_above_it() {
    let server = |hostname: &str| SipServer {
        app: None,
        password: None,
        hostname: hostname.into(),
        port: 5061,
        request_uri_user_params: std::collections::BTreeMap::new(),
    };
    let sip = |status| Sip {
        status,
        webhook_delivery: Switch::Disabled,
        servers: vec![server("bar.foo.com"), server("other.example")],
    };
    let on = sip(Switch::Enabled);
    let found = |host| servers_of(Some(&on), host).map(|it| it.hostname.as_str()).next();
    for host in ["bar.foo.com", "foo.com", "FOO.com"] {
        assert_eq!(found(host), Some("bar.foo.com"), "{host}");
    }
    for host in ["com", "oo.com", "baz.foo.com", "a.bar.foo.com", ""] {
        assert_eq!(found(host), None, "{host}");
    }
    assert_eq!(servers_of(Some(&sip(Switch::Disabled)), "foo.com").count(), 0);
    assert_eq!(servers_of(None, "foo.com").count(), 0);
}

#[test]
fn who_declines_is_told_from_who_cannot() {
    for status in [486, 600, 603] {
        assert_eq!(refused(status), Input::Reject, "{status}");
    }
    for status in [302, 403, 404, 407, 408, 480, 488, 500, 503, 606] {
        assert_eq!(refused(status), Input::BusinessUnreachable, "{status}");
    }
}

#[test]
fn every_end_has_its_way_out() {
    let mut said = String::new();
    let ending = |reason, answered| Ending { reason, answered_at: answered, ended_at: at(12) };
    for reason in EndReason::ALL {
        let before = parting(&ending(reason, None), Direction::BusinessInitiated);
        let after = parting(&ending(reason, Some(at(2))), Direction::UserInitiated);
        let Parting::Refuse(answer) = before else { panic!("{before:?}") };
        let Parting::Bye { duration_s: 10, reason: because } = after else { panic!("{after:?}") };
        let because = because.unwrap_or("-");
        writeln!(said, "{:<28} {:<30} BYE {because}", reason.as_str(), line(&answer)).unwrap();
        let unanswered = parting(&ending(reason, None), Direction::UserInitiated);
        assert_eq!(unanswered, Parting::Cancel);
    }
    insta::assert_snapshot!(said);
}
