//! Media files: what else may not be uploaded, and which never go.

use offhook_rules::media_files::{Upload, UseCase, bytes_max, check, expires_at};

use crate::facts::{at, beta, s};

#[test]
fn an_announcement_is_opus_and_stays() {
    let book = beta();
    let announcement = Upload {
        mime: "Audio/OGG; codecs=opus",
        bytes: 1,
        use_case: UseCase::CallVoicemailAnnouncement,
        ogg_opus: Some(s(5)),
        description_chars: 0,
    };
    assert_eq!(check(&announcement, &book), Ok(()));
    let vorbis = Upload { ogg_opus: None, ..announcement };
    assert!(check(&vorbis, &book).unwrap_err().to_string().contains("must be Ogg Opus"));
    let empty = Upload { bytes: 0, ..announcement };
    assert!(check(&empty, &book).unwrap_err().to_string().contains("empty"));
    assert_eq!(expires_at(UseCase::CallVoicemailAnnouncement, at(0), &book), None);
    assert_eq!(bytes_max(&book), 104_857_600);
}

#[test]
fn only_the_platform_makes_recordings() {
    assert_eq!(UseCase::of_upload(None), Ok(UseCase::Message));
    let announcement = UseCase::of_upload(Some("call_voicemail_announcement"));
    assert_eq!(announcement, Ok(UseCase::CallVoicemailAnnouncement));
    assert_eq!(UseCase::of_upload(Some("call_recording")).unwrap_err().rule(), "media.file");
}
