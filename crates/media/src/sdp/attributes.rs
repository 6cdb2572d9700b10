//! Which attribute stands on which line?
//!
//! The grammar is checked by `sdp-types`; this keeps what it forgets, the line numbers, so that a
//! refusal can name the line.

/// One `a=` line.
#[derive(Clone, Copy)]
pub(super) struct Attribute<'t> {
    /// Counted from 1.
    pub(super) line: usize,
    pub(super) name: &'t str,
    /// What follows the colon; empty for a flag.
    pub(super) value: &'t str,
}

/// One `m=` line and its attributes.
pub(super) struct MediaSection<'t> {
    /// Counted from 1.
    pub(super) line: usize,
    /// The first word: `audio`, `video`, …
    pub(super) kind: &'t str,
    attributes: Vec<Attribute<'t>>,
}

/// A whole SDP by lines.
pub(super) struct Sections<'t> {
    session: Vec<Attribute<'t>>,
    pub(super) media: Vec<MediaSection<'t>>,
}

impl<'t> Sections<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        let mut sections = Self { session: Vec::new(), media: Vec::new() };
        for (at, line) in text.lines().enumerate() {
            if let Some(value) = line.strip_prefix("m=") {
                let kind = value.split(' ').next().unwrap_or_default();
                let section = MediaSection { line: at + 1, kind, attributes: Vec::new() };
                sections.media.push(section);
            } else if let Some(value) = line.strip_prefix("a=") {
                let (name, value) = value.split_once(':').unwrap_or((value, ""));
                let attribute = Attribute { line: at + 1, name, value };
                match sections.media.last_mut() {
                    Some(section) => section.attributes.push(attribute),
                    None => sections.session.push(attribute),
                }
            }
        }
        sections
    }
}

/// The attributes that hold for one media section: its own, or else the session's.
pub(super) struct Scope<'s, 't> {
    own: &'s [Attribute<'t>],
    session: &'s [Attribute<'t>],
}

impl<'s, 't> Scope<'s, 't> {
    pub(super) fn new(sections: &'s Sections<'t>, media: &'s MediaSection<'t>) -> Self {
        Self { own: &media.attributes, session: &sections.session }
    }

    /// Every line of this name.
    pub(super) fn all(&self, name: &str) -> Vec<Attribute<'t>> {
        let named = |list: &[Attribute<'t>]| -> Vec<Attribute<'t>> {
            list.iter().copied().filter(|attribute| attribute.name == name).collect()
        };
        let own = named(self.own);
        if own.is_empty() { named(self.session) } else { own }
    }

    /// Every line of this name at either level.
    pub(super) fn both_levels(&self, name: &str) -> Vec<Attribute<'t>> {
        let every = self.session.iter().chain(self.own).copied();
        every.filter(|attribute| attribute.name == name).collect()
    }

    /// The first line of this name.
    pub(super) fn first(&self, name: &str) -> Option<Attribute<'t>> {
        self.all(name).first().copied()
    }

    /// The first line of this name that is not empty.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let found = self.first(name).filter(|attribute| !attribute.value.is_empty());
        found.map(|attribute| attribute.value.to_owned())
    }

    /// The first line of this name, as a number.
    pub(super) fn number(&self, name: &str) -> Option<u32> {
        self.first(name).and_then(|attribute| attribute.value.trim().parse().ok())
    }
}
