//! Is this document a flow, and if not, where and why?
//!
//! Reading goes on after a fault: whoever writes a flow sees all of them at once. The documents that
//! are redirected to are read with it and checked as one. What each action may say has a file of its
//! own; [`step`] lists them, [`words`] reads their values.

mod bot;
mod branch;
mod echo;
mod gather;
mod hang_up;
mod hours;
mod play;
mod queue;
mod record;
mod redirect;
mod ring;
mod say;
mod set;
mod step;
mod trunk;
mod voicemail;
mod when;
mod words;

use std::{collections::BTreeSet, sync::Arc};

use jiff::tz::TimeZone;

use super::{
    Document, Fault, Faults, Flow, Named, Place, Supplies, check,
    document::{Entry, What, get},
};

/// The music where none is named; every gateway has it.
pub(super) const HOLD_MUSIC: &str = "hold";

/// The most steps a flow may have, with all its documents.
const STEPS_MAX: usize = 500;

pub(super) fn load(document: Document, supplies: &Supplies) -> Result<Flow, Faults> {
    let (sources, mut faults) = sources(document, supplies);
    let mut reader = Reader::new(supplies, &sources);
    let flow = reader.flow();
    faults.append(&mut reader.faults);
    if faults.is_empty() {
        check::reach(&flow, &reader.entries(), |index, why| {
            faults.push(reader.fault_of(index, why));
        });
    }
    faults.sort_by(|a, b| (&a.document, &a.place).cmp(&(&b.document, &b.place)));
    if faults.is_empty() { Ok(flow) } else { Err(Faults(faults)) }
}

/// A document and its name; the first one has none.
struct Source {
    name: Option<String>,
    document: Document,
}

/// The document and those it redirects to, one leading to the next.
fn sources(document: Document, supplies: &Supplies) -> (Vec<Source>, Vec<Fault>) {
    let mut sources = vec![Source { name: None, document }];
    let (mut known, mut faults) = (BTreeSet::new(), Vec::new());
    let mut next = 0;
    while let Some(source) = sources.get(next) {
        next += 1;
        for name in redirect::targets(&source.document.root) {
            let Some(text) = supplies.documents.get(&name) else { continue };
            if supplies.main.as_ref() == Some(&name) || !known.insert(name.clone()) {
                continue;
            }
            match Document::from_toml(text) {
                Ok(document) => sources.push(Source { name: Some(name), document }),
                Err(fault) => faults.push(Fault { document: Some(name), ..fault }),
            }
        }
    }
    (sources, faults)
}

/// A step's name, where it stands and in which document.
struct StepName {
    source: usize,
    name: String,
    place: Place,
}

struct Reader<'a> {
    supplies: &'a Supplies,
    sources: &'a [Source],
    names: Vec<StepName>,
    /// The first step of each document.
    starts: Vec<usize>,
    /// The names of the variables that any step sets.
    variables: BTreeSet<&'a str>,
    zone: TimeZone,
    /// The document and the step that are read.
    here: usize,
    step: Option<&'a str>,
    faults: Vec<Fault>,
}

/// One step's table: its name, its place and its keys.
#[derive(Clone, Copy)]
struct Table<'a> {
    name: &'a str,
    place: &'a Place,
    entries: &'a [Entry],
}

impl<'a> Table<'a> {
    fn get(&self, key: &str) -> Option<&'a super::document::Value> {
        get(self.entries, key)
    }
}

impl<'a> Reader<'a> {
    fn new(supplies: &'a Supplies, sources: &'a [Source]) -> Self {
        Self {
            supplies,
            sources,
            names: Vec::new(),
            starts: Vec::new(),
            variables: BTreeSet::new(),
            zone: TimeZone::UTC,
            here: 0,
            step: None,
            faults: Vec::new(),
        }
    }

    fn flow(&mut self) -> Flow {
        let sources = self.sources;
        let mut tables = Vec::new();
        for (here, source) in sources.iter().enumerate() {
            self.here = here;
            tables.push(self.tables(&source.document));
        }
        if self.names.len() > STEPS_MAX {
            let why = format!("a flow has at most {STEPS_MAX} steps, with all its documents");
            self.fault(&Place::Line(1), why);
            return Flow { start: 0, steps: Vec::new(), documents: Vec::new() };
        }
        for table in tables.iter().flatten() {
            self.variables.extend(set::names(table));
            if table.get(queue::QUEUE.name).is_some() {
                self.variables.extend(queue::VARIABLES);
            }
            if table.get(trunk::TRUNK.name).is_some() {
                self.variables.insert(trunk::VARIABLE);
            }
        }
        for (here, source) in sources.iter().enumerate() {
            self.here = here;
            let start = self.start(&source.document);
            self.starts.push(start);
        }
        let mut steps = Vec::new();
        for (here, (source, tables)) in sources.iter().zip(&tables).enumerate() {
            self.here = here;
            self.zone = self.timezone(&source.document);
            for table in tables {
                self.step = Some(table.name);
                let name = source.name.as_ref().map_or_else(
                    || table.name.to_owned(),
                    |document| format!("{document}/{}", table.name),
                );
                let step = self.step(table);
                steps.push(Arc::new(Named { name, place: table.place.clone(), step }));
            }
            self.step = None;
        }
        let documents = sources.iter().filter_map(|source| source.name.clone()).collect();
        Flow { start: self.starts.first().copied().unwrap_or(0), steps, documents }
    }

    /// Where callers may come in: the first steps of all documents.
    fn entries(&self) -> Vec<usize> {
        self.starts.clone()
    }

    /// A fault of a step that was read.
    fn fault_of(&self, index: usize, why: String) -> Fault {
        let Some(step) = self.names.get(index) else { return Fault::new(Place::Line(1), why) };
        let document = self.sources.get(step.source).and_then(|source| source.name.clone());
        Fault { document, place: step.place.clone(), step: Some(step.name.clone()), why }
    }

    fn fault(&mut self, place: &Place, why: String) {
        let document = self.sources.get(self.here).and_then(|source| source.name.clone());
        let step = self.step.map(str::to_owned);
        self.faults.push(Fault { document, place: place.clone(), step, why });
    }

    fn tables(&mut self, document: &'a Document) -> Vec<Table<'a>> {
        for entry in &document.root {
            self.known(&entry.name, &["start", "timezone", "step"], "at the top of a flow");
        }
        let Some(value) = get(&document.root, "step") else {
            self.fault(&document.top(), "there are no steps: add one, as in [step.welcome]".into());
            return Vec::new();
        };
        let What::Table(entries) = &value.what else {
            self.fault(&value.place, "`step` holds tables: write [step.welcome]".into());
            return Vec::new();
        };
        let mut tables = Vec::new();
        for entry in entries {
            let (name, place) = (&entry.name.text, &entry.name.place);
            if let What::Table(entries) = &entry.value.what {
                let (source, name) = (self.here, name.clone());
                self.names.push(StepName { source, name, place: place.clone() });
                tables.push(Table { name: &entry.name.text, place, entries });
            } else {
                self.fault(place, format!("step `{name}` is not a table"));
            }
        }
        tables
    }

    fn start(&mut self, document: &'a Document) -> usize {
        let Some(value) = get(&document.root, "start") else {
            let why = "`start` is missing: name the first step, as in start = \"welcome\"";
            self.fault(&document.top(), why.into());
            return 0;
        };
        self.step_named(value)
    }

    fn timezone(&mut self, document: &'a Document) -> TimeZone {
        let Some(value) = get(&document.root, "timezone") else { return TimeZone::UTC };
        let Some(name) = self.text_of(value) else { return TimeZone::UTC };
        TimeZone::get(name).unwrap_or_else(|_| {
            let why =
                format!("no time zone is named `{name}`: write one such as \"America/Sao_Paulo\"");
            self.fault(&value.place, why);
            TimeZone::UTC
        })
    }
}
