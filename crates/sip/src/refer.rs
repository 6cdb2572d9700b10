//! What if the far end of a call wants us to call somebody else in its place (REFER, RFC 3515)?
//!
//! Who takes the call from it says so at once; what became of it is told in NOTIFYs within the call
//! (an implicit subscription), unless the far end said that it does not want to know (RFC 4488).

use std::fmt;

use rsipstack::dialog::dialog::TransactionHandle;
use rsipstack::dialog::invite_dialog::InviteDialog;
use rsipstack::sip::prelude::{HasHeaders, HeadersExt};
use rsipstack::sip::{Header, Request, StatusCode};
use tokio::sync::oneshot;
use tracing::debug;

use crate::said::value;
use crate::{Refusal, Replaces, headers};

/// How long we say that the far end will hear of it, in seconds: longer than anything may ring.
const TOLD_FOR: u32 = 600;
/// What is told of one that was given up without a word.
const GIVEN_UP: u16 = 503;

/// Somebody else whom the far end wants called. To be answered once; dropped, it is refused.
pub struct Refer {
    to: Option<Referred>,
    dialog: InviteDialog,
    answer: TransactionHandle,
    /// Tells its NOTIFYs from those of another REFER in the same call.
    number: u32,
    wants_to_know: bool,
}

/// Whom.
#[derive(Clone, PartialEq, Eq)]
pub struct Referred {
    /// The user part of the URI.
    pub user: String,
    /// The call of that one which ours is to take the place of.
    pub replaces: Option<Replaces>,
}

/// A REFER that was taken. Dropped, whoever asked is told that nothing came of it.
#[derive(Debug)]
pub struct Referral(oneshot::Sender<u16>);

impl fmt::Debug for Refer {
    /// Nobody's number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refer").field("to", &self.to).finish_non_exhaustive()
    }
}

impl fmt::Debug for Referred {
    /// Nobody's number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Referred").field("replaces", &self.replaces).finish_non_exhaustive()
    }
}

impl Refer {
    /// `None` where it does not say whom; `answer` is then left to its drop.
    pub(crate) fn read(
        request: &Request,
        dialog: InviteDialog,
        answer: TransactionHandle,
    ) -> Result<Self, TransactionHandle> {
        let number = request.cseq_header().and_then(|cseq| cseq.seq());
        let (Some(to), Ok(number)) = (refer_to(request), number) else { return Err(answer) };
        let wants_to_know = value(request, "Refer-Sub")
            .is_none_or(|said| !said.trim().to_ascii_lowercase().starts_with("false"));
        Ok(Self { to: Referred::parse(&to), dialog, answer, number, wants_to_know })
    }

    /// Whom; `None` where that is nobody who can be called by SIP.
    #[must_use]
    pub fn to(&self) -> Option<&Referred> {
        self.to.as_ref()
    }

    /// Refuses it; the call goes on as before.
    pub fn refuse(self, refusal: &Refusal) {
        respond(self.answer, refusal.code(), None);
    }

    /// Takes it (202), and says that it is under way.
    #[must_use]
    pub fn accept(self) -> Referral {
        let (ends, end) = oneshot::channel();
        drop(tokio::spawn(async move {
            let unsubscribed = vec![Header::Other("Refer-Sub".into(), "false".into())];
            let headers = (!self.wants_to_know).then_some(unsubscribed);
            // The stack lets go of its end when the answer has left: no NOTIFY overtakes it.
            while self.answer.respond(StatusCode::Accepted, headers.clone(), None).await.is_ok() {}
            if self.wants_to_know {
                self.tell(StatusCode::Trying, &format!("active;expires={TOLD_FOR}")).await;
                let status = end.await.unwrap_or(GIVEN_UP);
                self.tell(status.into(), "terminated;reason=noresource").await;
            }
        }));
        Referral(ends)
    }

    async fn tell(&self, status: StatusCode, subscription: &str) {
        let headers = vec![
            Header::Event(format!("refer;id={}", self.number).into()),
            Header::SubscriptionState(subscription.into()),
            Header::ContentType("message/sipfrag;version=2.0".into()),
        ];
        let body = format!("SIP/2.0 {} {}\r\n", status.code(), status.text());
        if Box::pin(self.dialog.notify(Some(headers), Some(body.into_bytes()))).await.is_err() {
            debug!("a NOTIFY was not answered");
        }
    }
}

impl Referral {
    /// What came of it: 200 where that one answered, else the status of 300 or more.
    pub fn ends(self, status: u16) {
        // Whose call is over needs no word.
        self.0.send(status).ok();
    }
}

impl Referred {
    /// From what `Refer-To` says; `None` for what is no SIP address to be called.
    fn parse(said: &str) -> Option<Self> {
        let uri = match said.split_once('<') {
            Some((_, rest)) => rest.split_once('>')?.0,
            None => said.split(';').next()?,
        };
        let (uri, headers) = uri.split_once('?').unwrap_or((uri, ""));
        let scheme = uri.split_once(':')?.0.to_ascii_lowercase();
        let method = uri.split(';').skip(1).find_map(|it| it.strip_prefix("method="));
        if !["sip", "sips"].contains(&scheme.as_str()) || method.is_some_and(|it| it != "INVITE") {
            return None;
        }
        let (user, _host) = headers::user_and_host(uri)?;
        let mut said = headers.split('&').filter_map(|it| it.split_once('='));
        let replaces = said.find(|(name, _)| name.eq_ignore_ascii_case("Replaces"));
        let replaces = match replaces {
            Some((_, value)) => Some(Replaces::parse(&unescaped(value)?)?),
            None => None,
        };
        Some(Self { user: unescaped(&user)?, replaces })
    }
}

/// The only one there is; `None` where there is none or are several (RFC 3515, 2.4.2).
fn refer_to(request: &Request) -> Option<String> {
    let headers = request.headers().iter();
    let mut said = headers.filter(|it| {
        it.name().eq_ignore_ascii_case("Refer-To") || it.name().eq_ignore_ascii_case("r")
    });
    let one = said.next()?;
    said.next().is_none().then(|| one.value().trim().to_owned())
}

/// Text with its `%23`s read; `None` where that is no text.
fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, more)) = rest.split_first() {
        rest = more;
        if *byte == b'%' {
            let (digits, more) = rest.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
            rest = more;
        } else {
            bytes.push(*byte);
        }
    }
    String::from_utf8(bytes).ok()
}

pub(crate) fn respond(answer: TransactionHandle, status: StatusCode, headers: Option<Vec<Header>>) {
    drop(tokio::spawn(async move {
        if answer.respond(status, headers, None).await.is_err() {
            debug!("a SIP request was answered too late");
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whom(said: &str) -> Option<(String, Option<String>)> {
        let referred = Referred::parse(said)?;
        Some((referred.user, referred.replaces.map(|replaces| replaces.to_string())))
    }

    #[test]
    fn whom_to_call_is_a_user_perhaps_in_place_of_a_call() {
        for (said, user) in [
            ("<sip:202@pbx.test>", "202"),
            ("\"Desk\" <SIP:202;tgrp=x@pbx.test:5062;transport=tcp>;x=y", "202;tgrp=x"),
            ("sips:202@[::1]", "202"),
            ("sip:%2372@pbx.test;method=INVITE", "#72"),
            ("<sip:202@pbx.test;method=INVITE>", "202"),
        ] {
            assert_eq!(whom(said), Some((user.into(), None)), "{said}");
        }
        let attended =
            "<sip:202@pbx.test?Require=replaces&Replaces=1%402%3Bto-tag%3Da%3Bfrom-tag%3Db>";
        let call = Some("1@2;to-tag=a;from-tag=b".into());
        assert_eq!(whom(attended), Some(("202".into(), call)));
    }

    #[test]
    fn what_is_no_sip_address_to_be_called_is_nobody() {
        for bad in [
            "",
            "<tel:+15550001>",
            "<https://pbx.test/202>",
            "<sip:pbx.test>",
            "<sip:202@pbx.test;method=BYE>",
            "<sip:202@pbx.test?Replaces=1%402>",
            "<sip:%2@pbx.test>",
            "<sip:%ff@pbx.test>",
            "<sip:202@pbx.test",
        ] {
            assert_eq!(whom(bad), None, "{bad}");
        }
    }
}
