//! Which files belong to the repository?

use anyhow::Result;

use crate::shell;

/// Every file git tracks or would add, as a path from the top.
pub(crate) fn tracked() -> Result<Vec<String>> {
    let listed = shell::output("git", &["ls-files", "--cached", "--others", "--exclude-standard"])?;
    let mut files: Vec<String> =
        listed.lines().filter(|path| shell::root().join(path).is_file()).map(Into::into).collect();
    files.sort();
    files.dedup();
    Ok(files)
}
