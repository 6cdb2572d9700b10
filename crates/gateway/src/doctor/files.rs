//! Can this machine keep what must be kept, play what must be played and show its certificate?

use std::{os::unix::fs::PermissionsExt as _, path::Path, time::Duration};

use rustls::{
    CertificateError, RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier as _},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};

use super::finding::Finding;
use crate::{
    config::{FlowSource, Recording, RecordingKey, TlsFiles},
    prompts::{House, Shelf},
};

/// A certificate that ends sooner than this should have been renewed by now.
const RENEWED_BEFORE: Duration = Duration::from_secs(14 * 86_400);

/// Is the folder of the records there, and may we write in it?
pub(super) fn storage(folder: Option<&Path>) -> Finding {
    let check = "storage.folder";
    let Some(folder) = folder else {
        let fix = "Set data_dir, or start with --data.";
        let what = "Nothing is kept: records, consent and webhooks end with the process.";
        return Finding::warning(check, "folder_none", what, fix);
    };
    match write_in(folder) {
        Ok(()) => Finding::ok(check, "folder_writable", "The data folder can be written."),
        Err(error) => {
            let fix = "Give the folder to the user the gateway runs as, and look at the disk.";
            Finding::fault(check, "folder_not_writable", "The data folder cannot be written.", fix)
                .seen(error.to_string())
        }
    }
}

fn write_in(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let probe = folder.join(format!(".doctor-{}", std::process::id()));
    let written = std::fs::write(&probe, [0; 4_096]);
    // What could not be written may be there in part.
    let removed = std::fs::remove_file(&probe);
    written.and(removed)
}

/// Are the keys of recordings where they were read, and ours alone? Nothing where none is named.
pub(super) fn recording_keys(recording: &Recording) -> Option<Finding> {
    let check = "recording.keys";
    recording.keys().next()?;
    let faults = recording.keys().filter_map(|key| key_fault(check, key));
    Some(faults.max_by_key(|finding| finding.grade).unwrap_or_else(|| {
        let what = "Recordings are encrypted, and only the gateway's user can read the keys.";
        Finding::ok(check, "recording_keys_private", what)
    }))
}

fn key_fault(check: &'static str, key: &RecordingKey) -> Option<Finding> {
    let file = key.file.display();
    let rights = match key.file.metadata().and_then(|it| std::fs::read(&key.file).map(|_| it)) {
        Ok(there) => there.permissions().mode() & 0o777,
        Err(error) => {
            let fix = "Put the file back before the next start; without it recordings are lost.";
            let what = "A key of the recordings cannot be read again.";
            let fault = Finding::fault(check, "recording_keys_unreadable", what, fix);
            return Some(fault.seen(format!("{file}: {error}")));
        }
    };
    if rights & 0o077 == 0 {
        return None;
    }
    let fix = "Take their rights away: chmod 600.";
    let what = "Others on this machine can read a key of the recordings.";
    let warning = Finding::warning(check, "recording_keys_shared", what, fix);
    Some(warning.seen(format!("{file} has {rights:o}")))
}

/// Can the flow be walked and every prompt played?
pub(super) fn prompts(flow: Option<&FlowSource>, house: &House) -> Finding {
    let check = "flow.prompts";
    match Shelf::load(flow, house) {
        Ok(shelf) if shelf.flow.is_none() => {
            let fix = "Set `flow`, or have an agent be available at every hour.";
            Finding::warning(
                check,
                "flow_none",
                "No flow answers when no agent does: such calls end.",
                fix,
            )
        }
        Ok(_) => Finding::ok(check, "flow_playable", "The flow and its prompts can be played."),
        Err(error) => {
            let fix = "Mend the file that is named; prompts are WAV or Ogg Opus.";
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            let seen = [Some(error.to_string()), cause].into_iter().flatten();
            Finding::fault(check, "flow_unusable", "The flow or a prompt cannot be used.", fix)
                .seen(seen.collect::<Vec<_>>().join(": "))
        }
    }
}

/// Would the platform and browsers believe the certificate?
pub(super) fn certificate(files: &TlsFiles, callback_url: Option<&str>, now: Duration) -> Finding {
    let check = "tls.certificate";
    let shown = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let shown = match shown {
        Ok(shown) => shown,
        Err(error) => {
            let fix = "Give the file to the user the gateway runs as; it must be PEM.";
            return Finding::fault(
                check,
                "certificate_unreadable",
                "The certificate cannot be read.",
                fix,
            )
            .seen(error.to_string());
        }
    };
    let host = callback_url.and_then(|url| reqwest::Url::parse(url).ok());
    chain(check, &shown, host.as_ref().and_then(reqwest::Url::host_str), now)
}

/// Would the platform and browsers believe this certificate, its own first?
pub(super) fn chain(
    check: &'static str,
    chain: &[CertificateDer<'_>],
    host: Option<&str>,
    now: Duration,
) -> Finding {
    let [own, rest @ ..] = chain else {
        let fix = "Write the certificate and what leads to its root, PEM, in that order.";
        return Finding::fault(check, "certificate_missing", "There is no certificate.", fix);
    };
    let host = host.map(|host| host.trim_matches(['[', ']']));
    let today = believed(own, rest, host, now);
    if today.is_ok() && believed(own, rest, host, now + RENEWED_BEFORE).is_err() {
        let fix = "Renew it; a gateway with [tls] takes new files while it runs.";
        let what = "The certificate ends within two weeks.";
        return Finding::warning(check, "certificate_ends_soon", what, fix);
    }
    judged(check, today, host)
}

fn judged(check: &'static str, believed: Result<(), rustls::Error>, host: Option<&str>) -> Finding {
    let error = match believed {
        Ok(()) => {
            return Finding::ok(
                check,
                "certificate_trusted",
                "The certificate is valid and publicly trusted.",
            );
        }
        Err(error) => error,
    };
    let seen = error.to_string();
    let rustls::Error::InvalidCertificate(why) = error else {
        let fix = "Have it issued again by a public authority.";
        return Finding::fault(
            check,
            "certificate_unusable",
            "The certificate cannot be used.",
            fix,
        )
        .seen(seen);
    };
    let (code, what, fix) = words(&why);
    // Without a public host nobody outside was ever meant to believe it.
    let finding = if host.is_some() {
        Finding::fault(check, code, what, fix)
    } else {
        Finding::warning(check, code, what, fix)
    };
    finding.seen(seen)
}

/// What a reason means, and what to do.
fn words(why: &CertificateError) -> (&'static str, &'static str, &'static str) {
    use CertificateError as Why;
    if matches!(why, Why::Expired | Why::ExpiredContext { .. }) {
        let fix = "Renew it; a gateway with [tls] takes new files while it runs.";
        return ("certificate_ended", "The certificate has ended.", fix);
    }
    if matches!(why, Why::NotValidYet | Why::NotValidYetContext { .. }) {
        let fix = "Look at this machine's clock.";
        return ("certificate_not_yet", "The certificate is not valid yet.", fix);
    }
    if matches!(why, Why::NotValidForName | Why::NotValidForNameContext { .. }) {
        return (
            "certificate_of_another_name",
            "The certificate is for another name than the callback URL.",
            "Have it issued for the host in the app's callback URL.",
        );
    }
    if matches!(why, Why::UnknownIssuer) {
        return (
            "certificate_not_public",
            "The certificate leads to no public authority: webhooks will not be delivered.",
            "Add the intermediate certificates to the file, or use a public authority; one of your \
             own is fine for a sandbox.",
        );
    }
    let fix = "Have it issued again by a public authority.";
    ("certificate_unusable", "The certificate cannot be used.", fix)
}

/// Whether a client would believe it at that time. Without a name to compare, the rest counts.
/// Why not; without a host any name will do.
pub(super) fn believed(
    own: &CertificateDer<'_>,
    rest: &[CertificateDer<'_>],
    host: Option<&str>,
    at: Duration,
) -> Result<(), rustls::Error> {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let verifier = WebPkiServerVerifier::builder(roots.into())
        .build()
        .map_err(|error| rustls::Error::General(error.to_string()))?;
    let name = ServerName::try_from(host.unwrap_or("doctor.invalid").to_owned())
        .map_err(|error| rustls::Error::General(error.to_string()))?;
    let at = UnixTime::since_unix_epoch(at);
    match verifier.verify_server_cert(own, rest, &name, &[], at) {
        Ok(_) => Ok(()),
        // The name is compared last.
        Err(rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        )) if host.is_none() => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;

    use super::super::finding::Grade;
    use super::*;

    fn now() -> Duration {
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap()
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_a_fault_and_none_a_warning() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        assert_eq!(storage(None).grade, Grade::Warning);
        assert_eq!(storage(Some(&data)).grade, Grade::Ok);
        assert_eq!(std::fs::read_dir(&data).unwrap().count(), 0);
        std::fs::write(folder.path().join("file"), "").unwrap();
        assert_eq!(storage(Some(&folder.path().join("file"))).grade, Grade::Fault);
    }

    #[test]
    fn a_key_that_others_can_read_or_that_is_gone_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let key = |name: &str, rights| {
            let file = folder.path().join(name);
            std::fs::write(&file, "0").unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(rights)).unwrap();
            RecordingKey::new(file, [1; 32])
        };
        let (own, shared) = (key("own", 0o600), key("shared", 0o640));
        let gone = RecordingKey::new(folder.path().join("gone"), [1; 32]);
        let of = |key: &RecordingKey, old: &[&RecordingKey]| {
            let old_keys = old.iter().copied().cloned().collect();
            recording_keys(&Recording { key: Some(key.clone()), old_keys, ..Recording::default() })
        };
        assert_eq!(recording_keys(&Recording::default()), None);
        assert_eq!(of(&own, &[]).unwrap().grade, Grade::Ok);
        let warning = of(&own, &[&shared]).unwrap();
        assert_eq!((warning.grade, warning.code), (Grade::Warning, "recording_keys_shared"));
        assert!(warning.evidence.unwrap().contains("shared has 640"));
        let fault = of(&gone, &[&shared]).unwrap();
        assert_eq!((fault.grade, fault.code), (Grade::Fault, "recording_keys_unreadable"));
    }

    #[test]
    fn a_prompt_that_cannot_be_played_is_named() {
        let toml =
            "start = \"a\"\n[step.a]\nplay = \"a\"\nnext = \"z\"\n[step.z]\nhang_up = true\n";
        let prompts = vec![("a".to_owned(), b"no sound".to_vec())];
        let flow = FlowSource::Embedded { toml: toml.into(), prompts };
        let house =
            House { speech: false, queues: None, bots: None, trunks: None, by_platform: false };
        let broken = super::prompts(Some(&flow), &house);
        assert_eq!(broken.grade, Grade::Fault);
        assert!(broken.evidence.unwrap().contains("prompt a"));
        assert_eq!(super::prompts(None, &house).grade, Grade::Warning);
    }

    #[test]
    fn a_certificate_nobody_knows_or_that_is_none_is_told() {
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let folder = tempfile::tempdir().unwrap();
        let files = |name: &str| TlsFiles {
            certificate: folder.path().join(name),
            key: folder.path().join("key.pem"),
        };
        let own = rcgen::generate_simple_self_signed(vec!["desk.example".to_owned()]).unwrap();
        let text = base64::prelude::BASE64_STANDARD.encode(own.cert.der());
        let pem = format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
        std::fs::write(folder.path().join("own.pem"), pem).unwrap();
        std::fs::write(folder.path().join("empty.pem"), "").unwrap();
        let public = Some("https://desk.example/webhooks/whatsapp");
        let grade = |name: &str, url| certificate(&files(name), url, now()).grade;
        assert_eq!(grade("own.pem", public), Grade::Fault);
        assert_eq!(grade("own.pem", None), Grade::Warning);
        assert_eq!(grade("empty.pem", None), Grade::Fault);
        assert_eq!(grade("missing.pem", None), Grade::Fault);
    }

    #[test]
    fn each_reason_has_its_words() {
        let of = |why| {
            judged("tls", Err(rustls::Error::InvalidCertificate(why)), Some("desk.example")).what
        };
        assert!(of(CertificateError::Expired).contains("ended"));
        assert!(of(CertificateError::NotValidYet).contains("not valid yet"));
        assert!(of(CertificateError::NotValidForName).contains("another name"));
    }
}
