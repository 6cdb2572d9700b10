//! A business on the test bench (calls).
