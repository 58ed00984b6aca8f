//! Ranking metrics over full catalogues: HR, recall, precision, NDCG, MRR, MAP, coverage
