//! Seeded inputs shared by the criterion benches.
