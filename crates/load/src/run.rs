//! How does a run go? Seats are filled, calls go up at the ramp's pace, are held, and go down.
//!
//! One loop paces everything and takes what the seats tell; every two seconds it asks them what they
//! have heard. Where the load grows by steps, a level whose quality breaks is the last.

use std::time::{Duration, Instant};

use engine::{Engine, StartError};
use media::mark::Marks;
use tokio::{
    sync::mpsc,
    time::{Instant as Tick, sleep_until, timeout_at},
};

use crate::{
    figures::Figures,
    level::{Level, Used},
    outcome::Sight,
    plan::{Plan, PlanError},
    process::{Usage, Watched},
    progress::{Phase, Progress},
    report::Report,
    seat::{News, Order},
    sound::Sounds,
    system::System,
    tally::Tally,
    world::{self, Taken, WorldError},
    yardstick::{self, Yardstick, YardstickError},
};

/// How often the seats are asked, and the progress is shown.
const BEAT: Duration = Duration::from_secs(2);

/// How long the answers may take.
const LOOK_MAX: Duration = Duration::from_secs(5);

/// How long calls that are being set up or ended may take at most.
const SETTLE_MAX: Duration = Duration::from_secs(90);

/// News that may wait; seats wait with theirs while it is full.
const NEWS_MAX: usize = 4_096;

/// Calls end this many times as fast as they began.
const DOWN_FACTOR: f64 = 4.0;

/// Why a run did not come to a report.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The plan.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The media engine.
    #[error("cannot start the media engine")]
    Engine(#[from] StartError),
    /// Users, phones, agents.
    #[error(transparent)]
    World(#[from] WorldError),
    /// The load's own legs.
    #[error(transparent)]
    Yardstick(#[from] YardstickError),
}

/// Carries the plan out; `watch` is called every two seconds.
///
/// # Errors
///
/// What kept the first call from being dialled; what goes wrong afterwards is in the report.
pub async fn run(
    plan: &Plan,
    system: &System,
    mut watch: impl FnMut(&Progress),
) -> Result<Report, LoadError> {
    plan.check()?;
    let engine = Engine::start(engine::Config::default())?;
    watch(&Progress::of(Phase::Preparing, plan.calls));
    let (news, told) = mpsc::channel(NEWS_MAX);
    let taken = world::prepare(&engine, plan, system, &news).await?;
    let sounds = Sounds::make().map_err(WorldError::from)?;
    let yardstick = Yardstick::start(&engine, &sounds)?;
    let mut watched = system.watched.clone();
    watched.push(Watched::this("load"));
    let desks = taken.into_iter().map(Desk::new).collect();
    let now = Instant::now();
    let mut run = Run {
        plan,
        desks,
        told,
        tally: Tally::default(),
        ended: Vec::new(),
        watched,
        yardstick,
        phase: Phase::Ramp,
        beat_at: now + BEAT,
        began: now,
        up_at: None,
        ramped: (0, Duration::ZERO),
        awaited: 0,
        watch,
    };
    let levels = run.climb().await;
    run.descend().await;
    Ok(run.report(levels))
}

/// What is known of a seat.
struct Desk {
    taken: Taken,
    stand: Stand,
    seen: Option<Sight>,
}

/// How its call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stand {
    Idle,
    Dialling,
    Up {
        since: Instant,
    },
    /// Hung up; another call may follow.
    Leaving {
        again: bool,
    },
    Failed,
}

impl Desk {
    const fn new(taken: Taken) -> Self {
        Self { taken, stand: Stand::Idle, seen: None }
    }

    const fn is_up(&self) -> bool {
        matches!(self.stand, Stand::Up { .. })
    }

    fn order(&self, order: Order) -> bool {
        self.taken.orders.try_send(order).is_ok()
    }
}

/// Everything at the beginning of a level.
struct Opened {
    at: Instant,
    seen: Vec<Option<Sight>>,
    usage: Vec<Option<Usage>>,
    own: Marks,
    bad: u64,
}

struct Run<'a, W> {
    plan: &'a Plan,
    desks: Vec<Desk>,
    told: mpsc::Receiver<(u32, News)>,
    tally: Tally,
    /// What calls had heard that ended in this level.
    ended: Vec<(u32, Sight)>,
    watched: Vec<Watched>,
    yardstick: Yardstick,
    phase: Phase,
    beat_at: Instant,
    began: Instant,
    /// When the last call of a ramp came up.
    up_at: Option<Instant>,
    /// How many came up in ramps, and how long those took.
    ramped: (u64, Duration),
    /// Answers to a look that are still out.
    awaited: usize,
    watch: W,
}

impl<W: FnMut(&Progress)> Run<'_, W> {
    async fn climb(&mut self) -> Vec<Level> {
        let mut levels = Vec::new();
        self.began = Instant::now();
        for calls in self.plan.levels() {
            let bad = self.tally.bad;
            self.ramp(calls).await;
            let level = self.hold(calls, bad).await;
            let broke = !level.missed(&self.plan.targets).is_empty();
            levels.push(level);
            if broke && self.plan.step.is_some() {
                break;
            }
        }
        levels
    }

    /// Dials at the ramp's pace until so many calls are up or failed.
    async fn ramp(&mut self, calls: u32) {
        self.phase = Phase::Ramp;
        let (began, before) = (Instant::now(), self.up());
        self.up_at = None;
        let idle: Vec<usize> = (0..calls as usize)
            .filter(|seat| self.desks.get(*seat).is_some_and(|desk| desk.stand == Stand::Idle))
            .collect();
        for (seat, number) in idle.into_iter().zip(0_u32..) {
            let due = Duration::from_secs_f64(f64::from(number) / self.plan.ramp);
            self.until(began + due).await;
            self.dial(seat);
        }
        self.settle(|desk| desk.stand == Stand::Dialling).await;
        self.ramped.0 += u64::from(self.up().saturating_sub(before));
        self.ramped.1 +=
            self.up_at.map_or(Duration::ZERO, |at| at.saturating_duration_since(began));
    }

    /// Holds the calls, with churn, and measures.
    async fn hold(&mut self, calls: u32, bad: u64) -> Level {
        self.phase = Phase::Hold;
        let opened = self.open(bad).await;
        let ends = opened.at + self.plan.hold;
        let mut churned = 0_u32;
        while Instant::now() < ends {
            let next = if self.plan.churn > 0.0 {
                let due = f64::from(churned + 1) / self.plan.churn;
                opened.at + Duration::from_secs_f64(due)
            } else {
                ends
            };
            self.until(next.min(ends)).await;
            if next < ends {
                churned += 1;
                self.replace_oldest();
            }
        }
        self.close(calls, opened).await
    }

    async fn open(&mut self, bad: u64) -> Opened {
        self.look().await;
        self.ended.clear();
        Opened {
            at: Instant::now(),
            seen: self.desks.iter().map(|desk| desk.seen.clone()).collect(),
            usage: self.watched.iter().map(Watched::usage).collect(),
            own: self.yardstick.look().await,
            bad,
        }
    }

    async fn close(&mut self, calls: u32, opened: Opened) -> Level {
        let usage: Vec<Option<Usage>> = self.watched.iter().map(Watched::usage).collect();
        let own = self.yardstick.look().await;
        let lasted = opened.at.elapsed();
        self.look().await;
        let mut media = Figures::default();
        let before = |seat: u32| opened.seen.get(seat as usize).and_then(Option::as_ref);
        for (seat, desk) in (0..).zip(&self.desks) {
            if let Some(seen) = desk.seen.as_ref().filter(|_| desk.is_up()) {
                media.add(seen, before(seat));
            }
        }
        for (seat, sight) in &self.ended {
            media.add(sight, before(*seat));
        }
        let used = self.watched.iter().zip(opened.usage.iter().zip(&usage)).filter_map(
            |(watched, (before, after))| {
                Some(Used::between(&watched.name, before.as_ref()?, after.as_ref()?))
            },
        );
        let failed = self.tally.bad - opened.bad;
        let own_delay = yardstick::between(&opened.own, &own);
        Level { calls, up: self.up(), lasted, media, used: used.collect(), failed, own_delay }
    }

    /// Ends all calls.
    async fn descend(&mut self) {
        self.phase = Phase::Down;
        let pause = Duration::from_secs_f64(1.0 / (self.plan.ramp * DOWN_FACTOR));
        let whole = pause.mul_f64(f64::from(self.plan.calls));
        let deadline = Instant::now() + whole + SETTLE_MAX;
        while let Some(seat) = self.desks.iter().position(Desk::is_up)
            && Instant::now() < deadline
        {
            self.until(Instant::now() + pause).await;
            self.hang_up(seat, false);
        }
        self.settle(|desk| matches!(desk.stand, Stand::Leaving { .. } | Stand::Dialling)).await;
    }

    fn report(self, levels: Vec<Level>) -> Report {
        let is_lost = |desk: &&Desk| !matches!(desk.stand, Stand::Idle | Stand::Failed);
        let lost = self.desks.iter().filter(is_lost).count();
        Report::new(self.plan.clone(), self.tally, levels, self.ramped, lost)
    }

    fn dial(&mut self, seat: usize) {
        let Some(desk) = self.desks.get_mut(seat) else { return };
        desk.seen = None;
        desk.stand = if desk.order(Order::Dial) { Stand::Dialling } else { Stand::Failed };
    }

    fn hang_up(&mut self, seat: usize, again: bool) {
        let Some(desk) = self.desks.get_mut(seat) else { return };
        if desk.is_up() && desk.order(Order::HangUp) {
            desk.stand = Stand::Leaving { again };
        }
    }

    fn replace_oldest(&mut self) {
        let since = |desk: &Desk| match desk.stand {
            Stand::Up { since } => Some(since),
            Stand::Idle | Stand::Dialling | Stand::Leaving { .. } | Stand::Failed => None,
        };
        let up =
            self.desks.iter().enumerate().filter_map(|(seat, desk)| Some((since(desk)?, seat)));
        if let Some((_, seat)) = up.min() {
            self.hang_up(seat, true);
        }
    }

    /// Asks every call what it has heard, and waits for the answers.
    async fn look(&mut self) {
        let deadline = Instant::now() + LOOK_MAX;
        self.ask();
        while self.awaited > 0 && Instant::now() < deadline {
            self.pump(deadline).await;
        }
    }

    fn ask(&mut self) {
        let asked = self.desks.iter().filter(|desk| desk.is_up() && desk.order(Order::Look));
        self.awaited = asked.count();
    }

    /// Waits until no call is as given any more.
    async fn settle(&mut self, is_moving: impl Fn(&Desk) -> bool) {
        let deadline = Instant::now() + SETTLE_MAX;
        while self.desks.iter().any(&is_moving) && Instant::now() < deadline {
            self.pump((Instant::now() + BEAT).min(deadline)).await;
        }
    }

    /// Takes news until then.
    async fn until(&mut self, at: Instant) {
        while Instant::now() < at {
            self.pump(at).await;
        }
    }

    /// Takes one piece of news, or shows the progress, or lets the time pass.
    async fn pump(&mut self, until: Instant) {
        let wake = until.min(self.beat_at);
        if let Ok(Some((seat, news))) = timeout_at(Tick::from_std(wake), self.told.recv()).await {
            self.take(seat, news);
            return;
        }
        if Instant::now() >= self.beat_at {
            self.beat_at = Instant::now() + BEAT;
            self.show();
            self.ask();
        } else {
            sleep_until(Tick::from_std(wake)).await;
        }
    }

    fn take(&mut self, seat: u32, news: News) {
        let Some(desk) = self.desks.get_mut(seat as usize) else { return };
        match news {
            News::Up => {
                let now = Instant::now();
                desk.stand = Stand::Up { since: now };
                if self.phase == Phase::Ramp {
                    self.up_at = Some(now);
                }
            }
            News::Seen(sight) => {
                desk.seen = Some(sight);
                self.awaited = self.awaited.saturating_sub(1);
            }
            News::Over(outcome) => {
                let again = desk.stand == Stand::Leaving { again: true };
                let was_meant = matches!(desk.stand, Stand::Leaving { .. });
                desk.stand = if was_meant { Stand::Idle } else { Stand::Failed };
                desk.seen = None;
                self.tally.add(&outcome, self.plan.calls);
                self.ended.push((seat, outcome.sight));
                if again {
                    self.dial(seat as usize);
                }
            }
        }
    }

    fn up(&self) -> u32 {
        u32::try_from(self.desks.iter().filter(|desk| desk.is_up()).count()).unwrap_or(u32::MAX)
    }

    fn show(&mut self) {
        let mut media = Figures::default();
        for sight in self.desks.iter().filter_map(|desk| desk.seen.as_ref()) {
            media.add(sight, None);
        }
        let dialling = self.desks.iter().filter(|desk| desk.stand == Stand::Dialling).count();
        let progress = Progress {
            up: self.up(),
            dialling,
            bad: self.tally.bad,
            loss_percent: media.loss_percent(),
            delay_ms: media.delay_ms(0.5).zip(media.delay_ms(0.99)),
            elapsed: self.began.elapsed(),
            ..Progress::of(self.phase, self.plan.calls)
        };
        (self.watch)(&progress);
    }
}
