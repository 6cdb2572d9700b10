//! Do the links and paths in our documents lead somewhere?

use anyhow::{Context, Result};

use crate::shell;

pub(super) fn check(files: &[String], findings: &mut Vec<String>) -> Result<()> {
    for path in files.iter().filter(|path| path.ends_with(".md")) {
        let text = std::fs::read_to_string(shell::root().join(path))
            .with_context(|| format!("reading {path}"))?;
        let folder = std::path::Path::new(path).parent().unwrap_or_else(|| "".as_ref());
        for target in links(&text) {
            let file = target.split('#').next().unwrap_or_default();
            if !file.is_empty() && !shell::root().join(folder).join(file).exists() {
                findings.push(format!("{path}: the link to {target} leads nowhere"));
            }
        }
    }
    Ok(())
}

/// The relative targets of `[text](target)`, code blocks left out.
fn links(text: &str) -> Vec<&str> {
    let mut in_code = false;
    let mut targets = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        targets.extend(line.split("](").skip(1).filter_map(|rest| rest.split(')').next()));
    }
    targets.retain(|target| !target.contains("://") && !target.starts_with("mailto:"));
    targets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_relative_targets_outside_code_count() {
        let text = "[a](docs/a.md#x) [b](https://b.example)\n```\n[c](c.md)\n```\n[d](../d.md)";
        assert_eq!(links(text), ["docs/a.md#x", "../d.md"]);
    }
}
