"""Values beside ranx, scikit-learn and scipy: random rankings, with and without ties, users without positives included.

    cargo build --release -p evalmetrics --example metrics_json
    python benches/peers/metrics.py --binary target/release/examples/metrics_json

Without ties a value must be theirs to 1e-6 (scores are f32). With ties ours is the mean over all orders of the tied items; theirs is
the mean over many orders drawn at random, and ours must be within five standard errors of it. Prints one JSON line a comparison
and ends with 1 when one does not hold. Needs numpy, ranx, scikit-learn and scipy; nothing here is needed to build or test the project.
"""
import argparse
import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

CUTOFFS = [1, 5, 10, 50]
USERS, ITEMS = 120, 80
RANX = {"hr": "hit_rate", "recall": "recall", "precision": "precision", "mrr": "mrr", "ndcg": "ndcg"}
failed = []


def holds(name, ours, theirs, tolerance):
    ok = bool(abs(ours - theirs) <= tolerance)
    print(json.dumps({"what": name, "ours": round(float(ours), 9), "theirs": round(float(theirs), 9), "tolerance": float(f"{tolerance:.3g}"), "ok": ok}))
    if not ok:
        failed.append(name)


def run(binary, case):
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(case, file)
        file.flush()
        return json.loads(subprocess.run([str(binary), file.name], check=True, capture_output=True, text=True).stdout)


def case(rng, ties):
    scores = rng.integers(0, 6, (USERS, ITEMS)) / 4 if ties else rng.permuted(np.tile(np.arange(ITEMS), (USERS, 1)), axis=1) / 7
    truth = [sorted(rng.choice(ITEMS, rng.integers(0, 12), replace=False).tolist()) for _ in range(USERS)]
    truth[3], truth[77] = [], []
    gains = [rng.integers(1, 5, len(row)).astype(float).tolist() for row in truth]
    vectors = rng.normal(size=(400, 6)) + 2.0
    labels = rng.integers(0, 5, 400)
    vectors += 0.7 * rng.normal(size=(5, 6))[labels]
    counts = np.maximum(1, (np.linalg.norm(vectors, axis=1) * 10 + rng.normal(size=400) * 3)).astype(int)
    a = np.round(rng.random(60) ** 3, 3)
    return {
        "scores": scores.tolist(), "truth": truth, "gains": gains, "cutoffs": CUTOFFS,
        "vectors": np.float32(vectors).tolist(), "labels": labels.tolist(), "clusters": rng.integers(0, 4, 400).tolist(),
        "counts": counts.tolist(), "a": a.tolist(), "b": np.clip(a + rng.normal(-0.03, 0.1, 60), 0, 1).tolist(),
        "p": rng.random(12).tolist(), "lists": [rng.choice(400, 10, replace=False).tolist() for _ in range(50)], "tsne_epochs": 500,
    }


def ranx_means(scores, truth, gains, graded):
    """Means over the users with positives; ranx has no value for the others."""
    from ranx import Qrels, Run, evaluate
    users = [u for u in range(USERS) if truth[u]]
    value = lambda u, at: int(gains[u][at]) if graded else 1
    qrels = Qrels({str(u): {str(i): value(u, at) for at, i in enumerate(truth[u])} for u in users})
    made = Run({str(u): {str(i): float(scores[u][i]) for i in range(ITEMS)} for u in users})
    names = [f"{kind}@{k}" for kind in (["ndcg", "ndcg_burges"] if graded else [*RANX.values(), "map"]) for k in CUTOFFS]
    return evaluate(qrels, made, names + ([] if graded else ["r-precision"]))


def check_rankings(binary, rng, ties):
    from sklearn.metrics import roc_auc_score
    data = case(rng, ties)
    got = run(binary, data)
    orders = 300 if ties else 1
    sums = {}
    for _ in range(orders):
        # A little noise is an order of the tied, drawn uniformly.
        scores = np.array(data["scores"]) + (rng.random((USERS, ITEMS)) * 1e-3 if ties else 0)
        for graded in (False, True):
            for name, value in ranx_means(scores, data["truth"], data["gains"], graded).items():
                sums.setdefault((graded, name), []).append(float(value))
    def compare(ours, graded, name, factor=1.0):
        values = np.array(sums[(graded, name)]) * factor
        error = values.std(ddof=1) / math.sqrt(orders) if ties else 0.0
        holds(f"{'ties ' if ties else ''}{'graded ' if graded else ''}{name}", ours, values.mean(), 5 * error + 1e-6)
    for kind, theirs in RANX.items():
        for k in CUTOFFS:
            compare(got["linear"]["metrics"][f"{kind}@{k}"], False, f"{theirs}@{k}")
    # ranx divides by |R|, ours by min(|R|, K): the same where K is at least |R|.
    for k in (k for k in CUTOFFS if k >= 12):
        compare(got["linear"]["metrics"][f"map@{k}"], False, f"map@{k}")
    compare(got["linear"]["metrics"]["r_precision"], False, "r-precision")
    for k in CUTOFFS:
        compare(got["linear"]["metrics"][f"graded_ndcg@{k}"], True, f"ndcg@{k}")
        compare(got["exponential"]["metrics"][f"graded_ndcg@{k}"], True, f"ndcg_burges@{k}")
    auc = []
    for u, row in enumerate(data["truth"]):
        if row:
            auc.append(roc_auc_score(np.isin(np.arange(ITEMS), row), data["scores"][u]))
    holds(f"{'ties ' if ties else ''}auc", got["linear"]["metrics"]["auc"], np.mean(auc), 1e-9)
    holds("users without positives", got["linear"]["n_empty"], sum(not row for row in data["truth"]), 0)
    return data, got


def check_rest(data, got):
    from scipy import stats
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE, trustworthiness
    from sklearn.metrics import adjusted_rand_score, davies_bouldin_score, normalized_mutual_info_score, silhouette_score
    from sklearn.neighbors import NearestNeighbors
    x, labels = np.float32(data["vectors"]).astype(float), np.array(data["labels"])
    own = got["intrinsic"]
    for metric in ("cosine", "euclidean"):
        holds(f"silhouette {metric}", own[f"silhouette_{metric}"], silhouette_score(x, labels, metric=metric), 1e-6)
    holds("davies-bouldin", own["davies_bouldin"], davies_bouldin_score(x, labels), 1e-5)
    holds("nmi", own["nmi"], normalized_mutual_info_score(labels, data["clusters"]), 1e-12)
    holds("ari", own["ari"], adjusted_rand_score(labels, data["clusters"]), 1e-12)
    ids = NearestNeighbors(n_neighbors=6).fit(x).kneighbors(x, return_distance=False)[:, 1:]
    counts = np.bincount(ids.ravel(), minlength=len(x))
    holds("hubness: skewness", own["hubness"]["skewness"], stats.skew(counts), 1e-9)
    norms = np.linalg.norm(x, axis=1)
    holds("norm-popularity: spearman", own["norm_popularity"]["spearman"], stats.spearmanr(norms, data["counts"])[0], 1e-9)
    holds("norm-popularity: pearson", own["norm_popularity"]["pearson"], stats.pearsonr(norms, np.log1p(data["counts"]))[0], 1e-6)
    pca = PCA(2).fit(x)
    for axis in range(2):
        holds(f"pca: explained {axis}", own["explained"][axis], pca.explained_variance_ratio_[axis], 1e-6)
        holds(f"pca: axis {axis}", abs(np.dot(own["axes"][axis], pca.components_[axis])), 1.0, 1e-5)
    theirs = trustworthiness(x, TSNE(init="pca", random_state=1).fit_transform(x), n_neighbors=10)
    ours = trustworthiness(x, np.array(own["map"]), n_neighbors=10)
    holds("t-SNE: trustworthiness at least theirs less 0.02", min(ours, theirs - 0.02), theirs - 0.02, 0)
    certain = got["certainty"]
    a, b = np.array(data["a"]), np.array(data["b"])
    interval = stats.bootstrap((a,), np.mean, method="BCa", n_resamples=20_000, rng=np.random.default_rng(1)).confidence_interval
    width = interval.high - interval.low
    holds("bootstrap: low", certain["interval"]["low"], interval.low, 0.03 * width)
    holds("bootstrap: high", certain["interval"]["high"], interval.high, 0.03 * width)
    test = stats.permutation_test((a, b), lambda x, y, axis: np.mean(x - y, axis=axis), permutation_type="samples",
                                  vectorized=True, n_resamples=100_000, rng=np.random.default_rng(1))
    holds("randomisation: p", certain["paired"]["p"], test.pvalue, 6 * math.sqrt(test.pvalue / 100_000) + 1e-5)
    for ours, theirs in zip(certain["benjamini_hochberg"], stats.false_discovery_control(data["p"])):
        holds("benjamini-hochberg", ours, theirs, 1e-12)
    lists = [set(row) for row in data["lists"]]
    overlap = np.mean([len(s & t) / 10 for i, s in enumerate(lists) for t in lists[:i]])
    holds("personalisation", got["beyond"]["personalisation"], 1 - overlap, 1e-9)
    shown = np.bincount(np.concatenate(data["lists"]), minlength=400)
    holds("entropy of exposure", got["beyond"]["exposure"]["entropy"], stats.entropy(shown, base=2), 1e-9)
    pairs = np.abs(shown[:, None] - shown[None, :]).sum() / (2 * 400 * shown.sum())
    holds("gini of exposure", got["beyond"]["exposure"]["gini"], pairs, 1e-9)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--binary", type=Path, required=True)
    p.add_argument("--seed", type=int, default=1)
    a = p.parse_args()
    rng = np.random.default_rng(a.seed)
    check_rest(*check_rankings(a.binary, rng, ties=False))
    check_rankings(a.binary, rng, ties=True)
    print(json.dumps({"failed": failed}))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
