"""Full ranking beside NumPy, PyTorch, implicit and faiss, in one run on one machine.

    cargo build --release -p evalmetrics --example rank_npy
    python benches/peers/ranking.py --binary target/release/examples/rank_npy --train TRAIN --test TEST [--threads 2]

TRAIN and TEST hold lines of `user item item ...` (plain or .gz). Vectors are a truncated SVD of TRAIN, 64 components. The peers
find the top 20 of every user, training items masked, and nothing more; ours takes all usual measures at 10, 20 and 50, and
is run before and after each of them. One JSON line a run: users a second of wall time, peak resident memory of ours. Needs numpy, scipy,
torch, implicit and faiss; nothing here is needed to build or test the project.
"""
import argparse
import gzip
import json
import os
import resource
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

K = 20


def read(path):
    rows = {}
    with (gzip.open(path, "rt") if str(path).endswith(".gz") else open(path)) as lines:
        for line in lines:
            ids = [int(word) for word in line.split()]
            if ids:
                rows[ids[0]] = ids[1:]
    return rows


def prepare(folder, train, test, dim):
    import numpy as np
    import scipy.sparse as sp
    from scipy.sparse.linalg import svds
    n_users = 1 + max(max(train), max(test))
    n_items = 1 + max(max(map(max, filter(None, rows.values()))) for rows in (train, test))
    rows = np.repeat(list(train), [len(items) for items in train.values()])
    matrix = sp.csr_matrix((np.ones(len(rows), np.float32), (rows, np.concatenate(list(train.values())))), (n_users, n_items))
    left, values, right = svds(matrix, k=dim, random_state=1)
    for name, table in [("users", left * np.sqrt(values)), ("items", right.T * np.sqrt(values))]:
        np.save(folder / f"{name}.npy", np.ascontiguousarray(table, np.float32))
    for name, rows in [("train", train), ("test", test)]:
        text = "\n".join(" ".join(map(str, [user, *items])) for user, items in rows.items())
        (folder / f"{name}.txt").write_text(text + "\n")


def with_numpy(u, v, seen):
    import numpy as np
    out = np.empty((len(u), K), np.int64)
    for s in range(0, len(u), 1024):
        scores = u[s:s + 1024] @ v.T
        for row, items in enumerate(seen[s:s + 1024]):
            scores[row, items] = -np.inf
        part = np.argpartition(scores, -K, axis=1)[:, -K:]
        order = np.argsort(-np.take_along_axis(scores, part, 1), axis=1, kind="stable")
        out[s:s + 1024] = np.take_along_axis(part, order, 1)
    return out


def with_torch(u, v, seen):
    import numpy as np
    import torch
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    tu, tv = torch.from_numpy(u), torch.from_numpy(v).T.contiguous()
    out = np.empty((len(u), K), np.int64)
    for s in range(0, len(u), 1024):
        scores = tu[s:s + 1024] @ tv
        block = seen[s:s + 1024]
        rows = np.repeat(np.arange(len(block)), [len(b) for b in block])
        scores[torch.from_numpy(rows), torch.from_numpy(np.concatenate(block))] = -torch.inf
        out[s:s + 1024] = torch.topk(scores, K, dim=1).indices.numpy()
    return out


def with_implicit(u, v, seen):
    import numpy as np
    import scipy.sparse as sp
    from implicit.cpu.topk import topk
    ends = np.concatenate([[0], np.cumsum([len(s) for s in seen])])
    liked = sp.csr_matrix((np.ones(ends[-1], np.float32), np.concatenate(seen), ends), (len(u), len(v)))
    return topk(v, u, K, filter_query_items=liked, num_threads=int(os.environ["OMP_NUM_THREADS"]))[0]


def with_faiss(u, v, seen):
    """More than K by the longest history of a block, then what was seen is dropped."""
    import faiss
    import numpy as np
    faiss.omp_set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    index = faiss.IndexFlatIP(v.shape[1])
    index.add(v)
    order = np.argsort([len(s) for s in seen], kind="stable")
    out = np.empty((len(u), K), np.int64)
    for s in range(0, len(u), 1024):
        block = order[s:s + 1024]
        ids = index.search(u[block], K + max(len(seen[i]) for i in block))[1]
        for i, row in zip(block, ids):
            out[i] = row[~np.isin(row, seen[i])][:K]
    return out


PEERS = {"numpy": with_numpy, "torch": with_torch, "implicit": with_implicit, "faiss-flat": with_faiss}


def child(peer, folder):
    """Runs in a process of its own: prints users a second."""
    import numpy as np
    u, v = np.load(folder / "users.npy"), np.load(folder / "items.npy")
    train, test = read(folder / "train.txt"), read(folder / "test.txt")
    users = sorted(test)
    u, seen = np.ascontiguousarray(u[users]), [np.unique(np.array(train.get(user, []), np.int64)) for user in users]
    PEERS[peer](u[:512], v, seen[:512])
    start = time.perf_counter()
    top = PEERS[peer](u, v, seen)
    took = time.perf_counter() - start
    recall = np.mean([len(np.intersect1d(row, test[user])) / len(test[user]) for row, user in zip(top, users)])
    print(json.dumps({"users_per_s": round(len(u) / took), "recall@20": round(float(recall), 6)}))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--binary", type=Path)
    p.add_argument("--train", type=Path)
    p.add_argument("--test", type=Path)
    p.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "nearfield-ranking")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--dim", type=int, default=64)
    p.add_argument("--repeats", type=int, default=3)
    p.add_argument("--only", nargs="*")
    p.add_argument("--prepare", action="store_true", help="make the vectors and end")
    p.add_argument("--child")
    a = p.parse_args()
    if a.child:
        return child(a.child, a.folder)
    a.folder.mkdir(parents=True, exist_ok=True)
    if not (a.folder / "test.txt").exists():
        prepare(a.folder, read(a.train), read(a.test), a.dim)
    if a.prepare:
        return None
    env = dict(os.environ, OMP_NUM_THREADS=str(a.threads), OPENBLAS_NUM_THREADS=str(a.threads), MKL_NUM_THREADS=str(a.threads))
    files = [str(a.folder / name) for name in ("users.npy", "items.npy", "train.txt", "test.txt")]

    def ours():
        out = subprocess.run([str(a.binary), *files, str(a.threads), "1"], check=True, capture_output=True, text=True).stdout
        return json.loads(out.splitlines()[-1])

    first = ours()
    print(json.dumps({"ours": first, "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024, 1)}), flush=True)
    best = 0
    rates = [first["users_per_s"]]
    for peer in PEERS:
        if a.only and peer not in a.only:
            continue
        theirs = []
        for _ in range(a.repeats):
            out = subprocess.run([os.sys.executable, __file__, "--child", peer, "--folder", str(a.folder)],
                                 env=env, capture_output=True, text=True)
            if out.returncode:
                print(json.dumps({"peer": peer, "error": out.stderr.strip().splitlines()[-1][:200]}), flush=True)
                break
            got = json.loads(out.stdout.splitlines()[-1])
            theirs.append(got["users_per_s"])
            rates.append(ours()["users_per_s"])
        if theirs:
            best = max(best, statistics.median(theirs))
            print(json.dumps({"peer": peer, "users_per_s": theirs, "recall@20": got["recall@20"]}), flush=True)
    print(json.dumps({"ours": rates, "median": statistics.median(rates), "best_peer": best,
                      "ratio": round(statistics.median(rates) / best, 2) if best else None}))
    return None


if __name__ == "__main__":
    main()
