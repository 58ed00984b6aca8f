"""Lists and codes beside faiss, in one run on one machine.

    cargo build --release -p ann --example measure_families
    python benches/peers/ann_lists.py --binary target/release/examples/measure_families \
        --set mnist:BASE.npy:QUERIES.npy:l2 --set clustered:BASE.npy:QUERIES.npy:ip [--unit clustered]

One JSON line a family: build seconds (two threads), bytes a vector, recall@10 (ties by distance count), queries a second of
one batch and of single queries, both on one thread; then a table of the rates at recall .90, .95 and .99, interpolated
log-linearly on the Pareto front. `--unit` names sets of unit vectors, which are searched by cosine. Needs faiss and numpy;
nothing here is needed to build or test the project.
"""
import argparse
import json
import math
import statistics
import subprocess
import time

import numpy as np

K = 10
PROBES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)
REFINED = ((2, 4), (4, 4), (6, 6), (8, 8), (12, 10), (16, 12), (24, 16), (32, 20), (48, 32), (64, 40), (96, 64), (128, 80))


def families(n, d):
    """(ours, theirs, whether refined) with the same number of lists and no more bytes a vector."""
    lists = 1024 if n > 100_000 else 256
    m4 = d // 4 if d > 256 else d // 2
    m8 = d // 16 if d > 256 else d // 4
    # Four bytes of a squared length come with a code of ours under L2, and ids of four bytes for eight.
    return [
        (f"IVF{lists},Flat", f"IVF{lists},Flat", False),
        (f"IVF{lists},PQ{m4 // 8 * 8}x4fs,Refine(Flat)", f"IVF{lists},PQ{m4}x4fs", True),
        (f"IVF{lists},SQ8,Refine(Flat)", f"IVF{lists},SQ8", True),
        (f"PQ{m8}x8", f"PQ{m8}", False),
    ]


def recall(x, q, metric, kth, ids):
    hits = 0
    for v, t, row in zip(q, kth, ids):
        row = np.unique(row[row >= 0])
        s = x[row] @ v if metric == "ip" else -np.square(x[row] - v).sum(1)
        t = t if metric == "ip" else -t
        hits += min(K, int((s >= t - 1e-5 * max(1.0, abs(t))).sum()))
    return hits / (K * len(q))


def rate(work, n):
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return n / statistics.median(seconds)


def theirs(spec, refined, x, q, metric):
    import faiss
    faiss.omp_set_num_threads(2)
    kind = faiss.METRIC_L2 if metric == "l2" else faiss.METRIC_INNER_PRODUCT
    start = time.perf_counter()
    base = faiss.index_factory(x.shape[1], spec, kind)
    base.train(x)
    base.add(x)
    built = time.perf_counter() - start
    faiss.omp_set_num_threads(1)
    flat = faiss.IndexFlatL2(x.shape[1]) if metric == "l2" else faiss.IndexFlatIP(x.shape[1])
    flat.add(x)
    kth = flat.search(q, K)[0][:, -1]
    index = faiss.IndexRefineFlat(base, faiss.swig_ptr(x)) if refined else base
    points = REFINED if refined else [(p, None) for p in PROBES] if spec.startswith("IVF") else [(None, None)]
    curve = []
    for probes, factor in points:
        if probes:
            base.nprobe = probes
        if factor:
            index.k_factor = factor
        start = time.perf_counter()
        ids = index.search(q, K)[1]
        many = np.tile(q, (10, 1)) if time.perf_counter() - start < 0.1 else q
        found = recall(x, q, metric, kth, ids)
        batch = rate(lambda: index.search(many, K), len(many))
        single = rate(lambda: [index.search(q[i:i + 1], K) for i in range(len(q))], len(q))
        curve.append({"effort": probes, "recall": found, "qps_batch": batch, "qps_single": single})
        if found >= 0.9985:
            break
    size = faiss.serialize_index(base).nbytes / len(x)
    return {"peer": f"faiss {spec}{' + refine' if refined else ''}", "build_s": built, "bytes": size, "curve": curve}


def at(curve, target, key):
    front, best = [], 0.0
    for r, v in sorted(((p["recall"], p[key]) for p in curve), reverse=True):
        if v > best:
            front.append((r, v))
            best = v
    front.reverse()
    above = [p for p in front if p[0] >= target]
    below = [p for p in front if p[0] < target]
    if not above or not below:
        return above[0][1] if above else None
    (r1, v1), (r0, v0) = above[0], below[-1]
    return math.exp(math.log(v0) + (target - r0) / (r1 - r0) * math.log(v1 / v0))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--set", action="append", required=True, metavar="NAME:BASE:QUERIES:l2|ip")
    parser.add_argument("--unit", nargs="*", default=[])
    options = parser.parse_args()
    rows = []
    for entry in options.set:
        name, base, queries, metric = entry.split(":")
        x = np.ascontiguousarray(np.load(base), np.float32)
        q = np.ascontiguousarray(np.load(queries)[:1000], np.float32)
        for our_spec, their_spec, refined in families(*x.shape):
            kind = "cosine" if name in options.unit else metric
            run = subprocess.run([options.binary, base, queries, kind, our_spec], capture_output=True, text=True, check=True)
            ours = json.loads(run.stdout)
            peer = theirs(their_spec, refined, x, q, metric)
            for result in (ours, peer):
                print(json.dumps({"set": name, **result}), flush=True)
            for r in (0.90, 0.95, 0.99):
                for key in ("qps_batch", "qps_single"):
                    a, b = at(ours["curve"], r, key), at(peer["curve"], r, key)
                    rows.append((name, our_spec, r, key, a, b))
    print()
    for name, spec, r, key, a, b in rows:
        show = lambda v: f"{v:10.0f}" if v else "         –"
        ratio = f"{a / b:6.2f}" if a and b else "     –"
        print(f"{name:10} {spec:34} {r:.2f} {key:10} ours {show(a)}  faiss {show(b)}  ratio {ratio}")


if __name__ == "__main__":
    main()
