//! Negative samplers for embedding training
