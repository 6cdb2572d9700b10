//! baresip, a telephone nobody here wrote, is rung through a trunk: by each transport, in each codec,
//! with keys in the SDP and without, with tones both ways. And it registers as an agent's.

use std::{
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use audio::{measure::Measure, wav};
use media::{frame::AudioCodec, sdp::TrunkKeying};
use offhook_gateway::config::Sip;
use serde_json::json;
use sip::Transport;

use crate::{
    agent_telephones::{password, stands, with_telephones},
    desk::{BYE_HZ, CALL, Desk, terminate},
    tls,
    trunks::{USER_HZ, with_trunk},
};

/// The address of a network of its own.
const HERE: &str = "10.77.0.1";
/// baresip's, and the next one for TLS.
const PORT: u16 = 5060;

/// What the user plays and what baresip plays: of G.722 what G.711 cannot carry.
const fn tones(codec: AudioCodec) -> [f32; 2] {
    match codec {
        AudioCodec::G722 => [5_000.0, 6_000.0],
        AudioCodec::Opus | AudioCodec::Pcmu | AudioCodec::Pcma => [USER_HZ, 440.0],
    }
}

/// A baresip that takes calls, plays a tone and keeps what it hears.
struct Baresip {
    child: Child,
    folder: tempfile::TempDir,
}

impl Baresip {
    /// At `address`, of this account, playing a tone of `hz`; by TLS one port further on, with `certificate`,
    /// key and chain in one file.
    async fn start(
        address: SocketAddr,
        hz: f32,
        account: String,
        certificate: Option<&Path>,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().display();
        let shown = certificate
            .map(|certificate| format!("sip_certificate {}\n", certificate.display()))
            .unwrap_or_default();
        let modules = modules();
        let config = format!(
            "sip_listen {address}\n{shown}net_interface v0\naudio_player aubridge,p\n\
             audio_source ausine,{hz}\naudio_alert aubridge,a\nausrc_channels 2\nausrc_srate 48000\nauplay_srate 48000\n\
             auplay_channels 2\nrtp_ports 30000-39999\nsnd_path {path}\nmodule_path {modules}\n\
             module opus.so\nmodule g722.so\nmodule g711.so\nmodule ausine.so\nmodule aubridge.so\n\
             module sndfile.so\nmodule srtp.so\nmodule_app account.so\nmodule_app menu.so\n"
        );
        for (name, text) in [("config", config), ("accounts", account), ("contacts", String::new())]
        {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let child = Command::new("baresip")
            .arg("-f")
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("baresip is installed (Debian: baresip-core)");
        let baresip = Self { child, folder };
        baresip.listens(address).await;
        baresip
    }

    async fn listens(&self, address: SocketAddr) {
        for _ in 0..500 {
            if std::net::TcpStream::connect(address).is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("baresip does not listen");
    }

    /// Ends it; what it heard.
    fn heard(mut self) -> Measure {
        let ended = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(ended.unwrap().success());
        self.child.wait().unwrap();
        let mut measure = Measure::default();
        for entry in std::fs::read_dir(self.folder.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.display().to_string().ends_with("-dec.wav") {
                measure.push(&wav::read(&std::fs::read(path).unwrap()).unwrap());
            }
        }
        measure
    }
}

impl Drop for Baresip {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.child.kill().ok();
            self.child.wait().ok();
        }
    }
}

/// Where Debian keeps its modules.
fn modules() -> &'static str {
    let known = ["/usr/lib/baresip/modules", "/usr/lib/x86_64-linux-gnu/baresip/modules"];
    known.into_iter().find(|folder| Path::new(folder).is_dir()).expect("baresip's modules")
}

async fn talk(transport: Transport, (name, codec): (&str, AudioCodec), keys: bool) {
    let address = SocketAddr::new(HERE.parse().unwrap(), PORT);
    let folder = tempfile::tempdir().unwrap();
    let files = tls::files(folder.path());
    let chain = tls::write_pair_for(HERE, &files);
    let both = folder.path().join("both.pem");
    let key = std::fs::read_to_string(&files.key).unwrap();
    std::fs::write(&both, format!("{key}{chain}")).unwrap();
    let with_tls = (transport == Transport::Tls).then_some(both.as_path());
    let [said, answered] = tones(codec);
    let protection = if keys { ";mediaenc=srtp-mand" } else { "" };
    let account =
        format!("<sip:200@{HERE}>;regint=0;answermode=auto;audio_codecs={name}{protection}\n");
    let baresip = Baresip::start(address, answered, account, with_tls).await;
    let desk = Desk::start_with(None, |config| {
        with_trunk(config, &[address]);
        let trunk = &mut config.trunks[0];
        (trunk.srtp, trunk.codecs) =
            (if keys { TrunkKeying::Sdes } else { TrunkKeying::Open }, vec![codec]);
        trunk.targets[0].transport = transport;
        if transport == Transport::Tls {
            trunk.targets[0].port += 1;
        }
        let [listen, by_tls] = [5070, 5072].map(|port| SocketAddr::new(address.ip(), port));
        let roots = Some(files.certificate.clone());
        config.sip = Some(Sip { listen, tls: Some((by_tls, files)), roots });
    })
    .await;
    let mut user = desk.user_calls(CALL).await;
    user.play(said);
    user.expect_tone(answered).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    // It hangs up as it goes, and has kept what it heard.
    let heard = baresip.heard();
    assert!(heard.tone_ms(said) > 500, "baresip heard {:?}", heard.report());
    user.expect_tone(BYE_HZ).await;
    desk.webhook(&terminate(CALL, "USER_INITIATED", Some(3))).await;
    let record = desk.record(CALL).await;
    let trunk = &record["trunks"][0];
    let expected = json!(["answered", codec.as_str()]);
    assert_eq!(json!([trunk["became"], trunk["codec"]]), expected, "{record}");
}

/// It registers as lia, takes the call by the connection on which it registered, and is hung up on.
async fn registers_and_talks() {
    let address = SocketAddr::new(HERE.parse().unwrap(), PORT);
    let listen = SocketAddr::new(address.ip(), 5070);
    let desk = Desk::start_with(None, |config| {
        with_telephones(config, &["lia"]);
        config.sip = Some(Sip { listen, tls: None, roots: None });
    })
    .await;
    let account = format!(
        "<sip:lia@{listen};transport=tcp>;auth_user=lia;auth_pass={};regint=60;answermode=auto;\
         audio_codecs=opus/48000/2\n",
        password("lia")
    );
    let [said, answered] = tones(AudioCodec::Opus);
    let baresip = Baresip::start(address, answered, account, None).await;
    stands(&desk, "lia", "available", true).await;
    let mut user = desk.user_calls(CALL).await;
    user.play(said);
    user.expect_tone(answered).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    desk.webhook(&terminate(CALL, "USER_INITIATED", Some(3))).await;
    let record = desk.record(CALL).await;
    assert_eq!(json!([record["agent"], record["by_telephone"]]), json!(["lia", ["lia"]]));
    let heard = baresip.heard();
    assert!(heard.tone_ms(said) > 500, "baresip heard {:?}", heard.report());
    // It takes its registration back as it goes.
    stands(&desk, "lia", "offline", false).await;
}

/// baresip says no loopback address in its SDP: each call has a network of its own, with one address, and
/// nothing leaves it.
fn in_a_network_of_its_own(test: &str) {
    let set_up = format!(
        "ip link set lo up && ip link add v0 type veth peer name v1 && \
         ip addr add {HERE}/24 dev v0 && ip link set v0 up && ip link set v1 up && exec \"$@\""
    );
    let done = Command::new("unshare")
        .args(["--map-root-user", "--net", "sh", "-c", &set_up, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture"])
        .output()
        .expect("unshare is installed (Debian: util-linux)");
    let told = [done.stdout, done.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(done.status.success() && told[0].contains("1 passed"), "{told:?}");
}

#[test]
fn over_udp_in_opus() {
    in_a_network_of_its_own("baresip::inside::over_udp_in_opus");
}

#[test]
fn over_tcp_in_mu_law_with_keys() {
    in_a_network_of_its_own("baresip::inside::over_tcp_in_mu_law_with_keys");
}

#[test]
fn over_udp_in_g722() {
    in_a_network_of_its_own("baresip::inside::over_udp_in_g722");
}

#[test]
fn over_tls_in_opus_with_keys() {
    in_a_network_of_its_own("baresip::inside::over_tls_in_opus_with_keys");
}

#[test]
fn as_an_agents_telephone() {
    in_a_network_of_its_own("baresip::inside::as_an_agents_telephone");
}

/// What runs there.
mod inside {
    use super::{AudioCodec, Transport, registers_and_talks, talk};

    #[tokio::test(flavor = "multi_thread")]
    #[ignore = "runs in a network of its own"]
    async fn as_an_agents_telephone() {
        Box::pin(registers_and_talks()).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    #[ignore = "runs in a network of its own"]
    async fn over_udp_in_opus() {
        Box::pin(talk(Transport::Udp, ("opus/48000/2", AudioCodec::Opus), false)).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    #[ignore = "runs in a network of its own"]
    async fn over_tcp_in_mu_law_with_keys() {
        Box::pin(talk(Transport::Tcp, ("PCMU/8000/1", AudioCodec::Pcmu), true)).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    #[ignore = "runs in a network of its own"]
    async fn over_udp_in_g722() {
        Box::pin(talk(Transport::Udp, ("G722/16000/1", AudioCodec::G722), false)).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    #[ignore = "runs in a network of its own"]
    async fn over_tls_in_opus_with_keys() {
        Box::pin(talk(Transport::Tls, ("opus/48000/2", AudioCodec::Opus), true)).await;
    }
}
