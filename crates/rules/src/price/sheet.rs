//! Which lines does the CSV of a card have, and which of them is wrong?

use terms::Currency;

/// Why a rate card cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("rate card {card}, line {line}: {reason}")]
pub struct CardError {
    /// The card.
    pub card: String,
    /// The line, from 1.
    pub line: u64,
    /// What is wrong.
    pub reason: String,
}

/// The lines of a card: its header and at least one market.
pub(super) struct Lines<'a> {
    card: &'a str,
    pub(super) header: csv::StringRecord,
    header_line: u64,
    rows: Vec<(u64, csv::StringRecord)>,
}

impl<'a> Lines<'a> {
    /// Takes the text apart.
    pub(super) fn read(card: &'a str, text: &str) -> Result<Self, CardError> {
        let fault = |line, reason| CardError { card: card.into(), line, reason };
        let text = text.trim_start_matches('\u{feff}');
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes());
        let mut rows = Vec::new();
        let mut counter = LineCounter { text, byte: 0, line: 1 };
        for row in reader.records() {
            let row = row.map_err(|error| {
                let line = counter.line_of(error.position());
                fault(line, wrong_record(&error))
            })?;
            rows.push((counter.line_of(row.position()), row));
        }
        if rows.is_empty() {
            return Err(fault(1, "the card is empty".into()));
        }
        let (header_line, header) = rows.remove(0);
        if header.get(0) != Some("Market") || header.get(1) != Some("Currency") || header.len() < 3
        {
            let reason = "expected the columns Market, Currency and one a tier or category";
            return Err(fault(header_line, reason.into()));
        }
        Ok(Self { card, header, header_line, rows })
    }

    /// A fault of the header.
    pub(super) fn header_fault(&self, reason: String) -> CardError {
        CardError { card: self.card.into(), line: self.header_line, reason }
    }

    /// Reads every market with `rates`, which gets the columns after the first two. No market
    /// stands twice, and all have one currency, which is given back.
    pub(super) fn markets<T>(
        &self,
        mut rates: impl FnMut(&mut dyn Iterator<Item = &str>) -> Result<T, String>,
    ) -> Result<(Currency, std::collections::BTreeMap<String, T>), CardError> {
        let mut markets = std::collections::BTreeMap::new();
        let mut currency = None;
        for (line, row) in &self.rows {
            let fault = |reason| CardError { card: self.card.into(), line: *line, reason };
            let market = row.get(0).filter(|name| !name.is_empty());
            let market = market.ok_or_else(|| fault("the market has no name".into()))?;
            let own = read_currency(row.get(1).unwrap_or("")).map_err(fault)?;
            if *currency.get_or_insert(own) != own {
                return Err(fault("a card has one currency".into()));
            }
            let read = rates(&mut row.iter().skip(2)).map_err(fault)?;
            if markets.insert(market.to_owned(), read).is_some() {
                return Err(fault(format!("{market} stands here twice")));
            }
        }
        match currency {
            Some(currency) => Ok((currency, markets)),
            None => Err(self.header_fault("the card has no market".into())),
        }
    }
}

/// Finds the line of a record: the reader says where it began to look, which may be at empty lines
/// before it.
struct LineCounter<'t> {
    text: &'t str,
    byte: usize,
    line: u64,
}

impl LineCounter<'_> {
    fn line_of(&mut self, position: Option<&csv::Position>) -> u64 {
        let looked = position.map_or(0, csv::Position::byte);
        let looked = usize::try_from(looked).unwrap_or(usize::MAX);
        let bytes = self.text.as_bytes();
        while let Some(byte) = bytes.get(self.byte) {
            if self.byte >= looked && !matches!(byte, b'\r' | b'\n') {
                break;
            }
            let ends_line = match byte {
                b'\n' => true,
                b'\r' => bytes.get(self.byte + 1) != Some(&b'\n'),
                _ => false,
            };
            self.line += u64::from(ends_line);
            self.byte += 1;
        }
        self.line
    }
}

/// What is wrong with a record, without the reader's own count of lines.
fn wrong_record(error: &csv::Error) -> String {
    if let csv::ErrorKind::UnequalLengths { expected_len, len, .. } = error.kind() {
        return format!("{len} columns, where the header has {expected_len}");
    }
    error.to_string()
}

/// One copy of the published cards writes `$US` for USD.
fn read_currency(text: &str) -> Result<Currency, String> {
    if text == "$US" {
        return Ok(Currency::USD);
    }
    text.parse().map_err(|error| format!("{error}"))
}
