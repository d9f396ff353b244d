//! Durable turns per second, next to a bare loop that stores the same rows.
