//! Does a file hold one concept? Over 600 lines without its tests it warns, over 900 it fails.

use anyhow::{Context, Result};

use crate::shell;

const WARN_LINES: usize = 600;
const FAIL_LINES: usize = 900;

pub(super) fn check(files: &[String], findings: &mut Vec<String>) -> Result<()> {
    for path in files.iter().filter(|path| counts(path)) {
        let text = std::fs::read_to_string(shell::root().join(path))
            .with_context(|| format!("reading {path}"))?;
        let lines = lines_without_tests(&text);
        if lines > FAIL_LINES {
            findings
                .push(format!("{path}: {lines} lines, at most {FAIL_LINES}; find its second noun"));
        } else if lines > WARN_LINES {
            eprintln!("tidy: warning: {path}: {lines} lines, aim for {WARN_LINES}");
        }
    }
    Ok(())
}

fn counts(path: &str) -> bool {
    let code = [".rs", ".ts", ".svelte", ".mjs", ".py", ".css"];
    code.iter().any(|ending| path.ends_with(ending)) && !path.contains("/tests/")
}

fn lines_without_tests(text: &str) -> usize {
    text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_at_the_foot_do_not_count() {
        assert_eq!(lines_without_tests("a\nb\n#[cfg(test)]\nmod tests {\n}\n"), 2);
        assert!(counts("crates/media/src/leg.rs"));
        assert!(!counts("crates/media/tests/it/leg.rs"));
        assert!(!counts("docs/glossary.md"));
    }
}
