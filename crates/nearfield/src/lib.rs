//! Embeddings for recommendation: learn them, serve them, measure them
