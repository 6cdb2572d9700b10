//! How much of each thing a model said was heard?
//!
//! An item is what the model said in one go. It is forgotten once its mark has passed, for then all of it
//! was heard. A clear cuts off the end of what was sent: counted back from there, each item was heard as
//! far as the dropped milliseconds do not reach.

use std::collections::VecDeque;

use super::words::Piece;

/// Items that may be unheard at a time; of one more the first is forgotten.
const ITEMS_MAX: usize = 64;

/// Something the model said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) id: String,
    pub(super) content_index: u32,
    answer: String,
    sent: Sent,
    is_done: bool,
    is_whole: bool,
    /// How many milliseconds of it were heard; known once it is cut.
    pub(super) heard_ms: u64,
}

/// Samples, and how many are a millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) samples: u64,
    pub(super) of_a_ms: u64,
}

/// What is not heard yet, and what was cut and waits for the answer to its clear.
#[derive(Debug, Default)]
pub(super) struct Heard {
    items: VecDeque<Item>,
    cuts: VecDeque<VecDeque<Item>>,
}

impl Heard {
    /// The model says this; the item before it, if it never was done, is done by that.
    pub(super) fn said(&mut self, piece: &Piece, sent: Sent) -> Option<String> {
        if let Some(last) = self.items.back_mut()
            && last.id == piece.item_id
        {
            last.sent.samples += sent.samples;
            return None;
        }
        let before = self.items.back_mut().filter(|item| !item.is_done);
        let before = before.map(|item| {
            item.is_done = true;
            item.id.clone()
        });
        if self.items.len() >= ITEMS_MAX {
            self.items.pop_front();
        }
        self.items.push_back(Item {
            id: piece.item_id.clone(),
            content_index: piece.content_index,
            answer: piece.response_id.clone(),
            sent,
            is_done: false,
            is_whole: false,
            heard_ms: 0,
        });
        before
    }

    /// No more comes of this item; whether a mark is to be set behind it.
    pub(super) fn done(&mut self, id: &str) -> bool {
        let item = self.items.iter_mut().find(|item| item.id == id && !item.is_done);
        item.is_some_and(|item| {
            item.is_done = true;
            true
        })
    }

    /// This item was heard to its end, and those before it.
    pub(super) fn whole(&mut self, id: &str) {
        if let Some(at) = self.items.iter().position(|item| item.id == id) {
            self.items.drain(..=at);
        }
        for item in self.cuts.iter_mut().flatten() {
            item.is_whole |= item.id == id;
        }
    }

    /// What is not heard yet is cleared; the answer of which the last of it is. Nothing where there is none.
    pub(super) fn cut(&mut self) -> Option<String> {
        let answer = self.items.back()?.answer.clone();
        self.cuts.push_back(std::mem::take(&mut self.items));
        Some(answer)
    }

    /// The items of the clear that was first asked for, as far as they were heard; without those that
    /// were heard whole.
    pub(super) fn cleared(&mut self, mut dropped_ms: u64) -> Vec<Item> {
        let mut items = self.cuts.pop_front().unwrap_or_default();
        items.retain(|item| !item.is_whole);
        for item in items.iter_mut().rev() {
            let sent_ms = item.sent.samples / item.sent.of_a_ms.max(1);
            item.heard_ms = sent_ms.saturating_sub(dropped_ms);
            item.is_whole = item.is_done && item.heard_ms == sent_ms;
            dropped_ms = dropped_ms.saturating_sub(sent_ms);
        }
        items.retain(|item| !item.is_whole);
        items.into()
    }
}
