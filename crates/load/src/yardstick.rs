//! How much of a measured delay is our own?
//!
//! Two legs of the load's own engine send to each other over the loopback, without anybody between.
//! What they measure is what it costs to send and to hear a packet here; a delay through the system
//! can be no shorter.

use engine::{
    EVENTS_MAX, Engine, LegEvent, LegHandle, OpenSdes, PayloadTypes, Repeat, SdesKeys, Source,
};
use media::{
    mark::Marks,
    srtp::{MasterKey, Profile},
};
use terms::LegId;
use tokio::sync::mpsc;

use crate::{
    figures::Figures,
    outcome::{End, Hearing, Sight},
    sound::{Sounds, Voice},
};

/// What tells these packets from those of every call.
const TAG: u32 = u32::MAX;

const PROFILE: Profile = Profile::AeadAes128Gcm;

const TYPES: PayloadTypes = PayloadTypes::opus(111, None);

/// Why there is no yardstick.
#[derive(Debug, thiserror::Error)]
#[error("cannot open the load's own legs")]
pub struct YardstickError(#[source] engine::OpenError);

/// The two legs.
#[derive(Debug)]
pub(crate) struct Yardstick {
    _says: LegHandle,
    hears: LegHandle,
    _events: [mpsc::Receiver<LegEvent>; 2],
}

impl Yardstick {
    pub(crate) fn start(engine: &Engine, sounds: &Sounds) -> Result<Self, YardstickError> {
        let (says, says_at, first) = open(engine, None)?;
        let (hears, hears_at, second) = open(engine, Some(says.id()))?;
        for (leg, remote) in [(&says, hears_at), (&hears, says_at)] {
            let keys =
                SdesKeys { remote, send_key: key(), receive_key: key(), payload_types: TYPES };
            leg.set_keys(keys);
        }
        says.mark(TAG, TAG);
        hears.mark(TAG, TAG);
        says.play(Source::Packets(sounds.of(Voice::User(0)), Repeat::Forever));
        says.send_gate(true);
        Ok(Self { _says: says, hears, _events: [first, second] })
    }

    /// What was heard so far.
    pub(crate) async fn look(&self) -> Marks {
        self.hears.marks().await.unwrap_or_default()
    }
}

/// The delays between two looks.
pub(crate) fn between(before: &Marks, after: &Marks) -> Figures {
    let sight = |marks: &Marks| Sight {
        call: 0,
        ends: vec![Hearing { end: End::User, marks: marks.clone(), sent: 0 }],
    };
    let mut figures = Figures::default();
    figures.add(&sight(after), Some(&sight(before)));
    figures
}

type Opened = (LegHandle, Option<std::net::SocketAddr>, mpsc::Receiver<LegEvent>);

fn open(engine: &Engine, beside: Option<LegId>) -> Result<Opened, YardstickError> {
    let (sink, events) = mpsc::channel(EVENTS_MAX);
    let open = OpenSdes { cname: "load".to_owned(), media_watch: None, beside, events: sink };
    let (leg, local) = engine.open_sdes(open).map_err(YardstickError)?;
    Ok((leg, local.addrs.first().copied(), events))
}

fn key() -> MasterKey {
    // Nothing secret is said, and both ends are ours.
    MasterKey::new(PROFILE, &[7; 16], &[9; 12]).expect("the profile's own lengths")
}
