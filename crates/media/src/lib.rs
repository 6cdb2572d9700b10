//! How audio travels: RTP, RTCP, SRTP, SDP, ICE and DTLS driven sans-IO, and the figures about it.
//!
//! Pure: no clock, no socket, no randomness. Time comes in as a value, packets come in and go out
//! as bytes in the caller's buffer, and nothing on the way of a packet allocates. Bytes from the
//! network are hostile: every parser answers them with a value, never with a panic.

pub mod delays;
pub mod dtmf;
pub mod frame;
pub mod leg;
pub mod mark;
pub mod one_key;
pub mod quality;
pub mod rtcp;
pub mod rtp;
pub mod sdp;
pub mod srtp;
pub mod stream;
pub mod stun;
pub mod transport;
pub mod turn;

/// Where a test's time begins; it only adds to it.
#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "an Instant can only be had from the clock")]
fn any_instant() -> std::time::Instant {
    std::time::Instant::now()
}
