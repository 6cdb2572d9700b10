//! Do the calls of numbers by SIP find their way?
//!
//! The platform's settings of the number must lead to us and be keyed as ours are, the platform must
//! believe our certificate for the name it knows us by, and answer OPTIONS.

use std::time::Duration;

use media::sdp::Keying;
use rustls::pki_types::{CertificateDer, pem::PemObject};
use sip::ProbeError;
use terms::PhoneNumberId;
use wire::graph::settings::{Calling, KeyExchange, Switch};

use super::{files, finding::Finding, trunks};
use crate::{
    config::{Config, LineSip, Sip},
    upstream_sip::Edge,
};

/// Does the platform send the number's calls by SIP to us, and keyed as we do?
pub(super) fn settings(calling: &Calling, id: &PhoneNumberId, by_sip: &LineSip) -> Vec<Finding> {
    let mut found = vec![server(calling, id, by_sip)];
    let theirs = match calling.srtp_key_exchange_protocol {
        Some(KeyExchange::Sdes) => Keying::Sdes,
        Some(KeyExchange::Dtls | KeyExchange::Unknown(_)) | None => Keying::Dtls,
    };
    if theirs != by_sip.keying {
        let fix = "Write keying as srtp_key_exchange_protocol says in the number's settings.";
        let what = "Our calls by SIP are keyed otherwise than the number wants it.";
        found.push(Finding::fault("calling.keys", "keys_differ", what, fix));
    }
    found
}

fn server(calling: &Calling, id: &PhoneNumberId, by_sip: &LineSip) -> Finding {
    let (check, ours) = ("calling.sip", &by_sip.hostname);
    let fix = format!(
        "POST /{id}/settings {{\"calling\":{{\"sip\":{{\"status\":\"ENABLED\",\"servers\":\
         [{{\"hostname\":\"{ours}\"}}]}}}}}}"
    );
    let sip = calling.sip.as_ref().filter(|sip| sip.status == Some(Switch::Enabled));
    let Some(sip) = sip else {
        let what = "The number is set to SIP here, and to Graph at the platform.";
        return Finding::fault(check, "sip_not_on", what, &fix);
    };
    let servers = sip.servers.as_deref().unwrap_or_default();
    if servers.iter().any(|server| server.hostname.eq_ignore_ascii_case(ours)) {
        let what = format!("SIP is on, and calls go to {ours}.");
        return Finding::ok(check, "sip_on_for_us", what).with("hostname", ours);
    }
    let what = format!("SIP is on, and no server of the number is {ours}.");
    Finding::fault(check, "sip_elsewhere", what, &fix).with("hostname", ours)
}

/// Looks at our certificate and asks the platform, for each number by SIP.
pub(super) async fn examine(
    config: &Config,
    asked_for: &(impl Fn(&PhoneNumberId) -> bool + Sync),
    now: Duration,
) -> Vec<Finding> {
    let mut found = Vec::new();
    let Some(sip) = &config.sip else { return found };
    for line in config.lines.iter() {
        let id = &line.number.phone_number_id;
        let Some(by_sip) = line.sip.clone().filter(|_| asked_for(id)) else { continue };
        found.push(certificate(sip, &by_sip.hostname, now).of_line(id));
        found.push(platform(sip, by_sip).await.of_line(id));
    }
    found
}

/// Would the platform believe us under our name?
fn certificate(sip: &Sip, hostname: &str, now: Duration) -> Finding {
    let check = "sip.certificate";
    let believed = sip.tls.as_ref().ok_or_else(|| "[sip.tls] does not listen".to_owned());
    let believed = believed.and_then(|(_, files)| {
        let shown = CertificateDer::pem_file_iter(&files.certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| error.to_string())?;
        let [own, rest @ ..] = &*shown else { return Err("no certificate in the file".into()) };
        files::believed(own, rest, Some(hostname), now).map_err(|error| error.to_string())
    });
    match believed {
        Ok(()) => {
            let what = format!("The certificate is public and for {hostname}.");
            Finding::ok(check, "sip_certificate_fits", what).with("hostname", hostname)
        }
        Err(why) => {
            let what = format!(
                "The platform would not believe the certificate of [sip.tls] for {hostname}: no \
                 call of a user comes."
            );
            let fix = "Have a public authority issue it for that name, and write what leads to its \
                       root behind it; one of your own is fine for a sandbox.";
            Finding::fault(check, "sip_certificate_unfit", what, fix)
                .with("hostname", hostname)
                .seen(why)
        }
    }
}

async fn platform(sip: &Sip, by_sip: LineSip) -> Finding {
    let check = "sip.platform";
    let domain = by_sip.domain.clone();
    let agent = match trunks::start(sip).await {
        Ok(agent) => agent,
        Err(fault) => return fault,
    };
    let (code, what, fix, seen) = match Edge::new(by_sip).probe(&agent).await {
        Ok(status) => {
            let what = format!("{domain} answers by SIP.");
            let finding = Finding::ok(check, "sip_platform_answers", what).with("domain", &domain);
            return finding.seen(status.to_string());
        }
        Err(None) => (
            "sip_platform_nameless",
            format!("{domain} leads nowhere."),
            "Check DNS, and that it has an address of the family of [sip.tls] listen.",
            String::new(),
        ),
        Err(Some(ProbeError::Silent)) => (
            "sip_platform_silent",
            format!("{domain} does not answer by SIP."),
            "Ask again in a moment; look at the platform's status.",
            String::new(),
        ),
        Err(Some(error @ (ProbeError::Connect(_) | ProbeError::Send(_)))) => (
            "sip_platform_unreachable",
            format!("{domain} cannot be reached by SIP."),
            "Let TCP to port 5061 out; of a sandbox set [sip.tls] roots to its certificate.",
            crate::calls::chain(&error),
        ),
    };
    Finding::fault(check, code, what, fix).with("domain", &domain).seen(seen)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{config::Secret, doctor::Grade};

    fn by_sip() -> LineSip {
        LineSip {
            hostname: "sip.aurora.example".into(),
            domain: "wa.meta.vc".into(),
            server: ("127.0.0.1".into(), 9),
            password: Some(Secret::new("secret")),
            keying: Keying::Sdes,
        }
    }

    fn found(sip: &Value, keys: &str) -> Vec<(&'static str, Grade)> {
        let calling = json!({"status": "ENABLED", "sip": sip, "srtp_key_exchange_protocol": keys});
        let calling: Calling = serde_json::from_value(calling).unwrap();
        let id = "109876543210987".parse().unwrap();
        settings(&calling, &id, &by_sip()).iter().map(|each| (each.code, each.grade)).collect()
    }

    #[test]
    fn the_numbers_settings_must_lead_to_us() {
        let server = |name: &str| json!({"status": "ENABLED", "servers": [{"hostname": name}]});
        let ours = server("SIP.aurora.example");
        assert_eq!(found(&ours, "SDES"), [("sip_on_for_us", Grade::Ok)]);
        assert_eq!(found(&server("sip.brisa.example"), "SDES"), [("sip_elsewhere", Grade::Fault)]);
        assert_eq!(found(&json!({"status": "DISABLED"}), "SDES"), [("sip_not_on", Grade::Fault)]);
        let keyed = [("sip_on_for_us", Grade::Ok), ("keys_differ", Grade::Fault)];
        assert_eq!(found(&ours, "DTLS"), keyed);
    }
}
