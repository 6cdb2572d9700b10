//! How does rtpengine's control protocol look?
//!
//! A cookie, a space and a bencoded dictionary in one UDP datagram; the answer bears the same cookie.

use std::{collections::BTreeMap, net::UdpSocket, time::Duration};

use anyhow::{Context, Result, bail};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is bencoded here; numbers occur in answers only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word {
    Text(String),
    Number(i64),
    List(Vec<Self>),
    Dictionary(BTreeMap<String, Self>),
}

impl From<&str> for Word {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl Word {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Text(text) => {
                out.extend(format!("{}:", text.len()).bytes());
                out.extend(text.bytes());
            }
            Self::Number(number) => out.extend(format!("i{number}e").bytes()),
            Self::List(words) => {
                out.push(b'l');
                words.iter().for_each(|word| word.write(out));
                out.push(b'e');
            }
            Self::Dictionary(entries) => {
                out.push(b'd');
                for (name, word) in entries {
                    Self::from(name.as_str()).write(out);
                    word.write(out);
                }
                out.push(b'e');
            }
        }
    }

    /// The first word, and what follows it.
    fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (kind, rest) = bytes.split_first()?;
        match kind {
            b'i' => {
                let (number, rest) = until(rest, b'e')?;
                Some((Self::Number(number.parse().ok()?), rest))
            }
            b'l' | b'd' => {
                let mut words = Vec::new();
                let mut rest = rest;
                while rest.first()? != &b'e' {
                    let (word, after) = Self::read(rest)?;
                    words.push(word);
                    rest = after;
                }
                let word = if *kind == b'l' { Self::List(words) } else { dictionary(words)? };
                Some((word, rest.get(1..)?))
            }
            _ => {
                let (length, rest) = until(bytes, b':')?;
                let (text, rest) = rest.split_at_checked(length.parse().ok()?)?;
                Some((Self::Text(String::from_utf8_lossy(text).into_owned()), rest))
            }
        }
    }
}

fn dictionary(words: Vec<Word>) -> Option<Word> {
    let mut entries = BTreeMap::new();
    let mut words = words.into_iter();
    while let Some(name) = words.next() {
        let Word::Text(name) = name else { return None };
        entries.insert(name, words.next()?);
    }
    Some(Word::Dictionary(entries))
}

fn until(bytes: &[u8], end: u8) -> Option<(&str, &[u8])> {
    let at = bytes.iter().position(|byte| *byte == end)?;
    Some((std::str::from_utf8(&bytes[..at]).ok()?, &bytes[at + 1..]))
}

/// The control socket of an rtpengine.
#[derive(Debug)]
pub(super) struct Ng {
    socket: UdpSocket,
    asked: u64,
}

impl Ng {
    pub(super) fn connect(to: &str) -> Result<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.connect(to)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { socket, asked: 0 })
    }

    /// Asks, and gives the answer's entries.
    pub(super) fn ask(&mut self, order: &[(&str, Word)]) -> Result<BTreeMap<String, Word>> {
        self.asked += 1;
        let cookie = format!("{}", self.asked);
        let mut datagram = format!("{cookie} ").into_bytes();
        let entries = order.iter().map(|(name, word)| ((*name).to_owned(), word.clone()));
        Word::Dictionary(entries.collect()).write(&mut datagram);
        self.socket.send(&datagram).context("cannot reach rtpengine")?;
        let mut buffer = vec![0; 65_536];
        loop {
            let len = self.socket.recv(&mut buffer).context("rtpengine does not answer")?;
            let (to, answer) = until(&buffer[..len], b' ').context("an answer without a cookie")?;
            if to != cookie {
                continue;
            }
            let Some((Word::Dictionary(entries), _)) = Word::read(answer) else {
                bail!("rtpengine's answer is no dictionary");
            };
            if entries.get("result") == Some(&"error".into()) {
                bail!("rtpengine: {:?}", entries.get("error-reason"));
            }
            return Ok(entries);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        let inner = Word::Dictionary([("sdp".into(), "v=0\r\n".into())].into());
        let word = Word::List(vec!["offer".into(), Word::Number(-7), inner]);
        let mut bytes = Vec::new();
        word.write(&mut bytes);
        assert_eq!(bytes, b"l5:offeri-7ed3:sdp5:v=0\r\nee");
        bytes.push(b'!');
        assert_eq!(Word::read(&bytes), Some((word, &b"!"[..])));
    }

    #[test]
    fn what_breaks_off_is_no_word() {
        for bad in ["", "5:of", "i7", "l", "d1:a", "x", "di1e1:ae"] {
            assert_eq!(Word::read(bad.as_bytes()), None, "{bad}");
        }
    }
}
