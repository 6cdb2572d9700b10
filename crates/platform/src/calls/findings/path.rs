//! Did ICE find a path, and if not, what of the business was seen?

use std::net::{IpAddr, SocketAddr};

use engine::Strays;
use media::leg::Checks;

use super::{Code, Seen};
use crate::calls::record::Finding;

/// Why there is no path; none if there is one.
pub(super) fn missing(seen: &Seen<'_>) -> Option<Finding> {
    if seen.business.set_up.ice_ms.is_some() {
        return None;
    }
    let (checks, strays) = (&seen.business.evidence.checks, &seen.business.strays);
    Some(of_checks(checks).or_else(|| of_strays(strays)).unwrap_or_else(|| {
        Code::NoStun.found(
            "No ICE check of the business arrived at all, neither to this call's address nor from \
             any address of its SDP."
                .to_owned(),
        )
    }))
}

fn of_checks(checks: &Checks) -> Option<Finding> {
    let from = whence(checks.from);
    // Checks that came before the SDP are taken on trust; what follows tells.
    if checks.wrong_sender > 0 {
        return Some(Code::WrongSender.found(format!(
            "{} ICE checks{from} name another a=ice-ufrag than the business's SDP does.",
            checks.wrong_sender
        )));
    }
    if checks.accepted > 0 {
        return Some(if checks.controlled > 0 && checks.nominating == 0 {
            Code::RoleConflict.found(format!(
                "{} of {} ICE checks{from} claimed the controlled role and were answered 487; none \
                 nominated a path.",
                checks.controlled, checks.accepted
            ))
        } else {
            Code::NotNominated.found(format!(
                "{} valid ICE checks came{from}, {} of them with USE-CANDIDATE, and no path was \
                 nominated.",
                checks.accepted, checks.nominating
            ))
        });
    }
    (checks.wrong_password > 0).then(|| {
        Code::WrongPassword.found(format!(
            "{} ICE checks{from} were signed with a password that is not this call's a=ice-pwd.",
            checks.wrong_password
        ))
    })
}

fn of_strays(strays: &Strays) -> Option<Finding> {
    let from = whence(strays.from);
    if strays.checks > 0 {
        return Some(Code::StaleUfrag.found(format!(
            "{} ICE checks{from} were addressed to an a=ice-ufrag that no live call has.",
            strays.checks
        )));
    }
    (strays.dtls + strays.media > 0).then(|| {
        Code::WithoutIce.found(format!(
            "{} DTLS datagrams and {} packets of media came{from}, and not one ICE check.",
            strays.dtls, strays.media
        ))
    })
}

/// What is worth knowing although there is a path.
pub(super) fn noted(seen: &Seen<'_>) -> Option<Finding> {
    let ice_ms = seen.business.set_up.ice_ms?;
    let conflicts = seen.business.evidence.checks.controlled;
    (conflicts > 0).then(|| {
        Code::RoleConflict.found(format!(
            "{conflicts} ICE checks claimed the controlled role and were answered 487 before a path \
             was found after {ice_ms} ms."
        ))
    })
}

/// What the business's candidates have to do with it.
pub(super) fn candidates(seen: &Seen<'_>) -> Option<Finding> {
    let sdp = seen.sdp?;
    // Checks that came show that the addresses do not matter.
    if seen.business.evidence.checks.accepted > 0 {
        return None;
    }
    let skipped = sdp.skipped;
    if sdp.candidates.is_empty() {
        let count = |count: usize, kind: &str| format!("All {count} a=candidate lines are {kind}.");
        return Some(if skipped.mdns > 0 {
            Code::MdnsOnly.found(count(skipped.mdns, "mDNS names (*.local)"))
        } else if skipped.tcp > 0 {
            Code::TcpOnly.found(count(skipped.tcp, "TCP"))
        } else {
            Code::NoCandidates.found("The business's SDP has no a=candidate line.".to_owned())
        });
    }
    let reach =
        |ours: &SocketAddr| sdp.candidates.iter().any(|theirs| theirs.is_ipv4() == ours.is_ipv4());
    if !sdp.ours.iter().any(reach) {
        let (theirs, ours) = (family(&sdp.candidates), family(&sdp.ours));
        return Some(Code::OtherFamily.found(format!(
            "The business's candidates are {theirs} only, the platform's {ours} only."
        )));
    }
    let all_near = sdp.candidates.iter().all(|addr| is_near(addr.ip()));
    (all_near && !sdp.ours.iter().any(|addr| is_near(addr.ip()))).then(|| {
        Code::Unreachable.found(format!(
            "All {} candidates are private or loopback addresses; the platform's is public.",
            sdp.candidates.len()
        ))
    })
}

fn family(addrs: &[SocketAddr]) -> &'static str {
    if addrs.iter().any(SocketAddr::is_ipv4) { "IPv4" } else { "IPv6" }
}

/// Only reachable from the same machine or site.
fn is_near(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_private() || ip.is_loopback() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

/// ` from ADDRESS (what kind of address)`, for the middle of a sentence.
fn whence(from: Option<SocketAddr>) -> String {
    let Some(from) = from else { return String::new() };
    let kind = match from.ip() {
        ip if ip.is_loopback() => "loopback",
        ip if is_near(ip) => "private",
        _ => "public",
    };
    let family = if from.is_ipv4() { "IPv4" } else { "IPv6" };
    format!(" from {from} ({kind}, {family})")
}
