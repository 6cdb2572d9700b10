//! The Cloud API Calling server.
