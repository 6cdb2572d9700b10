//! Nothing a stranger sends or stores may panic this crate.

mod hostile;
