//! What the platform allows: call lifecycle, consent, limits, window, hours, price; every number from a rulebook.
