//! How do all far ends live on one thread?
//!
//! One epoll instance over their sockets, one ordered set of timers, and while a run lasts one step
//! every half millisecond in which a fortieth of the ends send: people know nothing of each other.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use audio::g711::Law;
use audio::transcode::prompt_to_telephone;
use media::leg::{DtlsIdentity, IceRole};
use media::sdp::{self, PlatformVoice};
use media::transport::DtlsRole;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::event::{PollFd, PollFlags, poll};
use serde_json::{Value, json};

use crate::Outcome;
use crate::end::{self, BUFFER, End, Heard, Stamp};
use crate::orders::Orders;
use crate::telephone::Telephone;

/// How often each end sends.
const FRAME: Duration = Duration::from_millis(20);

/// Steps in which the ends take their turns within a frame.
const STEPS: u32 = 40;

/// How long after its last packet a run listens.
const DRAIN: Duration = Duration::from_millis(100);

/// A step that begins later than this was held up by the machine, not by a peer.
const LATE: Duration = Duration::from_millis(5);

/// How often ends that are being set up look for what has come. Not when it comes: who wakes them would pay for it,
/// and between machines nobody does.
const LOOK: Duration = Duration::from_micros(500);

/// A payload so long is no silence: that has three bytes, and comfort noise hardly more.
const VOICED: usize = 20;

/// What the ends say when they speak.
const SPEECH: [&[u8]; 4] = [
    include_bytes!("../../../../demo/prompts/welcome.ogg"),
    include_bytes!("../../../../demo/prompts/menu.ogg"),
    include_bytes!("../../../../demo/prompts/echo.ogg"),
    include_bytes!("../../../../demo/prompts/no_agent.ogg"),
];

/// Sockets looked at in one turn.
const READY_MAX: usize = 256;

/// The event data of the orders' counter; no end has this number.
const ORDER: u64 = u64::MAX;

pub(crate) struct Field {
    bind: IpAddr,
    identity: DtlsIdentity,
    ends: BTreeMap<u64, End>,
    telephones: BTreeMap<u64, Telephone>,
    due: BTreeMap<u64, Instant>,
    timers: BTreeSet<(Instant, u64)>,
    epoll: OwnedFd,
    wake: Arc<OwnedFd>,
    ready: Vec<Event>,
    epoch: Instant,
    run: Run,
    speech: Vec<Box<[u8]>>,
    /// The same as a telephone says it.
    speech_pcmu: Vec<Box<[u8]>>,
}

/// What one run has moved.
#[derive(Default)]
struct Run {
    number: u32,
    /// Who takes part.
    ends: Range<u64>,
    sent: u64,
    late: u64,
    delays_us: Vec<u32>,
    /// Packets that bore no stamp, and those of them that were no silence.
    heard: u64,
    voiced: u64,
}

impl Field {
    pub(crate) fn new(bind: IpAddr, orders: &Orders) -> Outcome<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let wake = Arc::clone(&orders.wake);
        epoll::add(&epoll, &*wake, EventData::new_u64(ORDER), EventFlags::IN)?;
        let speech = SPEECH.iter().map(|file| audio::prompt::load(file));
        let speech = speech.collect::<Result<Vec<_>, _>>()?.concat();
        let speech_pcmu =
            prompt_to_telephone(speech.iter().map(|packet| &**packet), Law::Mu.into())?;

        Ok(Self {
            bind,
            identity: DtlsIdentity::generate()?,
            ends: BTreeMap::new(),
            telephones: BTreeMap::new(),
            due: BTreeMap::new(),
            timers: BTreeSet::new(),
            epoll,
            wake,
            ready: Vec::with_capacity(READY_MAX),
            epoch: Instant::now(),
            run: Run::default(),
            speech,
            speech_pcmu,
        })
    }

    /// Opens an end that calls, and says what it offers.
    pub(crate) fn offer(&mut self, id: u64, whatsapp: bool) -> Outcome<String> {
        let ice = if whatsapp { IceRole::Lite } else { IceRole::Full { controlling: true } };
        let end = self.open(id, ice)?;
        if !whatsapp {
            return Ok(sdp::write_handset_offer(&end.local));
        }
        let created = terms::Timestamp::from_unix(1_783_000_000);
        let stream = "6c1f0fbd-2f5d-4c62-9b7e-0c2f7e1a55aa";

        let voice = PlatformVoice { local: &end.local, created, stream, extra: &[] };

        Ok(sdp::write_platform_offer(voice))
    }

    /// Opens a browser that is called, and says what it answers.
    pub(crate) fn answer(&mut self, id: u64, offer: &str) -> Outcome<String> {
        let offer = end::read(offer)?;
        let now = Instant::now();
        let end = self.open(id, IceRole::Full { controlling: false })?;
        let answer = sdp::write_gateway_answer(&offer, &end.local);
        // The answer says setup:active.
        end.meet(&offer, Some(DtlsRole::Client), now)?;
        self.note_timer(id);

        Ok(answer)
    }

    /// Opens a telephone that is called, and says what it answers.
    pub(crate) fn telephone_answers(&mut self, id: u64, offer: &str) -> Outcome<String> {
        self.close(id..id + 1);
        let (telephone, answer) = Telephone::answer(self.bind, &self.identity, offer)?;
        epoll::add(&self.epoll, &telephone.socket, EventData::new_u64(id), EventFlags::IN)?;
        self.telephones.insert(id, telephone);

        Ok(answer)
    }

    /// Gives an end that has called its answer.
    pub(crate) fn take(&mut self, id: u64, answer: &str) -> Outcome<()> {
        let answer = end::read(answer)?;
        let end = self.ends.get_mut(&id).ok_or("no such end")?;
        end.meet(&answer, None, Instant::now())?;
        self.note_timer(id);

        Ok(())
    }

    /// Waits until these ends are connected, one has failed, or the time is over.
    pub(crate) fn wait(&mut self, ends: Range<u64>, at_most: Duration) -> Outcome<Value> {
        let until = Instant::now() + at_most;
        loop {
            let some = || self.ends.range(ends.clone()).map(|(_, end)| end);
            let wanted = some().count();
            let up = some().filter(|end| end.is_up()).count();
            let failed = some().filter(|end| end.has_failed()).count();
            if up == wanted || failed > 0 || Instant::now() >= until {
                let profiles: BTreeSet<String> =
                    some().filter_map(End::profile).map(|p| format!("{p:?}")).collect();
                return Ok(json!({ "up": up, "failed": failed, "profiles": profiles }));
            }
            std::thread::sleep(LOOK);
            self.look()?;
        }
    }

    /// Lets these ends send 50 packets a second for a while.
    pub(crate) fn play(&mut self, ends: Range<u64>, during: Duration) -> Outcome<Value> {
        self.run(ends, during, Self::send)?;
        let run = &mut self.run;
        run.delays_us.sort_unstable();

        Ok(json!({
            "sent": run.sent, "received": run.delays_us.len(), "late": run.late,
            "p50_us": share(&run.delays_us, 50), "p99_us": share(&run.delays_us, 99),
        }))
    }

    /// Lets these ends speak for a while, to somebody who answers in his own words.
    pub(crate) fn speak(&mut self, ends: Range<u64>, during: Duration) -> Outcome<Value> {
        self.run(ends, during, Self::say)?;
        let Run { sent, late, heard, voiced, .. } = self.run;

        Ok(json!({ "sent": sent, "heard": heard, "voiced": voiced, "late": late }))
    }

    /// Lets these ends take their turns for a while.
    fn run(
        &mut self,
        ends: Range<u64>,
        during: Duration,
        send: fn(&mut Self, &[u64]),
    ) -> Outcome<()> {
        let is_there = |id: &u64| self.ends.contains_key(id) || self.telephones.contains_key(id);
        let ids: Vec<u64> = ends.clone().filter(is_there).collect();
        self.run = Run { number: self.run.number + 1, ends, ..Run::default() };
        let start = Instant::now();
        let (mut due, mut step) = (start, 0);
        while due < start + during {
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            self.look()?;
            if due.elapsed() > LATE {
                self.run.late += 1;
            }
            send(self, in_step(&ids, step));
            step = (step + 1) % STEPS;
            due += FRAME / STEPS;
        }

        self.serve_until(due + DRAIN)
    }

    pub(crate) fn close(&mut self, ends: Range<u64>) {
        for id in ends {
            self.ends.remove(&id);
            self.telephones.remove(&id);
            if let Some(due) = self.due.remove(&id) {
                self.timers.remove(&(due, id));
            }
        }
    }

    /// Answers checks until an order waits.
    pub(crate) fn serve_until_order(&mut self) -> Outcome<()> {
        let at_most = Timespec::try_from(LOOK)?;
        loop {
            // An order wakes, what comes for ends does not.
            let mut orders = [PollFd::new(&self.wake, PollFlags::IN)];
            match poll(&mut orders, Some(&at_most)) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            if self.look()? {
                return Ok(());
            }
        }
    }

    fn open(&mut self, id: u64, ice: IceRole) -> Outcome<&mut End> {
        let end = End::open(self.bind, ice, &self.identity)?;
        epoll::add(&self.epoll, &end.socket, EventData::new_u64(id), EventFlags::IN)?;
        self.close(id..id + 1);

        Ok(self.ends.entry(id).or_insert(end))
    }

    fn serve_until(&mut self, until: Instant) -> Outcome<()> {
        loop {
            std::thread::sleep(LOOK);
            // At least once, or a generator that is late would never look.
            self.look()?;
            if Instant::now() >= until {
                return Ok(());
            }
        }
    }

    /// Takes what has come, and runs what is due; says whether an order waits. Ends look at their times
    /// instead of being woken ([`LOOK`]).
    fn look(&mut self) -> Outcome<bool> {
        let mut ordered = false;
        loop {
            ordered |= self.turn()?;
            if self.ready.len() < READY_MAX {
                return Ok(ordered);
            }
        }
    }

    fn send(&mut self, ids: &[u64]) {
        for id in ids {
            let sent_ns = u64::try_from(self.epoch.elapsed().as_nanos()).unwrap_or_default();
            let stamp = Stamp { run: self.run.number, sent_ns };
            if self.ends.get_mut(id).is_some_and(|end| end.send(stamp)) {
                self.run.sent += 1;
            }
        }
    }

    fn say(&mut self, ids: &[u64]) {
        for id in ids {
            let said = match (self.ends.get_mut(id), self.telephones.get_mut(id)) {
                (Some(end), _) => end.say(&self.speech),
                (None, Some(telephone)) => telephone.say(&self.speech_pcmu),
                (None, None) => false,
            };
            self.run.sent += u64::from(said);
        }
    }

    /// Takes what waits, as much as fits; says whether an order is among it.
    fn turn(&mut self) -> Outcome<bool> {
        self.ready.clear();
        let spare = rustix::buffer::spare_capacity(&mut self.ready);
        match epoll::wait(&self.epoll, spare, Some(&Timespec::default())) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let ready = std::mem::take(&mut self.ready);
        let mut ordered = false;
        for event in &ready {
            let data = event.data;
            if data.u64() == ORDER {
                let mut count = [0; 8];
                ordered |= rustix::io::read(&*self.wake, &mut count).is_ok();
            } else {
                self.drain(data.u64());
            }
        }
        self.ready = ready;
        self.run_timers();

        Ok(ordered)
    }

    fn drain(&mut self, id: u64) {
        let mut buf = [0; BUFFER];
        let mut moved = false;
        if let Some(telephone) = self.telephones.get(&id) {
            let heard = telephone.hear();
            if self.run.ends.contains(&id) {
                self.run.heard += heard.len() as u64;
                self.run.voiced += heard.iter().filter(|is_voiced| **is_voiced).count() as u64;
            }
            return;
        }
        let Some(end) = self.ends.get_mut(&id) else { return };
        while let Ok((len, from)) = receive(end, &mut buf) {
            match end.hear(from, &mut buf, len, Instant::now()) {
                Heard::Audio { stamp: Some(stamp), .. } if stamp.run == self.run.number => {
                    let now = u64::try_from(self.epoch.elapsed().as_nanos()).unwrap_or_default();
                    let delay = now.saturating_sub(stamp.sent_ns) / 1_000;
                    self.run.delays_us.push(u32::try_from(delay).unwrap_or(u32::MAX));
                }
                Heard::Audio { bytes, .. } if self.run.ends.contains(&id) => {
                    self.run.heard += 1;
                    self.run.voiced += u64::from(bytes >= VOICED);
                }
                Heard::Audio { .. } | Heard::Report => {}
                Heard::Other => moved = true,
            }
        }
        if moved {
            self.note_timer(id);
        }
    }

    fn run_timers(&mut self) {
        let now = Instant::now();
        while let Some((at, id)) = self.timers.first().copied()
            && at <= now
        {
            if let Some(end) = self.ends.get_mut(&id) {
                end.run_timers(now);
            }
            self.timers.remove(&(at, id));
            self.due.remove(&id);
            self.note_timer(id);
        }
    }

    fn note_timer(&mut self, id: u64) {
        if let Some(old) = self.due.remove(&id) {
            self.timers.remove(&(old, id));
        }
        // Not in the past, or a timer that stays due would never let the loop go.
        let soonest = Instant::now() + Duration::from_micros(100);
        if let Some(at) = self.ends.get_mut(&id).and_then(End::next_timeout) {
            let at = at.max(soonest);
            self.due.insert(id, at);
            self.timers.insert((at, id));
        }
    }
}

/// Who sends in this step of a frame.
fn in_step(ids: &[u64], step: u32) -> &[u64] {
    let part = |step: u32| ids.len() * step as usize / STEPS as usize;

    ids.get(part(step)..part(step + 1)).unwrap_or_default()
}

/// The kernel tells of a closed port at the next call; that says nothing about this datagram.
fn receive(end: &End, buf: &mut [u8]) -> std::io::Result<(usize, SocketAddr)> {
    loop {
        match end.socket.recv_from(buf) {
            Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => {}
            result => return result,
        }
    }
}

fn share(sorted: &[u32], percent: usize) -> Option<u32> {
    sorted.get((sorted.len().saturating_sub(1)) * percent / 100).copied()
}
