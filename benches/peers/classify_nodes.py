"""Judges node vectors by scikit-learn as the papers do: one-vs-rest logistic regression on a share of the nodes, as many
labels predicted for each other node as it has. Checks the example `classify_nodes`.

python classify_nodes.py VECTORS.txt LABELS.txt [--share 0.5] [--shuffles 10]
"""
import argparse
import json

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score


def read(vectors, labels):
    with open(vectors) as f:
        n, dim = map(int, f.readline().split())
        rows = {}
        for line in f:
            key, *values = line.split()
            rows[key] = np.array(values, np.float32)
    with open(labels) as f:
        lines = [line.split() for line in f]
    x = np.stack([rows[line[0]] for line in lines])
    y = np.zeros((len(lines), 1 + max(int(l) for line in lines for l in line[1:])), int)
    for row, line in enumerate(lines):
        y[row, [int(label) for label in line[1:]]] = 1
    assert x.shape == (len(lines), dim) and len(rows) == n
    return x, y


def score(x, y, share, shuffle):
    order = np.random.default_rng(shuffle).permutation(len(x))
    train, test = np.split(order, [int(share * len(x))])
    scores = np.full((len(test), y.shape[1]), -np.inf)
    for label in range(y.shape[1]):
        if y[train, label].any():
            model = LogisticRegression(solver="liblinear").fit(x[train], y[train, label])
            scores[:, label] = model.decision_function(x[test])
    rank = np.argsort(np.argsort(-scores, axis=1), axis=1)
    predicted = (rank < y[test].sum(1)[:, None]).astype(int)
    return [f1_score(y[test], predicted, average=a, zero_division=0) for a in ("micro", "macro")]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("vectors")
    parser.add_argument("labels")
    parser.add_argument("--share", type=float, default=0.5)
    parser.add_argument("--shuffles", type=int, default=10)
    a = parser.parse_args()
    x, y = read(a.vectors, a.labels)
    micro, macro = np.mean([score(x, y, a.share, s) for s in range(a.shuffles)], axis=0)
    print(json.dumps({"share": a.share, "micro_f1": round(micro, 4), "macro_f1": round(macro, 4)}))
