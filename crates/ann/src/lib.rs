//! Nearest-neighbour indexes behind one trait: Flat and HNSW
