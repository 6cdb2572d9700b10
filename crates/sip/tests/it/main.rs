//! Does the user agent keep its word towards far ends that answer, refuse, are silent and lie?

mod calls;
mod far_end;
mod hostile;
