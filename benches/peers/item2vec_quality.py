"""What the same settings teach: nearfield and gensim train on the same corpus, and the same code ranks with both.

    cargo build --release -p seqemb --example time_training
    python3 benches/peers/item2vec_quality.py TIME_TRAINING TRAIN TEST [--window 5] [--epochs 5 20] [--dim 64] [--neg 5] [--rate R] [--seeds 3]

TRAIN and TEST have `user item item …` lines. A user's vector is the mean of the unit input vectors of their items in TRAIN,
ranked by cosine against all others; recall and NDCG at 20 are means over the users of TEST. Dynamic window, no subsampling, rate 0.025 (skip-gram) or 0.05
(CBOW) if none is given, exponent 0.75; both sides train once a seed. gensim is given the sequences, not the file: with `corpus_file`, each of its w workers
takes its share of a pass for progress through all of it, so that the rate falls only 1 / w of the way in each pass. And it is told how many words
there are, not how many sequences: by the latter its rate falls with the sequences, and where the first ones are the longest, as on Gowalla, a word has a
higher rate on the average. Prints a JSON line a training.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from itertools import product
from pathlib import Path

import numpy as np


def split(path):
    return {f[0]: f[1:] for f in (line.split() for line in open(path)) if len(f) > 1}


def measure(keys, vectors, train, test, k=20):
    ids = {key: i for i, key in enumerate(keys)}
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    recall, ndcg, n = 0.0, 0.0, 0
    discount = 1 / np.log2(np.arange(2, k + 2))
    users = [u for u in test if u in train]
    for start in range(0, len(users), 1024):
        block = users[start:start + 1024]
        have = [np.array([ids[i] for i in train[u]]) for u in block]
        scores = np.stack([unit[h].mean(axis=0) for h in have]) @ unit.T
        for row, h in zip(scores, have):
            row[h] = -np.inf
        top = np.argpartition(-scores, k, axis=1)[:, :k]
        for row, best, u in zip(scores, top, block):
            wanted = {ids.get(i, -1) for i in test[u]}
            hits = np.array([b in wanted for b in best[np.argsort(-row[best], kind="stable")]])
            recall += hits.sum() / len(wanted)
            ndcg += (hits * discount).sum() / discount[:min(k, len(wanted))].sum()
        n += len(block)
    return round(recall / n, 4), round(ndcg / n, 4)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("binary")
    p.add_argument("train")
    p.add_argument("test")
    p.add_argument("--window", type=int, default=5)
    p.add_argument("--epochs", type=int, nargs="+", default=[5])
    p.add_argument("--dim", type=int, default=64)
    p.add_argument("--neg", type=int, default=5)
    p.add_argument("--rate", type=float, help="instead of 0.025 (skip-gram) and 0.05 (CBOW)")
    p.add_argument("--seeds", type=int, default=3)
    p.add_argument("--arch", nargs="+", default=["sg", "cbow"])
    a = p.parse_args()
    from gensim.models import KeyedVectors, Word2Vec

    train, test = split(a.train), split(a.test)
    with tempfile.TemporaryDirectory() as folder:
        corpus, out = Path(folder) / "corpus", Path(folder) / "vectors"
        corpus.write_text("".join(" ".join(items) + "\n" for items in train.values()))
        for arch, epochs, seed in product(a.arch, a.epochs, range(1, a.seeds + 1)):
            rate = a.rate or (0.025 if arch == "sg" else 0.05)
            settings = dict(arch=arch, dim=a.dim, window=a.window, epochs=epochs, negatives=a.neg, seed=seed)

            def report(name, keys, vectors):
                recall, ndcg = measure(keys, vectors, train, test)
                print(json.dumps(dict(engine=name, **settings, recall20=recall, ndcg20=ndcg)), flush=True)

            subprocess.run(
                [a.binary, str(corpus), f"arch={arch}", f"dim={a.dim}", f"negatives={a.neg}", f"window={a.window}",
                 f"epochs={epochs}", f"rate={rate}", f"seed={seed}", f"out={out}"], check=True, capture_output=True)
            vectors = KeyedVectors.load_word2vec_format(str(out))
            report("nearfield", vectors.index_to_key, vectors.vectors)
            m = Word2Vec(vector_size=a.dim, window=a.window, min_count=1, sample=0, sg=int(arch == "sg"), negative=a.neg, hs=0,
                         workers=2, alpha=rate, min_alpha=1e-4, seed=seed)
            m.build_vocab(list(train.values()))
            m.train(list(train.values()), total_words=m.corpus_total_words, epochs=epochs)
            report("gensim", m.wv.index_to_key, m.wv.vectors)


if __name__ == "__main__":
    sys.exit(main())
