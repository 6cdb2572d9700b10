//! What is heard where a packet of a telephone never arrived?

/// What came last, again, half as loud each time.
#[derive(Debug, Default)]
pub(crate) struct Conceal {
    last: Vec<i16>,
    room: Vec<i16>,
}

impl Conceal {
    /// Keeps what has come.
    pub(crate) fn keep(&mut self, samples: Vec<i16>) -> &[i16] {
        self.last = samples;
        &self.last
    }

    /// Guesses `samples` that never arrived.
    pub(crate) fn fill(&mut self, samples: usize) -> &[i16] {
        for sample in &mut self.last {
            *sample /= 2;
        }
        self.room.clear();
        self.room.extend(self.last.iter().copied().cycle().take(samples));
        self.room.resize(samples, 0);
        &self.room
    }
}
