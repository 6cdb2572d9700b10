//! What changes in messages on their way to and from the stack?

use std::sync::Arc;

use rsipstack::sip::{Method, SipMessage};
use rsipstack::transaction::endpoint::MessageInspector;
use rsipstack::transport::SipAddr;

use crate::cancels::Cancels;
use crate::challenges;
use crate::face::Mask;
use crate::origins::{self, Origins};
use crate::pracks::Pracks;

/// Everything that looks at messages.
pub(crate) struct Inspector {
    pub(crate) mask: Mask,
    pub(crate) cancels: Arc<Cancels>,
    pub(crate) origins: Arc<Origins>,
    pub(crate) pracks: Arc<Pracks>,
}

impl MessageInspector for Inspector {
    fn before_send(&self, message: SipMessage, to: Option<&SipAddr>) -> SipMessage {
        let mut message = self.mask.before_send(message, to);
        if let SipMessage::Request(request) = &mut message {
            self.cancels.amend(request);
            self.pracks.amend(request);
            challenges::spell(request);
            origins::leave_way_out(&mut request.headers);
        }
        message
    }

    fn after_received(&self, message: SipMessage, from: Option<&SipAddr>) -> SipMessage {
        let mut message = self.mask.after_received(message, from);
        match &mut message {
            // What is registered is what the telephone said.
            SipMessage::Request(request) if request.method == Method::Register => {}
            SipMessage::Request(request) => self.origins.amend(&mut request.headers, from),
            SipMessage::Response(response) => {
                self.origins.amend(&mut response.headers, from);
                self.pracks.heard(response);
                challenges::amend(response);
            }
        }
        message
    }
}
