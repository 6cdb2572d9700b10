//! How does a call play an announcement and keep what is said after it?
//!
//! The announcement is made aside, since a speech command may take seconds; it comes back as a
//! command. While it plays it stands in each listener's line in place of the other party. What is
//! said afterwards is copied by ears of its own, and handed to [`crate::capture`] at the end.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use engine::Direction;
use rules::{
    call::{Input, State, Verdict},
    capture::Plan,
};
use terms::Party;

use super::{
    actor::{CallActor, Command},
    ears::Ear,
    legs::Leg,
};
use crate::capture::{self, Announcement, Kept};

/// Packets of 20 ms in a second.
const PACKETS_PER_S: u64 = 50;

/// What a call plays and keeps.
#[derive(Debug, Default)]
pub(super) struct Keeping {
    /// Who has not yet heard the announcement to its end.
    awaited: Vec<Party>,
    since: Option<Instant>,
    until: Option<Instant>,
    business: Option<Ear>,
    user: Option<Ear>,
}

impl Keeping {
    /// The legs are about to close.
    pub(super) fn stop(&mut self) {
        self.until.get_or_insert_with(Instant::now);
    }
}

impl CallActor {
    /// Lets the announcement of a recording be made.
    pub(super) fn announce(&self, plan: Plan) {
        let (world, id) = (Arc::clone(&self.world), self.facts.id.clone());
        let codec = self.legs.business.types().codec;
        tokio::spawn(async move {
            let announcement = capture::announcement_of(&world, plan, codec).await;
            if let Some(call) = world.calls.get(&id) {
                drop(call.inbox.send(Command::Announcement { announcement }).await);
            }
        });
    }

    /// Leaves the business out and lets the announcement of voicemail be fetched.
    pub(super) fn start_voicemail(&self) {
        self.legs.business.handle.close();
        let settings = self.facts.number.calling.voicemail.as_ref();
        let media_id = settings.and_then(|it| it.announcement).map_or(0, |it| it.media_id);
        let (world, facts) = (Arc::clone(&self.world), self.facts.clone());
        tokio::spawn(async move {
            let announcement = capture::greeting_of(&world, &facts.number.id, media_id).await;
            if let Some(call) = world.calls.get(&facts.id) {
                drop(call.inbox.send(Command::Announcement { announcement }).await);
            }
        });
    }

    /// The announcement is there, or cannot be.
    pub(super) async fn play_announcement(&mut self, announcement: Option<Announcement>) {
        let Some(announcement) = announcement else {
            return self.input(Input::AnnouncementFailed).await;
        };
        let listeners = match self.record.call.state() {
            State::Accepted { .. } => vec![Party::User, Party::Business],
            State::Voicemail { .. } => vec![Party::User],
            State::Offered { .. }
            | State::PreAccepted { .. }
            | State::Dialing { .. }
            | State::Ringing { .. }
            | State::Ended(_) => return,
        };
        if self.legs.announce(&listeners, &announcement) {
            self.keeping.awaited = listeners;
        } else {
            self.input(Input::AnnouncementFailed).await;
        }
    }

    /// A party has heard the announcement to its end.
    pub(super) async fn played_to(&mut self, party: Party) {
        let before = self.keeping.awaited.len();
        self.keeping.awaited.retain(|awaited| *awaited != party);
        if before > 0 && self.keeping.awaited.is_empty() {
            self.input(Input::AnnouncementPlayed).await;
        }
    }

    /// Keeps what both say from here on.
    pub(super) fn start_capture(&mut self) {
        let now = Instant::now();
        let book = self.world.book(&self.facts.number);
        let longest = book.capture.length_max.value;
        self.keeping.since = Some(now);
        self.keeping.business = Some(self.keep(&self.legs.business, longest, now));
        self.keeping.user = self.user_ear(longest, now);
    }

    /// Keeps what the user says to voicemail.
    pub(super) fn record_voicemail(&mut self) {
        let book = self.world.book(&self.facts.number);
        let longest = book.voicemail.recording_max.value;
        self.keeping.user = self.user_ear(longest, Instant::now());
    }

    fn user_ear(&self, longest: Duration, since: Instant) -> Option<Ear> {
        self.legs.user.as_ref().map(|leg| self.keep(leg, longest, since))
    }

    fn keep(&self, leg: &Leg, longest: Duration, since: Instant) -> Ear {
        let packets = (longest.as_secs() + 1).saturating_mul(PACKETS_PER_S);
        let packets_max = usize::try_from(packets).unwrap_or(usize::MAX);
        let direction = Direction::Received;
        self.world.ears.keep(&leg.handle, direction, leg.types(), since, packets_max)
    }

    /// Hands what was kept over.
    pub(super) fn deliver_capture(&mut self, plan: Plan) {
        let keeping = std::mem::take(&mut self.keeping);
        let (Some(business), Some(user), Some(since)) =
            (keeping.business, keeping.user, keeping.since)
        else {
            return;
        };
        if business.is_given_up() || user.is_given_up() {
            return self.record.notes.push(Verdict::NotKept);
        }
        let longest = self.world.book(&self.facts.number).capture.length_max.value;
        let lasts = keeping.until.unwrap_or_else(Instant::now).saturating_duration_since(since);
        let kept = Kept { business, user, lasts: lasts.min(longest) };
        let (world, facts) = (Arc::clone(&self.world), self.facts.clone());
        self.world.captures.spawn(capture::deliver(world, facts, plan, kept));
    }

    /// Hands the user's message over.
    pub(super) fn deliver_voicemail(&mut self) {
        let Some(ear) = self.keeping.user.take() else { return };
        if ear.is_given_up() {
            return self.record.notes.push(Verdict::NotKept);
        }
        let (world, facts) = (Arc::clone(&self.world), self.facts.clone());
        self.world.captures.spawn(capture::deliver_voicemail(world, facts, ear));
    }
}
