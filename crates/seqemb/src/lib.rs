//! Sequence embeddings: word2vec and Item2Vec, skip-gram with negative sampling
