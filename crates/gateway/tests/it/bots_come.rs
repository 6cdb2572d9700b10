//! The other ways to a bot: it opens its sockets itself and waits, or talks as a program for Asterisk does.

use std::time::Duration;

use audio::spool::{Format, Rate};
use futures_util::SinkExt;
use media::dtmf::Digit;
use offhook_gateway::config::Bot;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_tungstenite::{
    MaybeTlsStream, connect_async,
    tungstenite::{self, Message, client::IntoClientRequest},
};
use wire::bot::{Protocol, SUBPROTOCOL, audiosocket};

use crate::{
    desk::{BYE_HZ, CALL, Desk},
    talk::{BOT_HZ, SECOND, Talk, USER_HZ, sine, with},
};

/// A socket the bot opens, with this token; the status where it is not let in.
async fn comes(desk: &Desk, token: &str) -> Result<Talk<MaybeTlsStream<TcpStream>>, u16> {
    let url = desk.url("/v1/bots/concierge/connect").replacen("http", "ws", 1);
    let mut request = url.into_client_request().unwrap();
    let headers = request.headers_mut();
    headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
    headers.insert("sec-websocket-protocol", SUBPROTOCOL.parse().unwrap());
    let asked = request.clone();
    match connect_async(request).await {
        Ok((socket, _)) => Ok(Talk { socket, asked }),
        Err(tungstenite::Error::Http(answer)) => Err(answer.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_that_came_gets_the_next_call_and_without_one_the_flow_goes_on() {
    let desk = Desk::start_with(None, |config| {
        let house = config.organisations[0].id.clone();
        with(config, Bot::waiting("concierge", house, Protocol::Native));
        config.bots[0].connect_timeout = Duration::from_secs(1);
    })
    .await;
    assert_eq!(comes(&desk, "guess").await.err(), Some(401));

    // Who came and left again gets no call; who came first of those who are there does.
    let mut gone = comes(&desk, "bot-token").await.unwrap();
    gone.socket.close(None).await.unwrap();
    let mut first = comes(&desk, "bot-token").await.unwrap();
    let mut second = comes(&desk, "bot-token").await.unwrap();
    let format = Format::Linear(Rate::Khz16);
    for (call, bot) in [(CALL, &mut first), (SECOND, &mut second)] {
        let mut user = desk.user_calls(call).await;
        let start = bot.next_text("type", "start").await;
        assert_eq!(start["call_id"], call);
        user.play(USER_HZ);
        bot.hear_tone(format, USER_HZ).await;
        bot.socket.send(Message::binary(sine(format, BOT_HZ, 3_000))).await.unwrap();
        user.expect_tone(BOT_HZ).await;
        bot.say(json!({"type": "clear"})).await;
        bot.next_text("type", "cleared").await;
        bot.say(json!({"type": "hang_up"})).await;
        desk.upstream.wait_for_call("terminate", call).await;
        assert_eq!(bot.next_text("type", "stop").await, json!({"type": "stop"}));
    }

    let mut user = desk.user_calls("wacid.TESTCALL3").await;
    user.expect_tone(BYE_HZ).await;
    desk.metrics_until("offhook_gateway_bots_total{result=\"absent\"} 1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_sockets_of_a_bot_wait_and_no_more() {
    let desk = Desk::start_with(None, |config| {
        let house = config.organisations[0].id.clone();
        with(config, Bot::waiting("concierge", house, Protocol::Native));
    })
    .await;
    let mut there = Vec::new();
    for _ in 0..32 {
        there.push(comes(&desk, "bot-token").await.unwrap());
    }
    assert_eq!(comes(&desk, "bot-token").await.err(), Some(503));
    // One that leaves makes room.
    there.pop();
    for _ in 0..50 {
        if comes(&desk, "bot-token").await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("no room after one left");
}

/// A packet: its kind and what it carries.
async fn packet(stream: &mut TcpStream) -> (u8, Vec<u8>) {
    let mut head = [0; audiosocket::HEAD];
    stream.read_exact(&mut head).await.unwrap();
    let mut content = vec![0; audiosocket::length(head)];
    stream.read_exact(&mut content).await.unwrap();
    (head[0], content)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_for_asterisk_hears_speaks_gets_keys_and_hangs_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("tcp://{}", listener.local_addr().unwrap());
    let desk = Desk::start_with(None, |config| {
        let house = config.organisations[0].id.clone();
        with(config, Bot::new("concierge", house, &url, Protocol::AudioSocket));
    })
    .await;
    let mut user = desk.user_calls(CALL).await;
    let (mut bot, _) = listener.accept().await.unwrap();
    let (kind, id) = packet(&mut bot).await;
    assert_eq!((kind, id.len()), (0x01, 16), "the call's id is first");
    let (kind, audio) = packet(&mut bot).await;
    assert_eq!((kind, audio.len()), (0x10, 320), "20 ms at 8 kHz");

    let words = sine(Format::Linear(Rate::Khz8), BOT_HZ, 2_000);
    for piece in words.chunks(320) {
        let length = u16::try_from(piece.len()).unwrap().to_be_bytes();
        bot.write_all(&[&[0x10, length[0], length[1]], piece].concat()).await.unwrap();
    }
    user.expect_tone(BOT_HZ).await;
    user.leg.send_digit(Digit::new('5').unwrap(), 120);
    let key = async {
        loop {
            let (kind, content) = packet(&mut bot).await;
            if kind == 0x03 {
                return content;
            }
        }
    };
    assert_eq!(tokio::time::timeout(Duration::from_secs(10), key).await.unwrap(), b"5");
    bot.write_all(&[0, 0, 0]).await.unwrap();
    desk.upstream.wait_for_call("terminate", CALL).await;

    // A second one breaks off in the middle of a packet: the flow goes on without it.
    let mut user = desk.user_calls(SECOND).await;
    let (mut bot, _) = listener.accept().await.unwrap();
    packet(&mut bot).await;
    bot.write_all(&[0x10, 1, 64, 0, 0]).await.unwrap();
    drop(bot);
    user.expect_tone(BYE_HZ).await;
}
