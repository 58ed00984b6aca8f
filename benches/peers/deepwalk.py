"""DeepWalk by PecanPy's walks and gensim's skip-gram, timed: the other side of the example `classify_nodes`.

python deepwalk.py EDGES.txt [--walks 80] [--length 40] [--window 10] [--dim 128] [--loss hs|ns] [--p 1 --q 1] [--threads 2]

Needs PecanPy 2.0.9 and gensim 4 in an environment with numpy below 2. EDGES has lines `i j`, numbers from 0. Prints one JSON
line; with --out the vectors go to a word2vec text file for `classify_nodes.py`.
"""
import argparse
import json
import tempfile
import time

import numba
import numpy as np
import scipy.sparse as sp
from gensim.models import Word2Vec
from numba_progress import ProgressBar
from pecanpy import pecanpy


def walker(adjacency, a):
    first = a.p == 1 and a.q == 1
    mode = pecanpy.FirstOrderUnweighted if first else pecanpy.SparseOTF
    g = mode(p=a.p, q=a.q, workers=a.threads, random_state=1)
    g.indptr, g.indices = adjacency.indptr.astype(np.uint32), adjacency.indices.astype(np.uint32)
    g.data = adjacency.data.astype(np.float32)
    g.set_node_ids([str(i) for i in range(adjacency.shape[0])])
    g._preprocess_transition_probs()
    step, has = g.get_move_forward(), g.get_has_nbrs()

    def go(starts, length):
        with ProgressBar(total=len(starts), disable=True) as bar:
            return g._random_walks(len(starts), length - 1, 1, starts, has, step, bar)
    go(np.arange(100, dtype=np.uint32), 5)  # compiles
    return go


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("edges")
    for name, default in [("walks", 80), ("length", 40), ("window", 10), ("dim", 128), ("threads", 2), ("epochs", 1)]:
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--loss", choices=["hs", "ns"], default="hs")
    parser.add_argument("--p", type=float, default=1)
    parser.add_argument("--q", type=float, default=1)
    parser.add_argument("--out")
    a = parser.parse_args()
    numba.set_num_threads(a.threads)
    e = np.loadtxt(a.edges, dtype=np.int64)
    n = int(e.max()) + 1
    adjacency = sp.coo_matrix((np.ones(2 * len(e)), (np.r_[e[:, 0], e[:, 1]], np.r_[e[:, 1], e[:, 0]])), (n, n)).tocsr()
    adjacency.sort_indices()
    go = walker(adjacency, a)
    start = time.perf_counter()
    starts = np.concatenate([np.arange(n, dtype=np.uint32)] * a.walks)
    np.random.default_rng(1).shuffle(starts)
    walks = go(starts, a.length)[:, :-1]
    walked = time.perf_counter()
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as corpus:
        for row in walks.tolist():
            corpus.write(" ".join(map(str, row)) + "\n")
        corpus.flush()
        written = time.perf_counter()
        model = Word2Vec(corpus_file=corpus.name, vector_size=a.dim, window=a.window, min_count=1, sg=1, sample=0,
                         hs=int(a.loss == "hs"), negative=0 if a.loss == "hs" else 5, workers=a.threads, epochs=a.epochs, seed=1)
        trained = time.perf_counter()
    tokens = walks.size * a.epochs
    print(json.dumps({
        "peer": "pecanpy+gensim", "walks": len(walks), "walk_s": round(walked - start, 2), "write_s": round(written - walked, 2),
        "train_s": round(trained - written, 2), "tokens_per_s": round(tokens / (trained - written)), "all_s": round(trained - start, 2)}))
    if a.out:
        model.wv.save_word2vec_format(a.out)
