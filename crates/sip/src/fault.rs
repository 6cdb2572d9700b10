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
