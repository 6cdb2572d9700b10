//! Who asks for our password gets it proven, in whichever of the documented ways.

use std::time::Duration;

use md5::Digest as _;
use offhook_sip::{Credentials, End, Invite, News, Registrar, Registration, Transport};

use crate::calls::{agent, invite, news, target};
use crate::far_end::{FarEnd, PATIENCE, SDP, value};

const PASSWORD: &str = "secret";

/// What is asked, and which of it is answered.
struct Asked {
    questions: &'static [&'static str],
    algorithm: &'static str,
    nonce: &'static str,
    qop: bool,
}

const ALL: [Asked; 6] = [
    Asked {
        questions: &["realm=\"pbx\", nonce=\"n1\", algorithm=SHA-256, qop=\"auth\""],
        algorithm: "SHA-256",
        nonce: "n1",
        qop: true,
    },
    Asked {
        questions: &["realm=\"pbx\", nonce=\"n1\", algorithm=SHA-256"],
        algorithm: "SHA-256",
        nonce: "n1",
        qop: false,
    },
    Asked {
        questions: &[
            "realm=\"pbx\", nonce=\"n1\", algorithm=SHA-256, qop=\"auth\"",
            "realm=\"pbx\", nonce=\"n2\", algorithm=MD5, qop=\"auth\"",
        ],
        algorithm: "SHA-256",
        nonce: "n1",
        qop: true,
    },
    Asked {
        questions: &[
            "realm=\"pbx\", nonce=\"n1\", algorithm=SHA-512-256, qop=\"auth\"",
            "realm=\"pbx\", nonce=\"n2\", algorithm=MD5, qop=\"auth\"",
        ],
        algorithm: "MD5",
        nonce: "n2",
        qop: true,
    },
    Asked {
        questions: &["realm=\"pbx\", nonce=\"n1\", algorithm=MD5, qop=\"auth,auth-int\""],
        algorithm: "MD5",
        nonce: "n1",
        qop: true,
    },
    Asked {
        questions: &["realm=\"pbx\", nonce=\"n1\", opaque=\"o\""],
        algorithm: "MD5",
        nonce: "n1",
        qop: false,
    },
];

impl Asked {
    /// The headers of a response that asks.
    fn by(&self, asker: &str) -> String {
        self.questions.iter().map(|said| format!("{asker}: Digest {said}\r\n")).collect()
    }

    /// Holds `request` to what RFC 7616 has for an answer.
    fn is_answered_by(&self, request: &str, header: &str) {
        let answer = value(request, header);
        let rest = answer.strip_prefix("Digest ").unwrap_or_else(|| panic!("{answer}"));
        let said = |name: &str| {
            let mut params = rest.split(", ").filter_map(|param| param.split_once('='));
            params.find(|(key, _)| *key == name).map(|(_, value)| value)
        };
        let quoted = |name: &str| said(name).and_then(|it| it.strip_prefix('"')?.strip_suffix('"'));
        assert_eq!((said("algorithm"), quoted("nonce")), (Some(self.algorithm), Some(self.nonce)));
        let mut start = request.split(' ');
        let (method, uri) = (start.next().unwrap(), start.next().unwrap());
        assert_eq!(quoted("uri"), Some(uri), "{request}");
        let secret = self.hash(&format!("offhook:pbx:{PASSWORD}"));
        let what = self.hash(&format!("{method}:{uri}"));
        let middle = if self.qop {
            assert_eq!((said("qop"), said("nc")), (Some("auth"), Some("00000001")), "{answer}");
            format!("{}:00000001:{}:auth", self.nonce, quoted("cnonce").unwrap())
        } else {
            assert_eq!((said("qop"), said("nc"), said("cnonce")), (None, None, None), "{answer}");
            self.nonce.to_owned()
        };
        let response = self.hash(&format!("{secret}:{middle}:{what}"));
        assert_eq!(quoted("response"), Some(response.as_str()), "{answer}");
    }

    fn hash(&self, text: &str) -> String {
        match self.algorithm {
            "MD5" => hex::encode(md5::Md5::digest(text)),
            _ => hex::encode(sha2::Sha256::digest(text)),
        }
    }
}

fn credentials() -> Credentials {
    Credentials { user: "offhook".into(), password: PASSWORD.into() }
}

#[tokio::test]
async fn a_call_answers_each_question() {
    let agent = agent().await;
    let mut far = FarEnd::udp().await;
    for (status, asker, header) in [
        ("401 Unauthorized", "WWW-Authenticate", "Authorization"),
        ("407 Proxy Authentication Required", "Proxy-Authenticate", "Proxy-Authorization"),
    ] {
        for asked in &ALL {
            let invite = invite(vec![target(&far, Transport::Udp)]);
            let invite = Invite { credentials: Some(credentials()), ..invite };
            let mut call = agent.call(invite).unwrap();
            let first = far.hears("INVITE").await;
            far.says(&far.response(&first, status, &asked.by(asker), "")).await;
            far.hears("ACK").await;
            let second = far.hears("INVITE").await;
            asked.is_answered_by(&second, header);
            far.answers_with_sdp(&second, "200 OK").await;
            far.hears("ACK").await;
            assert_eq!(news(&mut call).await, News::Answered { target: 0, answer: SDP.into() });
            call.hang_up(None);
            let bye = far.hears("BYE").await;
            far.answers(&bye, "200 OK").await;
            assert_eq!(news(&mut call).await, News::Ended(End::Ours));
        }
    }
}

#[tokio::test]
async fn a_registration_answers_each_question() {
    let agent = agent().await;
    for asked in &ALL {
        let mut far = FarEnd::udp().await;
        let registered = agent.register(Registrar {
            target: target(&far, Transport::Udp),
            domain: Some("pbx.test".into()),
            credentials: credentials(),
            expires: Duration::from_secs(120),
        });
        let first = far.hears("REGISTER").await;
        let questions = asked.by("WWW-Authenticate");
        far.says(&far.response(&first, "401 Unauthorized", &questions, "")).await;
        let second = far.hears("REGISTER").await;
        asked.is_answered_by(&second, "Authorization");
        let mut changes = registered.changes();
        far.answers(&second, "200 OK").await;
        tokio::time::timeout(PATIENCE, changes.changed()).await.unwrap().unwrap();
        assert_eq!(registered.state(), Registration::Known);
    }
}
