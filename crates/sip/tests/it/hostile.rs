//! What strangers send: torture (RFC 4475), calls nobody asked for, half a message over TCP.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, UdpSocket};

use crate::calls::agent;
use crate::far_end::PATIENCE;

/// Sends `message`; the status line of what comes back within `patience`.
async fn ask(socket: &UdpSocket, message: &[u8], patience: Duration) -> Option<String> {
    socket.send(message).await.unwrap();
    let mut buffer = [0; 8192];
    let len = tokio::time::timeout(patience, socket.recv(&mut buffer)).await.ok()?.unwrap();
    let text = String::from_utf8_lossy(&buffer[..len]).into_owned();
    text.lines().next().map(str::to_owned)
}

fn request(method: &str, branch: &str, more: &str) -> String {
    format!(
        "{method} sip:200@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;rport;branch=z9hG4bK{branch}\r\n\
         From: <sip:eve@127.0.0.1>;tag=1\r\nTo: <sip:200@127.0.0.1>\r\nCall-ID: {branch}\r\n\
         CSeq: 1 {method}\r\nContact: <sip:eve@127.0.0.1:9>\r\nMax-Forwards: 70\r\n{more}\
         Content-Length: 0\r\n\r\n"
    )
}

#[tokio::test]
async fn nobody_calls_in_and_everybody_gets_a_status() {
    let agent = agent().await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(agent.address().unwrap()).await.unwrap();
    for (method, status) in
        [("OPTIONS", "200"), ("REGISTER", "403"), ("BYE", "481"), ("SUBSCRIBE", "405")]
    {
        let answer = ask(&socket, request(method, method, "").as_bytes(), PATIENCE).await;
        assert!(answer.as_ref().is_some_and(|line| line.contains(status)), "{method}: {answer:?}");
    }
    let answer = ask(&socket, request("INVITE", "in", "").as_bytes(), PATIENCE).await;
    let refused = answer.is_some_and(|line| line.contains("403") || line.contains("100"));
    assert!(refused, "a stranger's call was neither tried nor refused");
}

#[tokio::test]
async fn torture_neither_stops_nor_silences_us() {
    let agent = agent().await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(agent.address().unwrap()).await.unwrap();
    let whole = request("INVITE", "torture", "X-Long: a\r\n");
    let mut hostile: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b"\r\n\r\n".to_vec(),
        b"INVITE".to_vec(),
        b"SIP/2.0 200 OK\r\n\r\n".to_vec(),
        b"INVITE sip:a SIP/7.0\r\n\r\n".to_vec(),
        vec![0xff; 1400],
        whole.replace("CSeq: 1 INVITE", "CSeq: 99999999999999999999 INVITE").into_bytes(),
        whole.replace("CSeq: 1 INVITE", "CSeq: -1 BYE").into_bytes(),
        whole.replace("Content-Length: 0", "Content-Length: -999").into_bytes(),
        whole.replace("Content-Length: 0", "Content-Length: 99999999").into_bytes(),
        whole.replace("Max-Forwards: 70", "Max-Forwards: 0").into_bytes(),
        whole.replace(";tag=1", "").into_bytes(),
        whole.replace("Contact: <sip:eve@127.0.0.1:9>\r\n", "").into_bytes(),
        whole.replace("<sip:eve@127.0.0.1>", "\"quoted < sip:\\\"").into_bytes(),
        whole.replace("sip:200@127.0.0.1 ", "sip:%00%zz@[::::1 ").into_bytes(),
        whole.replace("branch=z9hG4bKtorture", "branch=").into_bytes(),
        whole.replace("X-Long: a", &format!("X-Long: {}", "a".repeat(40_000))).into_bytes(),
    ];
    // Every message cut short, and with a byte of each line broken.
    hostile.extend((0..whole.len()).step_by(7).map(|end| whole.as_bytes()[..end].to_vec()));
    hostile.extend((0..whole.len()).step_by(11).map(|at| {
        let mut broken = whole.clone().into_bytes();
        broken[at] ^= 0x80;
        broken
    }));
    for message in hostile {
        socket.send(&message).await.unwrap();
    }
    let still = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    still.connect(agent.address().unwrap()).await.unwrap();
    let answer = ask(&still, request("OPTIONS", "still", "").as_bytes(), PATIENCE).await;
    assert!(answer.is_some_and(|line| line.contains("200")), "silent after torture");
}

#[tokio::test]
async fn a_slow_writer_holds_up_nobody() {
    let agent = agent().await;
    let mut slow = TcpStream::connect(agent.address().unwrap()).await.unwrap();
    slow.write_all(b"INVITE sip:200@127.0.0.1 SIP/2.0\r\nVia: ").await.unwrap();
    let mut quick = TcpStream::connect(agent.address().unwrap()).await.unwrap();
    let asked = request("OPTIONS", "tcp", "").replace("SIP/2.0/UDP", "SIP/2.0/TCP");
    quick.write_all(asked.as_bytes()).await.unwrap();
    let mut buffer = [0; 4096];
    let reading = tokio::io::AsyncReadExt::read(&mut quick, &mut buffer);
    let len = tokio::time::timeout(PATIENCE, reading).await.unwrap().unwrap();
    assert!(buffer[..len].starts_with(b"SIP/2.0 200"), "no answer beside a slow writer");
}
