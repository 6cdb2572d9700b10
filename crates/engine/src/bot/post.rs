//! How do all bots learn what happened in a turn, in one go?
//!
//! A word to a task wakes the thread that runs it, and that thread may take the worker's processor at once: twenty
//! bots would cost twenty changes to and fro every 20 ms. So what a turn has to tell is collected and handed over
//! whole, and a task among those of the bots hands it out: where all run on one thread anyway, nobody is woken.

use tokio::{
    runtime::Handle,
    sync::mpsc::{self, OwnedPermit},
};

use super::BotNews;

/// Turns that may wait for the runtime; what does not find a place waits for the next one.
const TURNS_MAX: usize = 8;

/// A place in somebody's queue, and what is to go there.
type Letter = (OwnedPermit<BotNews>, BotNews);

/// What is to be told.
#[derive(Debug)]
pub(super) struct Post {
    letters: Vec<Letter>,
    turns: mpsc::Sender<Vec<Letter>>,
}

impl Post {
    /// Tells those whose tasks this runtime runs.
    pub(super) fn new(runtime: &Handle) -> Self {
        let (turns, handed_over) = mpsc::channel(TURNS_MAX);
        runtime.spawn(hand_out(handed_over));
        Self { letters: Vec::new(), turns }
    }

    /// Takes a place in the queue; gives back the news when there is none, or nobody reads.
    pub(super) fn put(&mut self, to: &mpsc::Sender<BotNews>, news: BotNews) -> Result<(), BotNews> {
        match to.clone().try_reserve_owned() {
            Ok(place) => self.letters.push((place, news)),
            Err(_) => return Err(news),
        }
        Ok(())
    }

    /// Hands over what was collected. It cannot become too much: all of it has a place already.
    pub(super) fn hand_over(&mut self) {
        if self.letters.is_empty() {
            return;
        }
        let letters = std::mem::take(&mut self.letters);
        if let Err(error) = self.turns.try_send(letters) {
            self.letters = error.into_inner();
        }
    }
}

async fn hand_out(mut handed_over: mpsc::Receiver<Vec<Letter>>) {
    while let Some(letters) = handed_over.recv().await {
        for (place, news) in letters {
            drop(place.send(news));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(number: u8) -> BotNews {
        BotNews::Heard(vec![number])
    }

    #[test]
    fn all_is_told_in_order_however_long_the_runtime_rests_and_what_has_no_place_comes_back() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut post = Post::new(runtime.handle());
        let (to, mut news) = mpsc::channel(3 * TURNS_MAX);
        // The runtime does not run meanwhile.
        for number in (0..).take(3 * TURNS_MAX) {
            assert_eq!(post.put(&to, heard(number)), Ok(()));
            post.hand_over();
        }
        assert_eq!(post.put(&to, heard(99)), Err(heard(99)));
        let read = async {
            for number in (0..).take(TURNS_MAX) {
                assert_eq!(news.recv().await, Some(heard(number)));
            }
        };
        runtime.block_on(read);
        post.hand_over();
        runtime.block_on(async {
            for number in (0..).take(3 * TURNS_MAX).skip(TURNS_MAX) {
                assert_eq!(news.recv().await, Some(heard(number)));
            }
        });
        drop(news);
        assert_eq!(post.put(&to, heard(1)), Err(heard(1)), "nobody reads");
    }
}
