//! Where does a trunk lead, and whom of its targets is rung first?

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

/// How messages travel to a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// Datagrams; lost ones are sent again.
    Udp,
    /// One connection for all calls to a target.
    Tcp,
    /// The same inside TLS, with a certificate for the target's name.
    Tls,
}

impl Transport {
    /// The port where none is said (RFC 3261, 19.1.2).
    #[must_use]
    pub const fn port(self) -> u16 {
        match self {
            Self::Udp | Self::Tcp => 5060,
            Self::Tls => 5061,
        }
    }

    /// As in a URI's `transport` parameter.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        }
    }
}

/// One place a trunk's calls may go to.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Target {
    /// Its address.
    pub address: SocketAddr,
    /// Its name, in the URI and in its certificate; the address where it has none.
    pub host: Option<Arc<str>>,
    /// How messages travel to it.
    pub transport: Transport,
    /// Lower ones are rung first.
    pub priority: u16,
    /// Its share of the calls among those of one priority; 0 only when the others are unavailable.
    pub weight: u16,
}

impl fmt::Debug for Target {
    /// Without the address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("transport", &self.transport)
            .field("priority", &self.priority)
            .field("weight", &self.weight)
            .finish_non_exhaustive()
    }
}

impl Target {
    /// The order in which `targets` are rung: by priority, within one by weight and chance (RFC 2782).
    ///
    /// `draw` answers a number below its argument, which is never 0.
    pub fn order(targets: &[Self], mut draw: impl FnMut(u32) -> u32) -> Vec<Self> {
        let mut left = targets.to_vec();
        left.sort_by_key(|target| (target.priority, target.weight));
        let mut order = Vec::with_capacity(left.len());
        while let Some(priority) = left.first().map(|target| target.priority) {
            let peers = left.iter().take_while(|target| target.priority == priority);
            let sum: u32 = peers.map(|target| u32::from(target.weight)).sum();
            let chosen = if sum == 0 { 0 } else { at_mark(&left, draw(sum)) };
            order.push(left.remove(chosen));
        }
        order
    }
}

/// Which target's share of the weights holds `mark`.
fn at_mark(targets: &[Target], mark: u32) -> usize {
    let mut passed = 0;
    let at = targets.iter().position(|target| {
        passed += u32::from(target.weight);
        mark < passed
    });
    at.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(port: u16, priority: u16, weight: u16) -> Target {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        Target { address, host: None, transport: Transport::Udp, priority, weight }
    }

    fn ports(order: &[Target]) -> Vec<u16> {
        order.iter().map(|target| target.address.port()).collect()
    }

    #[test]
    fn priority_comes_before_weight_and_no_weight_comes_last() {
        let targets = [target(1, 2, 9), target(2, 1, 0), target(3, 1, 1), target(4, 1, 3)];
        assert_eq!(ports(&Target::order(&targets, |_| 0)), [3, 4, 2, 1]);
        assert_eq!(ports(&Target::order(&targets, |sum| sum - 1)), [4, 3, 2, 1]);
    }

    #[test]
    fn shares_follow_the_weights() {
        let targets = [target(1, 1, 1), target(2, 1, 3)];
        let firsts = (0..4).map(|mark| Target::order(&targets, |sum| mark % sum));
        let second = firsts.filter(|order| ports(order).first() == Some(&2)).count();
        assert_eq!(second, 3);
    }

    #[test]
    fn no_target_is_no_order() {
        assert!(Target::order(&[], |_| 0).is_empty());
    }
}
