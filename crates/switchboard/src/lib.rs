//! Whom a call reaches: legs, bridges, agents, flows.
