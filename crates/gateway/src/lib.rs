//! The business's side of WhatsApp calls.
