//! Which known word did somebody mean who wrote this one?
//!
//! For texts that people write by hand, flows and configurations: an unknown word is an error, and
//! the error names the word that is a slip of the pen away.

/// The known word a slip away from this one, if there is one: at most one sign differs, and one more
/// for every four signs.
#[must_use]
pub fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let slips_max = 1 + word.chars().count() / 4;
    known
        .iter()
        .map(|near| (strsim::levenshtein(word, near), *near))
        .filter(|(slips, _)| *slips <= slips_max)
        .min()
        .map(|(_, near)| near)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_understood_and_another_word_is_not() {
        let known = ["address", "agents", "http"];
        assert_eq!(nearest("adres", &known), Some("address"));
        assert_eq!(nearest("agent", &known), Some("agents"));
        assert_eq!(nearest("htpp", &known), Some("http"));
        assert_eq!(nearest("secret", &known), None);
    }
}
