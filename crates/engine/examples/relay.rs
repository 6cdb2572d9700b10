//! What does a forwarded packet cost, beside an echo that does nothing with it?
//!
//! Two-leg calls with AES-GCM on both legs go through the engine's own media thread, pinned to one
//! processor; the far ends are played on another. In the same run, on the same processor and with
//! the same packets, two echoes without crypto: one muxed `io_uring` socket, and one connected
//! socket for each leg. The cheaper of them is the reference. Rounds interleave the three, and a
//! ratio is taken within a round, so that a slow moment of the machine falls on all. One more case has
//! all legs of the relay on its muxed port, as the platform's edge has.
//!
//! `cargo xtask bench media [--json]` runs it, with a `CALLS=TARGET` (or `muxed-CALLS=TARGET`) for each
//! case: how many calls, and what a relayed packet may cost in echoed ones.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a table for people, rows for machines"
)]

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use media::srtp::{MasterKey, Profile};
use offhook_engine::yardstick::{Course, Echo, Generator, Tally};
use offhook_engine::{
    Backend, Config, Drops, EVENTS_MAX, Engine, LegEvent, LegHandle, OpenKeyed, PayloadTypes,
    Socket, Source, ThreadLoad,
};
use serde_json::json;
use tokio::sync::mpsc;

/// Rounds of each case; a ratio is the median over them.
const ROUNDS: usize = 7;

/// How long each of the three runs of a round is.
const RUN: Duration = Duration::from_millis(2_000);

/// A run that lost more than this share says nothing about cost.
const LOSS_MAX: f64 = 0.01;

/// Where the code under test runs, and where the far ends.
const MEASURED: usize = 0;
const PLAYED: usize = 1;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let for_machines = args.iter().any(|arg| arg == "--json");
    let cases = args.iter().filter(|arg| *arg != "--json").map(|arg| Case::read(arg));
    let cases = cases.collect::<Outcome<Vec<_>>>()?;
    let say = |line: &str| if for_machines { eprintln!("{line}") } else { println!("{line}") };
    let mut rows = Vec::with_capacity(cases.len());
    say(&head());
    for case in cases {
        let measured = measure(case);
        say(&line(case, &measured));
        rows.push(row(case, &measured));
    }
    if for_machines {
        println!("{}", serde_json::Value::from(rows));
    }

    Ok(())
}

/// How many calls, and what a relayed packet may cost in echoed ones.
#[derive(Clone, Copy)]
struct Case {
    calls: usize,
    socket: Socket,
    target: f64,
}

impl Case {
    fn read(arg: &str) -> Outcome<Self> {
        let shape = "a case is CALLS=TARGET or muxed-CALLS=TARGET, such as 1500=1.15";
        let (socket, figures) = match arg.strip_prefix("muxed-") {
            Some(figures) => (Socket::Muxed, figures),
            None => (Socket::Own, arg),
        };
        let (calls, target) = figures.split_once('=').ok_or(shape)?;

        Ok(Self { calls: calls.parse()?, socket, target: target.parse()? })
    }

    const fn sockets(self) -> &'static str {
        match self.socket {
            Socket::Own => "own",
            Socket::Muxed => "muxed",
        }
    }

    fn name(self) -> String {
        match self.socket {
            Socket::Own => format!("relay-{}-vs-echo", self.calls),
            Socket::Muxed => format!("relay-{}-muxed-vs-echo", self.calls),
        }
    }
}

/// Nanoseconds a packet, one figure for each round.
struct Measured {
    relay: Vec<f64>,
    muxed: Vec<f64>,
    connected: Vec<f64>,
    /// The worst run's share of packets that did not come back.
    loss: f64,
}

impl Measured {
    /// The cheaper echo.
    fn reference(&self) -> &[f64] {
        if median(&self.muxed) < median(&self.connected) { &self.muxed } else { &self.connected }
    }

    fn ratios(&self) -> Vec<f64> {
        self.ratios_to(self.reference())
    }

    fn ratios_to(&self, echo: &[f64]) -> Vec<f64> {
        self.relay.iter().zip(echo).map(|(ours, echo)| ours / echo).collect()
    }
}

fn measure(case: Case) -> Outcome<Measured> {
    let Case { calls, socket, .. } = case;
    let mut generator = Generator::new(PLAYED)?;
    let relay = Relay::start(calls, socket, &mut generator)?;
    let muxed = MeasuredEcho::muxed(calls, &mut generator)?;
    let connected = MeasuredEcho::connected(calls, &mut generator)?;
    let mut measured = Measured { relay: vec![], muxed: vec![], connected: vec![], loss: 0.0 };
    // The first round warms caches and is thrown away.
    for round in 0..=ROUNDS {
        let run = if round == 0 { RUN / 4 } else { RUN };
        let costs = [
            cost(&mut generator, relay.course, run, || relay.load())?,
            cost(&mut generator, muxed.course, run, || muxed.load())?,
            cost(&mut generator, connected.course, run, || connected.load())?,
        ];
        if round == 0 {
            continue;
        }
        let [(ours, _), (one, _), (each, _)] = costs;
        measured.relay.push(ours);
        measured.muxed.push(one);
        measured.connected.push(each);
        for (_, Tally { sent, returned, .. }) in costs {
            let lost = 1.0 - share(returned, sent);
            measured.loss = measured.loss.max(lost);
        }
    }
    relay.check()?;

    Ok(measured)
}

/// One run: nanoseconds of the measured thread for each packet that left it.
fn cost(
    generator: &mut Generator,
    course: Course,
    run: Duration,
    mut load: impl FnMut() -> Outcome<ThreadLoad>,
) -> Outcome<(f64, Tally)> {
    let before = load()?;
    let tally = generator.run(course, run)?;
    let after = load()?;
    let packets = after.sent - before.sent;
    if packets == 0 {
        return Err("no packet came through".into());
    }
    let spent = after.cpu.saturating_sub(before.cpu);

    Ok((spent.as_secs_f64() * 1e9 / count(packets), tally))
}

/// The engine under test, with its calls.
struct Relay {
    engine: Engine,
    legs: Vec<LegHandle>,
    course: Course,
    _events: mpsc::Receiver<LegEvent>,
}

impl Relay {
    fn start(calls: usize, socket: Socket, generator: &mut Generator) -> Outcome<Self> {
        let muxed = (socket == Socket::Muxed).then_some((Ipv4Addr::LOCALHOST, 0).into());
        let config = Config { pin: true, backend: Backend::Uring, muxed, ..Config::default() };
        let engine = Engine::start(config)?;
        let (events, heard) = mpsc::channel(EVENTS_MAX);
        let mut legs = Vec::with_capacity(2 * calls);
        let mut far_ends = Vec::with_capacity(2 * calls);
        for leg in 0..2 * calls {
            let far_end = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
            let (handle, addr) = engine.open_keyed(OpenKeyed {
                socket,
                remote: far_end.local_addr()?,
                profile: Profile::AeadAes128Gcm,
                send_key: key(leg, 2)?,
                receive_key: key(leg, 1)?,
                payload_types: PayloadTypes::opus(111, Some(126)),
                cname: "relay".into(),
                media_watch: None,
                beside: None,
                events: events.clone(),
            })?;
            far_end.connect(addr)?;
            handle.send_gate(true);
            legs.push(handle);
            far_ends.push((far_end, key(leg, 1)?));
        }
        for pair in legs.chunks_exact(2) {
            if let [one, other] = pair {
                one.play(Source::Bridge(other.clone()));
                other.play(Source::Bridge(one.clone()));
            }
        }
        let course = generator.add(far_ends)?;

        Ok(Self { engine, legs, course, _events: heard })
    }

    fn load(&self) -> Outcome<ThreadLoad> {
        let asked = self.engine.load().pop().ok_or("the engine has no thread")?;
        Ok(asked.blocking_recv()?)
    }

    /// That every packet was authentic and forwarded.
    fn check(&self) -> Outcome<()> {
        for leg in &self.legs {
            let stats = leg.stats().blocking_recv()?;
            if stats.drops != Drops::default() || stats.received.packets == 0 {
                return Err(format!("a leg dropped packets: {stats:?}").into());
            }
        }
        Ok(())
    }
}

/// An echo, with as many far ends as the relay has.
struct MeasuredEcho {
    echo: Echo,
    course: Course,
}

impl MeasuredEcho {
    fn muxed(calls: usize, generator: &mut Generator) -> Outcome<Self> {
        let echo = Echo::muxed(MEASURED)?;
        let to = *echo.addrs().first().ok_or("the echo has no address")?;
        let sockets = bind(2 * calls)?;

        Self::play(echo, sockets, |_| to, generator)
    }

    fn connected(calls: usize, generator: &mut Generator) -> Outcome<Self> {
        let sockets = bind(2 * calls)?;
        let remotes: Vec<SocketAddr> =
            sockets.iter().map(UdpSocket::local_addr).collect::<io::Result<_>>()?;
        let echo = Echo::connected(MEASURED, &remotes)?;
        let addrs = echo.addrs().to_vec();

        Self::play(echo, sockets, |leg| addrs[leg], generator)
    }

    fn play(
        echo: Echo,
        sockets: Vec<UdpSocket>,
        to: impl Fn(usize) -> SocketAddr,
        generator: &mut Generator,
    ) -> Outcome<Self> {
        let mut far_ends = Vec::with_capacity(sockets.len());
        for (leg, socket) in sockets.into_iter().enumerate() {
            socket.connect(to(leg))?;
            far_ends.push((socket, key(leg, 1)?));
        }

        Ok(Self { course: generator.add(far_ends)?, echo })
    }

    fn load(&self) -> Outcome<ThreadLoad> {
        Ok(self.echo.load().ok_or("the echo has stopped")?)
    }
}

fn bind(count: usize) -> io::Result<Vec<UdpSocket>> {
    (0..count).map(|_| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))).collect()
}

/// A key of its own for each leg and direction.
fn key(leg: usize, direction: u8) -> Outcome<MasterKey> {
    let mut key = [direction; 16];
    key[..8].copy_from_slice(&leg.to_le_bytes());

    Ok(MasterKey::new(Profile::AeadAes128Gcm, &key, &[direction; 12])?)
}

fn row(case: Case, measured: &Outcome<Measured>) -> serde_json::Value {
    let Case { calls, target, .. } = case;
    let case = case.name();
    let unit = "ns of CPU per packet";
    let measured = match measured {
        Ok(measured) => measured,
        Err(error) => {
            return json!({
                "case": case, "calls": calls, "ours": null, "reference": null, "ratio": null,
                "target": target, "unit": unit, "better": "lower", "met": false, "spread": null,
                "why": error.to_string(),
            });
        }
    };
    let ratios = measured.ratios();
    let ratio = median(&ratios);
    let lossy = measured.loss > LOSS_MAX;
    let mut row = json!({
        "case": case, "calls": calls, "ours": tenths(median(&measured.relay)),
        "reference": tenths(median(measured.reference())), "ratio": hundredths(ratio),
        "target": target, "unit": unit, "better": "lower", "met": ratio <= target && !lossy,
        "spread": [hundredths(least(&ratios)), hundredths(most(&ratios))],
    });
    if lossy {
        let why = format!("a run lost {:.1} % of its packets", measured.loss * 100.0);
        row["why"] = why.into();
    } else if ratio > target {
        row["why"] = format!("costs more than {target} echoes").into();
    }

    row
}

fn head() -> String {
    format!(
        "{:>6} {:>8} {:>12} {:>12} {:>14} {:>7} {:>13} {:>12} {:>7} {:>12}",
        "calls",
        "sockets",
        "relay ns",
        "muxed echo",
        "connected echo",
        "ratio",
        "spread",
        "to connected",
        "lost",
        "calls/core"
    )
}

fn line(case: Case, measured: &Outcome<Measured>) -> String {
    let (calls, sockets) = (case.calls, case.sockets());
    let measured = match measured {
        Ok(measured) => measured,
        Err(error) => return format!("{calls:>6} {sockets:>8} could not run: {error}"),
    };
    let ratios = measured.ratios();
    // A call is 100 packets a second.
    let calls_per_core = 1e9 / (100.0 * median(&measured.relay));

    format!(
        "{calls:>6} {sockets:>8} {:>12.0} {:>12.0} {:>14.0} {:>7.2} {:>6.2}–{:<6.2} {:>12.2} {:>6.2}% {:>12.0}",
        median(&measured.relay),
        median(&measured.muxed),
        median(&measured.connected),
        median(&ratios),
        least(&ratios),
        most(&ratios),
        median(&measured.ratios_to(&measured.connected)),
        measured.loss * 100.0,
        calls_per_core,
    )
}

fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

fn least(figures: &[f64]) -> f64 {
    figures.iter().copied().fold(f64::INFINITY, f64::min)
}

fn most(figures: &[f64]) -> f64 {
    figures.iter().copied().fold(0.0, f64::max)
}

fn tenths(figure: f64) -> f64 {
    (figure * 10.0).round() / 10.0
}

fn hundredths(figure: f64) -> f64 {
    (figure * 100.0).round() / 100.0
}

#[expect(clippy::cast_precision_loss, reason = "counts of a run stay far below 2^52")]
const fn count(packets: u64) -> f64 {
    packets as f64
}

fn share(part: u64, whole: u64) -> f64 {
    count(part) / count(whole.max(1))
}
