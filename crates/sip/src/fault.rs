//! Why could the user agent not start, call or ask?

use std::io;

use thiserror::Error;

/// Why [`crate::UserAgent::start`] failed.
#[derive(Debug, Error)]
pub enum StartError {
    /// The port cannot be had.
    #[error("cannot listen for SIP over {transport}")]
    Bind {
        /// `UDP`, `TCP` or `TLS`.
        transport: &'static str,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Neither a plain address nor one for TLS is given.
    #[error("a SIP user agent has to listen somewhere")]
    Nowhere,
    /// The stack below refused what it was given.
    #[error("the SIP stack does not start")]
    Stack(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Why [`crate::UserAgent::call`] was refused. Nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CallError {
    /// The extension or the caller has characters a SIP user does not.
    #[error("{0} is no SIP user: letters, digits and + - _ . * # only, 1 to 64 of them")]
    User(&'static str),
    /// As many calls as the agent takes are under way.
    #[error("as many SIP calls as this agent takes are under way")]
    Full,
}

/// Why there is no connection to a target.
#[derive(Debug, Error)]
pub enum ReachError {
    /// Nobody listens there.
    #[error("nobody listens there")]
    Refused,
    /// Nothing answered in time.
    #[error("nothing answers there")]
    Silent,
    /// The certificate is for another name.
    #[error("its certificate is for another name")]
    Name,
    /// The certificate is none that we trust.
    #[error("its certificate is not trusted: {0}")]
    Trust(String),
    /// It speaks TLS with us, but not to the end.
    #[error("the TLS handshake failed: {0}")]
    Handshake(String),
    /// Anything else of the network.
    #[error("it cannot be reached")]
    Network(#[source] io::Error),
}

impl From<io::Error> for ReachError {
    fn from(fault: io::Error) -> Self {
        use rustls::{CertificateError as Bad, Error as Tls};
        let tls = fault.get_ref().and_then(|inner| inner.downcast_ref::<Tls>());
        match (fault.kind(), tls) {
            (
                _,
                Some(Tls::InvalidCertificate(
                    Bad::NotValidForName | Bad::NotValidForNameContext { .. },
                )),
            ) => Self::Name,
            (_, Some(Tls::InvalidCertificate(bad))) => Self::Trust(bad.to_string()),
            (_, Some(other)) => Self::Handshake(other.to_string()),
            (io::ErrorKind::ConnectionRefused, None) => Self::Refused,
            (io::ErrorKind::TimedOut, None) => Self::Silent,
            (io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData, None) => {
                Self::Handshake(fault.to_string())
            }
            (_, None) => Self::Network(fault),
        }
    }
}

/// Why a target's health is not known.
#[derive(Debug, Error)]
pub enum ProbeError {
    /// It said nothing in time.
    #[error("the target does not answer OPTIONS")]
    Silent,
    /// It cannot be reached.
    #[error("the target cannot be reached")]
    Connect(#[source] io::Error),
    /// The stack below could not send.
    #[error("OPTIONS cannot be sent")]
    Send(#[source] Box<dyn std::error::Error + Send + Sync>),
}
