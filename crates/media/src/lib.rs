//! How audio travels: RTP, RTCP, SRTP, SDP, ICE and DTLS driven sans-IO, legs, telephone-events, quality figures.

pub mod transport;
