//! SIPp answers our calls: a peer that repeats what is lost and checks what it gets.
//!
//! The scenarios are in `tests/sip/` of the repository. Without SIPp (Debian: `sip-tester`) these
//! tests say so and fail.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use offhook_sip::{Call, End, Invite, Limits, News, Patience, Target, Told, Transport, Wish};

use crate::calls::{agent, invite, news};
use crate::calls_in::{Pair, told};
use crate::far_end::{PATIENCE, SDP};

/// A SIPp that plays one call of a scenario.
struct Sipp {
    child: Child,
    target: Target,
}

impl Sipp {
    fn play(scenario: &str, transport: Transport) -> Self {
        Self::run(scenario, transport, &[])
    }

    /// One that calls.
    fn call(scenario: &str, whom: &Target) -> Self {
        Self::run(scenario, whom.transport, &[&whom.address.to_string()])
    }

    fn run(scenario: &str, transport: Transport, whom: &[&str]) -> Self {
        let address = free_port(transport);
        let file = format!("{}/../../tests/sip/{scenario}.xml", env!("CARGO_MANIFEST_DIR"));
        let child = Command::new("sipp")
            .args(["-sf", &file, "-i", "127.0.0.1", "-p", &address.port().to_string()])
            .args(["-t", if transport == Transport::Tcp { "t1" } else { "u1" }])
            .args(["-m", "1", "-nostdin", "-timeout", "20s", "-timeout_error", "-cp"])
            .arg(control_port().to_string())
            .args(whom)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("SIPp is installed (Debian: sip-tester)");
        Self { child, target: Target { address, host: None, transport, priority: 1, weight: 1 } }
    }

    /// Whether the scenario went as it is written.
    async fn was_content(mut self) -> bool {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.success();
            }
            assert!(begun.elapsed() < PATIENCE, "SIPp does not end");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Sipp {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.child.kill().ok();
            self.child.wait().ok();
        }
    }
}

fn free_port(transport: Transport) -> SocketAddr {
    match transport {
        Transport::Udp => std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap(),
        Transport::Tcp | Transport::Tls => {
            std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
        }
    }
}

/// SIPp also listens for remote control; several would want the same port.
fn control_port() -> u16 {
    free_port(Transport::Udp).port()
}

fn targets(sipps: &[&Sipp]) -> Vec<Target> {
    sipps.iter().map(|sipp| sipp.target.clone()).collect()
}

/// Waits until it listens.
async fn ready(sipp: &Sipp) {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        let up = match sipp.target.transport {
            Transport::Udp => std::net::UdpSocket::bind(sipp.target.address).is_err(),
            Transport::Tcp | Transport::Tls => {
                std::net::TcpListener::bind(sipp.target.address).is_err()
            }
        };
        if up {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("SIPp does not listen");
}

async fn ended(call: &mut Call) -> End {
    loop {
        if let News::Ended(end) = news(call).await {
            return end;
        }
    }
}

async fn answered(call: &mut Call) {
    loop {
        match news(call).await {
            News::Answered { .. } => return,
            News::Ended(end) => panic!("ended instead: {end:?}"),
            News::Ringing | News::Early(_) => {}
        }
    }
}

#[tokio::test]
async fn a_phone_answers_and_we_hang_up_over_udp_and_tcp() {
    let agent = agent().await;
    for transport in [Transport::Udp, Transport::Tcp] {
        let phone = Sipp::play("answers", transport);
        ready(&phone).await;
        let mut call = agent.call(invite(targets(&[&phone]))).unwrap();
        answered(&mut call).await;
        call.hang_up(Some("Q.850;cause=16"));
        assert_eq!(ended(&mut call).await, End::Ours);
        assert!(phone.was_content().await, "{transport:?}");
    }
}

#[tokio::test]
async fn the_first_phone_is_out_of_service_and_the_next_is_busy() {
    let agent = agent().await;
    for transport in [Transport::Udp, Transport::Tcp] {
        let (out, busy) = (Sipp::play("503", transport), Sipp::play("busy", transport));
        ready(&out).await;
        ready(&busy).await;
        let mut call = agent.call(invite(targets(&[&out, &busy]))).unwrap();
        assert_eq!(ended(&mut call).await, End::Busy);
        assert!(out.was_content().await && busy.was_content().await, "{transport:?}");
    }
}

#[tokio::test]
async fn nobody_answers_and_the_phone_is_told_to_stop() {
    let agent = agent().await;
    for (transport, scenario) in each(&["rings", "answers_late"]) {
        let phone = Sipp::play(scenario, transport);
        ready(&phone).await;
        let limits = Limits { ring: Duration::from_millis(200), ..Limits::default() };
        let mut call = agent.call(Invite { limits, ..invite(targets(&[&phone])) }).unwrap();
        assert_eq!(ended(&mut call).await, End::NoAnswer);
        assert!(phone.was_content().await, "{scenario} {transport:?}");
    }
}

#[tokio::test]
async fn the_phone_hangs_up() {
    let agent = agent().await;
    for (transport, scenario) in each(&["hangs_up"]) {
        let phone = Sipp::play(scenario, transport);
        ready(&phone).await;
        let mut call = agent.call(invite(targets(&[&phone]))).unwrap();
        answered(&mut call).await;
        assert_eq!(ended(&mut call).await, End::Theirs);
        assert!(phone.was_content().await, "{transport:?}");
    }
}

#[tokio::test]
async fn the_phone_wants_somebody_else_called() {
    let agent = agent().await;
    for (transport, scenario) in each(&["refers"]) {
        let phone = Sipp::play(scenario, transport);
        ready(&phone).await;
        let mut call = agent.call(invite(targets(&[&phone]))).unwrap();
        answered(&mut call).await;
        let Some(Wish::Refer(refer)) = call.wish().await else { panic!("no REFER") };
        assert_eq!(refer.to().map(|to| to.user.as_str()), Some("202"));
        refer.accept().ends(200);
        assert_eq!(ended(&mut call).await, End::Theirs);
        assert!(phone.was_content().await, "{transport:?}");
    }
}

#[tokio::test]
async fn the_phone_never_acknowledges_our_answer() {
    for (transport, scenario) in each(&["never_acks"]) {
        let mut pair = Pair::by(transport).await;
        let phone = Sipp::call(scenario, &pair.target());
        let patience = Patience { acknowledges: Duration::from_millis(700), ..Patience::default() };
        let mut call = pair.invited().await.take("200", patience).expect("a call");
        call.answer(SDP.into());
        assert_eq!(told(&mut call).await, Told::Ended(End::Lost));
        assert!(phone.was_content().await, "{transport:?}");
    }
}

/// Each scenario over UDP and over TCP.
fn each<'a>(scenarios: &'a [&'a str]) -> impl Iterator<Item = (Transport, &'a str)> {
    let both = [Transport::Udp, Transport::Tcp].into_iter();
    both.flat_map(move |transport| scenarios.iter().map(move |scenario| (transport, *scenario)))
}
