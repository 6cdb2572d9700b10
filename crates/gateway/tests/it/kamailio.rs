//! Between gateway and telephone stands kamailio, a proxy that stays in the way: what is said in a call goes
//! by it, both ways.

use std::{
    net::SocketAddr,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::json;
use sip::Transport;

use crate::{
    desk::{BYE_HZ, CALL, Desk, terminate},
    trunks::{Sipp, USER_HZ, free_port, with_trunk},
};

struct Kamailio {
    child: Child,
    _folder: tempfile::TempDir,
}

impl Kamailio {
    async fn start(here: SocketAddr, there: SocketAddr) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = include_str!("../../../../tests/sip/kamailio.cfg");
        let text =
            text.replace("PROXY", &here.to_string()).replace("TELEPHONE", &there.to_string());
        let (config, path) = (folder.path().join("kamailio.cfg"), folder.path());
        std::fs::write(&config, text).unwrap();
        let child = Command::new("kamailio")
            .args(["-DD", "-E", "-m", "32", "-M", "4", "-f"])
            .arg(&config)
            .arg("-w")
            .arg(path)
            .arg("-Y")
            .arg(path)
            .arg("-P")
            .arg(path.join("pid"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("kamailio is installed (Debian: kamailio)");
        let kamailio = Self { child, _folder: folder };
        for _ in 0..500 {
            if std::net::TcpStream::connect(here).is_ok() {
                return kamailio;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("kamailio does not listen");
    }
}

impl Drop for Kamailio {
    /// Its children end with it, when it is asked politely.
    fn drop(&mut self) {
        let ended = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        if ended.is_ok_and(|status| status.success()) {
            self.child.wait().ok();
        }
    }
}

async fn talk(transport: Transport) {
    let (here, there) = (free_port(), free_port());
    let _proxy = Kamailio::start(here, there).await;
    let mut telephone = Sipp::play("behind_a_proxy", there);
    let desk = Desk::start_with(None, |config| {
        with_trunk(config, &[here]);
        config.trunks[0].targets[0].transport = transport;
    })
    .await;
    let mut user = desk.user_calls(CALL).await;
    user.play(USER_HZ);
    user.expect_tone(USER_HZ).await;
    user.expect_tone(BYE_HZ).await;
    assert!(telephone.was_content().await, "SIPp's scenario failed");
    desk.webhook(&terminate(CALL, "USER_INITIATED", Some(3))).await;
    let record = desk.record(CALL).await;
    let trunk = &record["trunks"][0];
    assert_eq!(json!([trunk["became"], trunk["codec"]]), json!(["answered", "PCMU"]), "{record}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_goes_by_a_proxy_over_udp() {
    Box::pin(talk(Transport::Udp)).await;
}

/// To it by TCP, from it by UDP.
#[tokio::test(flavor = "multi_thread")]
async fn and_over_tcp() {
    Box::pin(talk(Transport::Tcp)).await;
}
