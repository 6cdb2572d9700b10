//! How does the audio of a telephone get its keys?
//!
//! Its leg is opened for one way and serves no other: a telephone that wants another one has no call, and
//! nothing leaves unprotected where it was to be protected.

use engine::{
    DtlsEnd, Engine, LegEvent, LegHandle, MediaWatch, OpenError, OpenLeg, OpenSdes, Password,
    PlainEnd, SdesKeys, Socket,
};
use media::{
    leg::IceRole,
    sdp::{OurKeys, SdesCrypto, TrunkDtls, TrunkKeying, TrunkKeys, TrunkMedia},
    srtp::{MasterKey, Profile},
    transport::LocalTransport,
};
use terms::LegId;
use tokio::sync::mpsc;

use super::telephone::payload_types;

/// The name of our source in RTCP.
const CNAME: &str = "trunk";

/// Our side of it.
#[derive(Debug)]
pub(super) enum Keys {
    /// There are none.
    Open,
    /// Our key.
    Sdes(SdesCrypto),
    /// A handshake on the leg.
    Dtls,
}

impl Keys {
    pub(super) fn new(keying: TrunkKeying) -> Self {
        match keying {
            TrunkKeying::Open => Self::Open,
            TrunkKeying::Sdes => Self::Sdes(new_key()),
            TrunkKeying::Dtls => Self::Dtls,
        }
    }

    pub(super) const fn keying(&self) -> TrunkKeying {
        match self {
            Self::Open => TrunkKeying::Open,
            Self::Sdes(_) => TrunkKeying::Sdes,
            Self::Dtls => TrunkKeying::Dtls,
        }
    }

    /// What our SDPs say of them.
    pub(super) const fn ours(&self) -> OurKeys<'_> {
        match self {
            Self::Open => OurKeys::Open,
            Self::Sdes(crypto) => OurKeys::Sdes(crypto),
            Self::Dtls => OurKeys::Dtls,
        }
    }

    /// We answer an offer: of keys in it that line is taken which was read (RFC 4568, 5.1.2).
    pub(super) const fn answer(&mut self, theirs: &TrunkKeys) {
        if let (Self::Sdes(ours), TrunkKeys::Sdes(theirs)) = (self, theirs) {
            ours.tag = theirs.tag;
        }
    }

    /// The leg learns who its far end is.
    pub(super) fn meet(&self, leg: &LegHandle, media: &TrunkMedia) {
        let (remote, payload_types) = (media.remote, payload_types(media));
        match (self, &media.keys) {
            (Self::Open, TrunkKeys::Open) => leg.set_plain(PlainEnd { remote, payload_types }),
            (Self::Sdes(ours), TrunkKeys::Sdes(theirs)) => leg.set_keys(SdesKeys {
                remote,
                send_key: master_key(ours),
                receive_key: master_key(theirs),
                payload_types,
            }),
            (Self::Dtls, TrunkKeys::Dtls(theirs)) => shake_hands(leg, theirs, media),
            (Self::Open | Self::Sdes(_) | Self::Dtls, _) => {
                tracing::error!("a telephone agreed to keys its leg cannot have");
            }
        }
    }

    /// Opens a leg that gets its keys this way; `offers` is whether the first SDP is ours.
    pub(super) fn open(
        &self,
        engine: &Engine,
        (beside, offers): (LegId, bool),
        watch: MediaWatch,
        events: mpsc::Sender<LegEvent>,
    ) -> Result<(LegHandle, LocalTransport), OpenError> {
        let (cname, media_watch, beside) = (CNAME.to_owned(), Some(watch), Some(beside));
        match self {
            Self::Open | Self::Sdes(_) => {
                engine.open_sdes(OpenSdes { cname, media_watch, beside, events })
            }
            Self::Dtls => engine.open(OpenLeg {
                socket: Socket::Own,
                ice: IceRole::Full { controlling: offers },
                password: Password::Plain,
                cname,
                media_watch,
                beside,
                events,
            }),
        }
    }
}

fn shake_hands(leg: &LegHandle, theirs: &TrunkDtls, media: &TrunkMedia) {
    let (role, payload_types) = (theirs.setup.our_role(), payload_types(media));
    match &theirs.ice {
        Some(ice) => leg.set_remote(ice.clone(), role, payload_types),
        None => {
            let (remote, fingerprint) = (media.remote, theirs.fingerprint);
            leg.set_dtls(DtlsEnd { remote, fingerprint, role, payload_types });
        }
    }
}

/// A key of ours (RFC 4568).
fn new_key() -> SdesCrypto {
    let mut key_and_salt = [0; 30];
    rand::fill(&mut key_and_salt);
    SdesCrypto { tag: 1, key_and_salt }
}

fn master_key(crypto: &SdesCrypto) -> MasterKey {
    MasterKey::from_inline(Profile::Aes128CmSha1_80, &crypto.key_and_salt)
        .expect("thirty bytes are this profile's key and salt")
}
