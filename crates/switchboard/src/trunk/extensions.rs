//! Which telephones may be rung on a trunk?
//!
//! Patterns as PBXs write them: `2XXX`, `100`, `sales`. `X` is one digit; everything else is meant as
//! it stands. A pattern of digits is short, so that no telephone number fits.

use std::fmt;

use thiserror::Error;

/// The longest extension.
pub const EXTENSION_MAX: usize = 64;

/// The most digits of an extension that is a number: national telephone numbers are longer.
const DIGITS_MAX: usize = 6;

/// What may be rung.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Extensions(Vec<String>);

/// Why a pattern is none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PatternError {
    /// There are none.
    #[error("name the extensions that may be rung, as in [\"2XXX\", \"100\"]")]
    None,
    /// It has characters that no extension has, or too many.
    #[error(
        "`{0}` is no extension: letters, digits and . _ - * # only, 1 to {EXTENSION_MAX} of them"
    )]
    Characters(String),
    /// It is as long as a telephone number.
    #[error("`{0}` has more than {DIGITS_MAX} digits: that would be a telephone number")]
    Number(String),
}

impl Extensions {
    /// Reads patterns.
    ///
    /// # Errors
    ///
    /// The first that is none.
    pub fn parse(patterns: &[String]) -> Result<Self, PatternError> {
        if patterns.is_empty() {
            return Err(PatternError::None);
        }
        for pattern in patterns {
            if !is_extension(pattern) {
                return Err(PatternError::Characters(pattern.clone()));
            }
            let digits = |sign: char| sign.is_ascii_digit() || sign == 'X';
            if pattern.chars().filter(|sign| digits(*sign)).count() > DIGITS_MAX {
                return Err(PatternError::Number(pattern.clone()));
            }
        }
        Ok(Self(patterns.to_vec()))
    }

    /// None: whoever is rung is known otherwise.
    #[must_use]
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// Whether this may be rung.
    #[must_use]
    pub fn allow(&self, extension: &str) -> bool {
        is_extension(extension) && self.0.iter().any(|pattern| fits(pattern, extension))
    }
}

impl fmt::Display for Extensions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}

fn is_extension(text: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"._-*#".contains(&byte);
    !text.is_empty() && text.len() <= EXTENSION_MAX && text.bytes().all(known)
}

fn fits(pattern: &str, extension: &str) -> bool {
    let fit = |(want, is): (u8, u8)| if want == b'X' { is.is_ascii_digit() } else { want == is };
    pattern.len() == extension.len() && pattern.bytes().zip(extension.bytes()).all(fit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extensions(patterns: &[&str]) -> Result<Extensions, PatternError> {
        let patterns: Vec<String> = patterns.iter().map(|&text| text.to_owned()).collect();
        Extensions::parse(&patterns)
    }

    #[test]
    fn a_digit_stands_for_each_x_and_nothing_else_fits() {
        let known = extensions(&["2XXX", "sales", "*8X"]).unwrap();
        for good in ["2000", "2999", "sales", "*80"] {
            assert!(known.allow(good), "{good}");
        }
        for bad in ["", "3000", "20000", "2XXX", "200a", "Sales", "*8", "2000@evil", "2000;x"] {
            assert!(!known.allow(bad), "{bad}");
        }
        assert_eq!(known.to_string(), "2XXX, sales, *8X");
    }

    #[test]
    fn no_telephone_number_fits() {
        assert_eq!(extensions(&[]), Err(PatternError::None));
        for bad in ["XXXXXXX", "551140028922", "00XXXXX"] {
            assert_eq!(extensions(&[bad]), Err(PatternError::Number(bad.into())), "{bad}");
        }
        for bad in ["+5511", "a b", "", "ä", "1@x"] {
            assert_eq!(extensions(&[bad]), Err(PatternError::Characters(bad.into())), "{bad}");
        }
    }
}
