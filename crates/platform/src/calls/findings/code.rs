//! Which verdicts are there, what does each mean, and what is its cure?
//!
//! One table. A finding takes its cure from here unless it knows a closer one; the documentation is
//! written from it.

use super::super::record::Finding;

macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident = $name:literal, $family:ident, $cause:literal, $cure:literal;)*) => {
        /// A verdict's stable name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Code { $($(#[$doc])* $code,)* }

        impl Code {
            /// All of them, in the order of the documentation.
            #[cfg(test)]
            pub(crate) const ALL: &[Self] = &[$(Self::$code,)*];

            /// The name, as the sandbox API shows it.
            pub(crate) fn as_str(self) -> &'static str {
                match self { $(Self::$code => $name,)* }
            }

            /// Which part of the way it is about.
            #[cfg(test)]
            pub(crate) fn family(self) -> Family {
                match self { $(Self::$code => Family::$family,)* }
            }

            /// Why it happens.
            #[cfg(test)]
            pub(crate) fn cause(self) -> &'static str {
                match self { $(Self::$code => $cause,)* }
            }

            /// What to change.
            pub(crate) fn cure(self) -> &'static str {
                match self { $(Self::$code => $cure,)* }
            }
        }
    };
}

/// The parts of the way.
#[cfg(test)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    Fault,
    Delivery,
    Signalling,
    Path,
    Keys,
    Sound,
    Session,
}

codes! {
    Fault = "fault_injected", Fault,
        "A test asked for faults of media, webhooks or requests (PUT /sandbox/v1/faults), and this call ran under them.",
        "Nothing is wrong with the business for it: DELETE /sandbox/v1/faults ends all faults.";

    NotDelivered = "connect_not_delivered", Delivery,
        "The business did not answer, and no connect webhook of this call was taken with 200.",
        "Give the app that is subscribed to calls a callback URL that answers 200 at once; GET /sandbox/v1/webhooks?call_id=… shows each attempt.";

    SipOff = "sip_edge_off", Signalling,
        "The number is in SIP mode (sip.status ENABLED), and the platform was started without its SIP edge.",
        "Start the platform with --sip ADDRESS, or set sip.status to DISABLED.";
    SipNoServer = "sip_no_server", Signalling,
        "The number is in SIP mode and has no server.",
        "Set calling.sip.servers with the hostname and port of your SIP server.";
    SipNotAuthorized = "sip_app_not_authorized", Signalling,
        "The app whose token set the server may not call: it is not the account's, or no token of it has whatsapp_business_messaging.",
        "Set the server with a token of an app that has whatsapp_business_messaging for this account.";
    SipNoName = "sip_name_not_found", Signalling,
        "The hostname of the server cannot be resolved.",
        "Correct calling.sip.servers.hostname, or its DNS record; the platform asks the system it runs on.";
    SipClosed = "sip_port_closed", Signalling,
        "Nobody listens on the server's port.",
        "Let the SIP server listen for TLS on the configured port (5061 unless set), and let the platform in.";
    SipSilent = "sip_no_answer", Signalling,
        "The connection or the INVITE was not answered in time.",
        "Look for a firewall that drops; answer an INVITE at once with 100.";
    SipOtherName = "sip_certificate_other_name", Signalling,
        "The server's certificate is valid for another name than the configured hostname.",
        "Show a certificate that has calling.sip.servers.hostname among its names. WhatsApp sends no INVITE without it.";
    SipNotTrusted = "sip_certificate_not_trusted", Signalling,
        "The server's certificate is no valid one of a known root: self-made, expired, or shown without its intermediate.",
        "Show the whole chain of a public certificate. For a private one give the platform its root (--sip-roots); WhatsApp takes public ones alone.";
    SipNoTls = "sip_tls_failed", Signalling,
        "The port answers, and the TLS handshake fails.",
        "Speak TLS 1.2 or 1.3 on this port, ask for no client certificate unless you know the platform's, and expect no ALPN.";
    SipUnreachable = "sip_unreachable", Signalling,
        "The server cannot be reached, or the INVITE cannot be sent.",
        "Read the text: it has the system's reason.";
    SipRoutes = "sip_record_route", Signalling,
        "The 200 does not repeat the INVITE's Record-Route, whole and in order. It works here; with WhatsApp the ACK or the BYE is lost, and the call is dropped after about 32 s.",
        "Copy every Record-Route of the INVITE into the 200, unchanged and in order; own ones may stand beside them (Asterisk: rewrite_contact=no).";
    SipRefused = "sip_refused", Signalling,
        "The server answered the INVITE with a status that is none of somebody who declines.",
        "401 and 407: the password is sip_user_password, the user the number's digits without plus. 488: no ICE, DTLS or Opus; set srtp_key_exchange_protocol to SDES. 404: the Request-URI's user is +digits of the number.";

    NoStun = "no_stun_from_business", Path,
        "No ICE check of the business reached the platform, so there is no path for media.",
        "Be a full, controlling ICE agent: start checks towards the a=candidate of the platform's SDP at once, and let UDP out to it. The platform is ice-lite and never starts.";
    StaleUfrag = "ice_wrong_ufrag", Path,
        "Checks came from this business's a=ice-ufrag to a user fragment that no call has: they use the SDP of another call.",
        "Use the a=ice-ufrag of this call's session.sdp; make a new ICE agent for each call.";
    WrongPassword = "ice_wrong_password", Path,
        "Checks came to the right user fragment, signed with a wrong password.",
        "Sign checks with the a=ice-pwd of this call's session.sdp, byte for byte, its == included.";
    WrongSender = "ice_wrong_sender", Path,
        "Checks came from a user fragment that the business's SDP did not name: the SDP of another agent was sent.",
        "Send the SDP of the ICE agent that does the checking; do not make a second offer or answer after the first.";
    RoleConflict = "ice_role_conflict", Path,
        "The business holds itself for the controlled ICE agent and was answered 487 Role Conflict. Then nobody nominates.",
        "Be controlling. The platform's SDP says a=ice-lite, so the other end always is (RFC 8445 6.1.1).";
    NotNominated = "ice_not_nominated", Path,
        "Checks came and were answered, but none nominated a path with USE-CANDIDATE.",
        "Nominate: send a check with USE-CANDIDATE on the pair that was answered (regular nomination).";
    WithoutIce = "packets_without_ice", Path,
        "DTLS or media came from the business's candidate, but no ICE check came from there. The platform only answers on a path that a check has proven.",
        "Start ICE checks before DTLS and media.";
    NoCandidates = "sdp_no_candidates", Path,
        "The business's SDP has no a=candidate, so the platform could only wait for checks, and none came.",
        "Start the checks; give candidates too: gather them before the SDP is sent, there is no trickling.";
    MdnsOnly = "sdp_mdns_candidates", Path,
        "The business's SDP has only mDNS candidates (*.local), which a browser writes to hide its address.",
        "Start the checks from the browser, or grant it the microphone before the SDP is made: then real addresses are written.";
    TcpOnly = "sdp_tcp_candidates", Path,
        "The business's SDP has only TCP candidates; WhatsApp's media is UDP.",
        "Let the agent gather UDP candidates, and let UDP out.";
    OtherFamily = "sdp_other_address_family", Path,
        "The business's candidates and the platform's have no address family in common.",
        "Give the business an address of the platform's family, or advertise one of the business's family (platform setting for media addresses).";
    Unreachable = "sdp_private_candidates", Path,
        "All candidates of the business are private or loopback addresses, which the platform's address cannot reach.",
        "Write the public address into a=candidate, or start the checks yourself: the platform answers where they come from.";

    NobodyStarted = "dtls_nobody_started", Keys,
        "a=setup:active makes the business the DTLS client, and no ClientHello came: it waits, and so does the platform.",
        "Start the handshake once ICE has a path, or answer a=setup:passive if your stack only waits.";
    NotAnswered = "dtls_not_answered", Keys,
        "a=setup:passive made the platform the DTLS client, and its ClientHello was never answered.",
        "Be ready to serve DTLS before the SDP is sent; better: a=setup:active, which Meta recommends.";
    BothStarted = "dtls_both_started", Keys,
        "a=setup:passive made the platform the DTLS client, but the business sent a ClientHello too.",
        "Write a=setup:active: the SDP must say what your stack does.";
    Alert = "dtls_alert", Keys,
        "The business ended the handshake with a DTLS alert.",
        "Look at the alert's name: bad_certificate is the fingerprint of the platform's SDP compared wrongly, handshake_failure no common cipher or SRTP profile.";
    Fingerprint = "dtls_fingerprint_mismatch", Keys,
        "The certificate the business showed is not the one its SDP names.",
        "Write the SHA-256 of the certificate that this call's DTLS uses; do not reuse the SDP of another process or of an earlier start.";
    Unproven = "dtls_from_unproven_address", Keys,
        "DTLS came only from addresses that no ICE check came from, and was dropped.",
        "Send DTLS from the socket that does the checks.";
    NotFinished = "dtls_not_finished", Keys,
        "The handshake began and did not finish.",
        "Repeat flights that are not answered, keep them below the path's MTU (an ECDSA certificate), and offer an SRTP profile (use_srtp).";
    SetupPassive = "dtls_setup_passive", Keys,
        "The business waits for the platform to start DTLS. It works here; with WhatsApp it was reported to fail.",
        "Answer a=setup:active.";
    SrtpAuth = "srtp_auth_failed", Keys,
        "Packets of the business failed SRTP authentication: wrong keys, or a wrong roll-over counter.",
        "Protect with the keys of this call's DTLS handshake (or a=crypto line) and count the roll-over of sequence numbers.";

    NoRtp = "no_rtp_from_business", Sound,
        "The keys were agreed and the business sent no audio. Often both sides wait for the other's first packet.",
        "Send Opus, also silence, from the 200 of accept on; do not wait for the user's first packet.";
    RtcpOnly = "rtcp_only", Sound,
        "The business sent RTCP and no RTP.",
        "Connect the audio track: reports alone keep a call alive, but nobody hears anything.";
    ForeignType = "payload_type_not_agreed", Sound,
        "Packets came with a payload type that the answer does not have; they are dropped.",
        "Send with the payload types of the SDP you answered with: Opus is 111 in the platform's offers.";
    MediaStopped = "business_media_stopped", Sound,
        "The business sent audio and then none until the call was cut.",
        "Keep sending RTP, or RTCP at least every 5 s, until the call ends; check that the process that held the call still runs.";
    MediaGap = "business_media_gap", Sound,
        "The business paused its audio for seconds: a switched-off track, DTX, or a stalled process.",
        "Send silence instead of nothing, or RTCP at least every 5 s; 30 s of neither end the call.";
    MediaLate = "business_media_late", Sound,
        "The business's first audio came long after the answer; the user heard nothing meanwhile.",
        "Send pre_accept early, so that ICE and DTLS are done, and start audio at the 200 of accept.";
    SsrcChanged = "ssrc_changed", Sound,
        "The business changed its SSRC.",
        "Send with one SSRC for the whole call; several break audio on WhatsApp.";
    BusinessSilence = "business_sends_silence", Sound,
        "The business's packets arrive and decode to silence.",
        "Look before the encoder: a muted or unconnected source, a bot that has not begun to speak.";
    UserSilence = "user_sends_silence", Sound,
        "The user's packets arrive and decode to silence; the business is not at fault.",
        "Let the scripted user play something: behaviour play {\"tone_hz\": 440}, or speak on the phone page.";
    UserNothing = "no_rtp_from_user", Sound,
        "The user's phone sent no audio; the business is not at fault.",
        "Look at the phone: a page without microphone, a handset that could not reach the platform's UDP port.";

    Refused = "sdp_refused", Session,
        "An SDP of the business was refused with error 100.",
        "Change the line that the text names.";
    OnlyG711 = "sdp_g711_only", Session,
        "The business's SDP has G.711 and no Opus.",
        "Offer opus/48000/2. G.711 alone is only taken when the number's audio.additional_codecs has it.";
    Differs = "sdp_differs", Session,
        "The SDP of accept is not byte for byte the one of pre_accept.",
        "Keep the text you sent with pre_accept and send the same again.";
    NotCrlf = "sdp_line_ends", Session,
        "Lines of the SDP end with LF. Taken here; the API wants CRLF.",
        "End every line with CRLF.";
    NoLastLineEnd = "sdp_no_last_line_end", Session,
        "The last line of the SDP has no end. Taken here; strict parsers stop there.",
        "End the last line with CRLF too.";
    NoRtcpMux = "sdp_no_rtcp_mux", Session,
        "No a=rtcp-mux; RTCP is expected on RTP's port all the same.",
        "Write a=rtcp-mux.";
    HashCase = "sdp_hash_case", Session,
        "The hash of a=fingerprint is not in lower case; a real call with SHA-256 stayed silent.",
        "Write sha-256 in lower case.";
    NotSendRecv = "sdp_not_sendrecv", Session,
        "The SDP lets audio flow one way only, or not at all.",
        "Write a=sendrecv.";
    SeveralSources = "sdp_several_ssrc", Session,
        "The SDP names several sources; WhatsApp carries one.",
        "Keep one a=ssrc.";
    Ptime = "sdp_ptime", Session,
        "The SDP asks for packets of another length than 20 ms.",
        "Write a=ptime:20 and send 20 ms packets.";
    NoDtmf = "sdp_no_dtmf", Session,
        "No telephone-event/8000: digits of the dialpad will not arrive.",
        "Answer the offer's telephone-event/8000, payload type 126.";
}

impl Code {
    /// A finding with this code's cure.
    pub(crate) fn found(self, text: String) -> Finding {
        self.with_fix(text, self.cure().to_owned())
    }

    /// A finding that knows a closer cure.
    pub(crate) fn with_fix(self, text: String, fix: String) -> Finding {
        Finding { code: self.as_str().to_owned(), text, fix }
    }
}
