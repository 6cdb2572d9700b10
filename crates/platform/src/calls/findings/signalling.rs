//! Why did no INVITE reach the business's SIP server, or bring no call?

use std::time::Duration;

use rules::settings::SipServer;
use sip::ReachError;
use terms::AppId;

use super::Code;
use crate::calls::record::Finding;

/// The platform runs without its SIP edge.
pub(crate) fn off() -> Finding {
    Code::SipOff.found("The number is in SIP mode and this platform has no SIP edge.".to_owned())
}

/// The number has no server.
pub(crate) fn no_server() -> Finding {
    Code::SipNoServer.found("The number is in SIP mode and no app has set a server.".to_owned())
}

/// The app that set the server may not call.
pub(crate) fn not_authorized(app: &AppId, server: &SipServer) -> Finding {
    Code::SipNotAuthorized.found(format!(
        "The app {app} that set {} has no token with whatsapp_business_messaging for this account.",
        server.hostname
    ))
}

/// The server's name leads nowhere.
pub(crate) fn no_name(server: &SipServer, why: &str) -> Finding {
    Code::SipNoName.found(format!("The name {} was not found: {why}.", server.hostname))
}

/// There is no connection to the server, or it is not who it says.
pub(crate) fn unreached(server: &SipServer, fault: &ReachError) -> Finding {
    let SipServer { hostname, port, .. } = server;
    let code = match fault {
        ReachError::Refused => Code::SipClosed,
        ReachError::Silent => Code::SipSilent,
        ReachError::Name => Code::SipOtherName,
        ReachError::Trust(_) => Code::SipNotTrusted,
        ReachError::Handshake(_) => Code::SipNoTls,
        ReachError::Network(_) => Code::SipUnreachable,
    };
    code.found(format!("{hostname}:{port}: {fault}."))
}

/// The INVITE cannot be written.
pub(crate) fn not_sent(why: &str) -> Finding {
    Code::SipUnreachable.found(format!("The INVITE could not be sent: {why}."))
}

/// The server took the INVITE and said nothing.
pub(crate) fn silent(waited: Duration) -> Finding {
    let seconds = waited.as_secs();
    Code::SipSilent.found(format!("The server said nothing to the INVITE within {seconds} s."))
}

/// The server took the INVITE and closed the connection.
pub(crate) fn closed() -> Finding {
    let text = "The server closed the connection on the INVITE: the TLS handshake failed at its end, \
                as when it asks for a client certificate, or it broke off.";
    Code::SipNoTls.found(text.to_owned())
}

/// The server answered by another way than it was called.
pub(crate) fn routes_lost() -> Finding {
    let text = "The 200 lacks a Record-Route of the INVITE, or has them in another order.";
    Code::SipRoutes.found(text.to_owned())
}

/// The server refused, and not because somebody declined.
pub(crate) fn refused(status: u16) -> Finding {
    Code::SipRefused.found(format!("The server answered the INVITE with {status}."))
}
