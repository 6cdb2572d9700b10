//! The user's phone as a library, for tests, the demo and `offhook call`.
