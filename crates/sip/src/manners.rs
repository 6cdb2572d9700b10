//! How do we behave in one call, where that is not as in all others?

/// What one call differs in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manners {
    /// The host of our `Contact`, for far ends that reach us by a name and its certificate; our address
    /// where absent.
    pub host: Option<String>,
    /// The host in the URI of whom we call, without a port, wherever the target is; the target's where
    /// absent.
    pub callee_host: Option<String>,
    /// The whole URI of whom we call, who is at the other end of a [`crate::Origin`]; made of the extension and
    /// the target where absent.
    pub contact: Option<String>,
    /// No session timer (RFC 4028), whatever the agent's other calls have: for far ends that take no
    /// re-INVITE.
    pub no_timer: bool,
    /// Neither REFER nor `Replaces` is offered: for far ends that give no calls to others.
    pub no_transfer: bool,
    /// `Replaces` alone is not offered: for calls in which nobody's place is to be had.
    pub no_replaces: bool,
}
