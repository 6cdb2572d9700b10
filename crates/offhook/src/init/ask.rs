//! How is a person asked, and what when there is none?
//!
//! Questions go to standard error, so that standard output holds the result alone. Answers come line by
//! line: from a terminal, where secrets are not shown, or from a pipe.

use std::io::{BufRead, IsTerminal, Write};

use anyhow::{Context, Result, bail};

/// Where answers come from.
#[derive(Debug)]
pub(super) enum Asker {
    /// A person, or what plays one.
    Asking,
    /// Nobody: flags and defaults alone.
    Silent,
}

impl Asker {
    /// Asks on the terminal, or reads answers from a pipe.
    pub(super) fn terminal() -> Self {
        Self::Asking
    }

    /// Asks nobody.
    pub(super) fn silent() -> Self {
        Self::Silent
    }

    /// The value of a flag, else an answer, else the default; asked again while it cannot be used.
    pub(super) fn value<T>(
        &mut self,
        question: &str,
        flag: Option<T>,
        default: Option<&str>,
        read: impl Fn(&str) -> Result<T>,
    ) -> Result<T> {
        if let Some(value) = flag {
            return Ok(value);
        }
        loop {
            let text = match (self.line(question, default)?, default) {
                (Some(text), _) => text,
                (None, Some(default)) => default.to_owned(),
                (None, None) => bail!("{question}: an answer or its flag is needed"),
            };
            match read(&text) {
                Ok(value) => return Ok(value),
                Err(why) => self.say_wrong(&why)?,
            }
        }
    }

    /// As [`Asker::value`], where no answer is one.
    pub(super) fn maybe<T>(
        &mut self,
        question: &str,
        flag: Option<T>,
        read: impl Fn(&str) -> Result<T>,
    ) -> Result<Option<T>> {
        if flag.is_some() {
            return Ok(flag);
        }
        loop {
            let Some(text) = self.line(question, None)? else { return Ok(None) };
            match read(&text) {
                Ok(value) => return Ok(Some(value)),
                Err(why) => self.say_wrong(&why)?,
            }
        }
    }

    /// A text, or none.
    pub(super) fn optional(
        &mut self,
        question: &str,
        flag: Option<String>,
    ) -> Result<Option<String>> {
        self.maybe(question, flag, |text| Ok(text.to_owned()))
    }

    /// A text that is not shown while it is typed, or none.
    pub(super) fn secret(
        &mut self,
        question: &str,
        given: Option<String>,
    ) -> Result<Option<String>> {
        if given.is_some() || matches!(self, Self::Silent) {
            return Ok(given);
        }
        if !std::io::stdin().is_terminal() {
            return self.line(question, None);
        }
        prompt(question, None)?;
        let text = rpassword::read_password().context("reading a secret")?;
        let text = text.trim();
        Ok((!text.is_empty()).then(|| text.to_owned()))
    }

    /// One line; `None` when it is empty, or nobody answers.
    fn line(&mut self, question: &str, default: Option<&str>) -> Result<Option<String>> {
        if matches!(self, Self::Silent) {
            return Ok(None);
        }
        prompt(question, default)?;
        let mut line = String::new();
        if std::io::stdin().lock().read_line(&mut line).context("reading an answer")? == 0 {
            // The pipe has ended: what follows has its default or none.
            *self = Self::Silent;
        }
        let text = line.trim();
        Ok((!text.is_empty()).then(|| text.to_owned()))
    }

    /// Says what was wrong, where somebody can answer again.
    fn say_wrong(&self, why: &anyhow::Error) -> Result<()> {
        match self {
            Self::Silent => bail!("{why:#}"),
            Self::Asking => {
                writeln!(std::io::stderr(), "  {why:#}").context("writing to standard error")
            }
        }
    }
}

fn prompt(question: &str, default: Option<&str>) -> Result<()> {
    let hint = default.map(|text| format!(" [{text}]")).unwrap_or_default();
    let mut terminal = std::io::stderr();
    write!(terminal, "{question}{hint}: ")
        .and_then(|()| terminal.flush())
        .context("writing to standard error")
}
