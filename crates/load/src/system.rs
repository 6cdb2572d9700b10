//! What is loaded, and how does one reach it?

use terms::WaId;

use crate::{agent::LogInAs, bots::Bots, process::Watched, relay::Exchange};

/// A running gateway, and who is in front of it.
#[derive(Debug, Clone)]
pub struct System {
    /// Where its calls come from.
    pub front: Front,
    /// The gateway's address.
    pub gateway: String,
    /// The business number of the gateway.
    pub business: WaId,
    /// Agents of the gateway that nobody else uses.
    pub agents: Vec<LogInAs>,
    /// The bots that the gateway dials; calls of bots need them.
    pub bots: Option<Bots>,
    /// Processes whose usage is reported beside this one's.
    pub watched: Vec<Watched>,
}

/// Where a gateway's calls come from.
#[derive(Debug, Clone)]
pub enum Front {
    /// A platform at this address, such as `http://127.0.0.1:8400`. Its sandbox API makes the users.
    Platform(String),
    /// The load itself.
    Exchange(Exchange),
}

/// Lets this process, and those it starts, open as many sockets as the system allows.
pub fn allow_many_sockets() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let limits = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limits.maximum, ..limits };
    if let Err(fault) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%fault, "cannot raise the limit of open sockets");
    }
}
