//! Interaction logs: reading, filtering, sessions and splits
