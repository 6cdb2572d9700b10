//! Which call is another one to take the place of (RFC 3891)?

use std::fmt;

use rsipstack::dialog::DialogId;
use rsipstack::dialog::dialog::{Dialog, DialogState};
use rsipstack::dialog::dialog_layer::DialogLayer;
use rsipstack::dialog::invite_dialog::InviteDialog;
use rsipstack::sip::Request;
use rsipstack::sip::prelude::HasHeaders;
use rsipstack::transaction::key::TransactionRole;

/// The longest such word that is read.
const LENGTH_MAX: usize = 400;

/// A dialog as its one end names it to the other. Anybody who knows these words may end a call: they
/// are in no log.
#[derive(Clone, PartialEq, Eq)]
pub struct Replaces {
    /// Its `Call-ID`.
    pub call_id: String,
    /// The tag of whom it is said to.
    pub(crate) to_tag: String,
    /// The tag of the other end.
    pub(crate) from_tag: String,
    /// Only where nobody has answered yet.
    pub(crate) early_only: bool,
}

impl fmt::Debug for Replaces {
    /// Without the words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replaces").field("early_only", &self.early_only).finish_non_exhaustive()
    }
}

impl fmt::Display for Replaces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{};to-tag={};from-tag={}", self.call_id, self.to_tag, self.from_tag)?;
        if self.early_only { f.write_str(";early-only") } else { Ok(()) }
    }
}

impl Replaces {
    /// Which call of ours an INVITE that came in is to take the place of; else the status it is answered
    /// with.
    pub(crate) fn of(request: &Request, layer: &DialogLayer) -> Result<Self, u16> {
        let headers = request.headers().iter();
        let mut said = headers.filter(|it| it.name().eq_ignore_ascii_case("Replaces"));
        let (Some(one), None) = (said.next(), said.next()) else { return Err(400) };
        let replaces = Self::parse(one.value().trim()).ok_or(400_u16)?;
        let dialog = replaces.dialog(layer).ok_or(481_u16)?;
        match dialog.state() {
            DialogState::Terminated(..) => Err(603),
            // Of the calls that nobody has answered, ours alone (RFC 3891, 3).
            DialogState::Calling(_) | DialogState::Trying(_) | DialogState::Early(..) => {
                if dialog.role() == TransactionRole::Client { Ok(replaces) } else { Err(481) }
            }
            DialogState::WaitAck(..)
            | DialogState::Confirmed(..)
            | DialogState::Updated(..)
            | DialogState::Publish(..)
            | DialogState::Notify(..)
            | DialogState::Refer(..)
            | DialogState::Message(..)
            | DialogState::Info(..)
            | DialogState::Options(..) => {
                if replaces.early_only {
                    Err(486)
                } else {
                    Ok(replaces)
                }
            }
        }
    }

    fn dialog(&self, layer: &DialogLayer) -> Option<InviteDialog> {
        let id = DialogId {
            call_id: self.call_id.clone(),
            local_tag: self.to_tag.clone(),
            remote_tag: self.from_tag.clone(),
        };
        if let Some(Dialog::Invite(dialog)) = layer.get_dialog(&id) {
            return Some(dialog);
        }
        // One that was not answered is known below without the far end's tag.
        let ours = layer.get_client_dialog_by_call_id(&self.call_id);
        ours.into_iter().find(|dialog| dialog.id() == id)
    }

    /// What the header says; `None` for what is none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_word = |text: &str| {
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',')
        };
        let mut parts = text.split(';').map(str::trim);
        let call_id = parts.next().filter(|call_id| is_word(call_id))?.to_owned();
        let (mut to_tag, mut from_tag, mut early_only) = (None, None, false);
        for part in parts {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let tag = is_word(value).then(|| value.to_owned());
            match name.trim().to_ascii_lowercase().as_str() {
                "to-tag" if to_tag.is_none() => to_tag = Some(tag?),
                "from-tag" if from_tag.is_none() => from_tag = Some(tag?),
                "to-tag" | "from-tag" => return None,
                "early-only" => early_only = true,
                _ => {}
            }
        }
        let is_short = text.len() <= LENGTH_MAX;
        is_short.then_some(Self { call_id, to_tag: to_tag?, from_tag: from_tag?, early_only })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dialog_is_named_by_three_words() {
        let said = "425928@bobster.example;to-tag=7743;from-tag=6472;early-only";
        let replaces = Replaces::parse(said).expect("a dialog");
        assert_eq!(replaces.to_string(), said);
        let turned = Replaces::parse("425928@bobster.example; From-Tag=6472 ;to-tag=7743;x=y");
        assert_eq!(turned, Some(Replaces { early_only: false, ..replaces }));
    }

    #[test]
    fn what_names_none_is_none() {
        for bad in [
            "",
            "a@b",
            "a@b;to-tag=1",
            "a@b;from-tag=1",
            "a@b;to-tag=;from-tag=1",
            "a@b;to-tag=1;to-tag=2;from-tag=3",
            "a b;to-tag=1;from-tag=2",
            "a@b;to-tag=1\r\nVia;from-tag=2",
            &format!("{};to-tag=1;from-tag=2", "x".repeat(LENGTH_MAX)),
        ] {
            assert_eq!(Replaces::parse(bad), None, "{bad}");
        }
    }
}
