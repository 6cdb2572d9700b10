//! What travels as JSON: Graph requests, answers and errors, webhooks, signatures, and our own phone, console and sandbox messages.
