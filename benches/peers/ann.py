"""Our index families and the peers' on the same vectors, in one run on one machine.

    cargo build --release -p ann --example measure_families
    python3 benches/peers/ann.py prepare SETS --mnist FOLDER --run RUN --train train.txt.gz
    python3 benches/peers/ann.py measure SETS RESULTS.jsonl --binary target/release/examples/measure_families [--set mnist] [--only hnswlib]
    python3 benches/peers/ann.py table RESULTS.jsonl
    python3 benches/peers/ann.py ids SETS --binary target/release/nearfield

`prepare` makes three sets in the folder SETS: mnist (60,000 × 784, l2, the first 1,000 test images as queries), clustered
(200,000 × 128, cosine, seeded: nothing is read), gowalla (the context vectors of `nearfield run --method item2vec --out RUN`,
inner product; the queries are the means of the centre vectors of the first 1,000 users of the train file). Whatever is not
named is left out.

`measure` adds one JSON line for each set and family to RESULTS.jsonl, and leaves out what is there already, so that it can be
called in parts. Each is built by two threads and searched by one, in a process of its own: recall@10 with ties by distance,
queries a second of one batch (the median of three, the queries repeated until a pass takes a tenth of a second) and of single
queries; of ours and faiss, also of one batch on two threads. `table` prints the rates at recall .90, .95 and .99, log-linear between points of the Pareto front.

`ids` compares the ids of our exact search with those of faiss on each set.

Needs numpy, and of faiss, hnswlib, usearch, annoy and scann those that are to be measured; `prepare --run` needs safetensors.
Nothing here is needed to build or test the project.
"""
import argparse
import gzip
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path

import numpy as np

K = 10
SETS = {"mnist": "l2", "clustered": "cosine", "gowalla": "ip"}
RECALLS = (0.90, 0.95, 0.99)
ENOUGH = 0.9985
MOST_SECONDS = 0.6  # of single queries at one point


# ------------------------------------------------------------------------------------------------------------ sets
def clustered(n=200_000, dim=128, queries=1_000, clusters=1_000, latent=32, noise=0.05, seed=11):
    """Unit vectors of an intrinsic dimension of about `latent`, in overlapping clusters."""
    rng = np.random.default_rng(seed)
    lift = rng.standard_normal((latent, dim)).astype(np.float32) / np.sqrt(latent)
    scale = (1.0 + np.arange(latent)) ** -0.25
    centre = rng.standard_normal((clusters, latent)) * scale
    label = rng.choice(clusters, n + queries, p=rng.dirichlet(np.full(clusters, 1.0)))
    z = centre[label] + scale * rng.standard_normal((n + queries, latent))
    x = z.astype(np.float32) @ lift + noise * rng.standard_normal((n + queries, dim)).astype(np.float32)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    return x[:n], x[n:]


def images(path):
    with gzip.open(path, "rb") as file:
        return np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 784).astype(np.float32)


def gowalla(run, train):
    from safetensors.numpy import load_file
    tables = load_file(str(Path(run) / "items.safetensors"))
    keys = (Path(run) / "keys.txt").read_text(encoding="utf-8").split("\n")[:-1]
    row = {key: i for i, key in enumerate(keys)}
    queries = []
    with (gzip.open if str(train).endswith(".gz") else open)(train, "rt") as lines:
        for line in lines:
            items = [row[item] for item in line.split()[1:] if item in row]
            if items:
                queries.append(tables["input"][items].mean(0))
            if len(queries) == 1_000:
                break
    return tables["output"], np.stack(queries)


def prepare(options):
    folder = Path(options.sets)
    folder.mkdir(parents=True, exist_ok=True)
    made = {"clustered": clustered()}
    if options.mnist:
        base = images(Path(options.mnist) / "train-images-idx3-ubyte.gz")
        made["mnist"] = base, images(Path(options.mnist) / "t10k-images-idx3-ubyte.gz")[:1_000]
    if options.run:
        made["gowalla"] = gowalla(options.run, options.train)
    for name, (base, queries) in made.items():
        np.save(folder / f"{name}-base.npy", np.ascontiguousarray(base, np.float32))
        np.save(folder / f"{name}-queries.npy", np.ascontiguousarray(queries, np.float32))
        print(name, base.shape, queries.shape, SETS[name])


def load(folder, name):
    return np.load(Path(folder) / f"{name}-base.npy"), np.load(Path(folder) / f"{name}-queries.npy")


# -------------------------------------------------------------------------------------------------------- families
def sizes(n, d):
    """Number of lists, parts of 8-bit and of 4-bit codes: the same on all sides."""
    return 1024 if n > 100_000 else 256, d // 16 if d > 256 else d // 4, d // 4 if d > 256 else d // 2


def ours(n, d):
    lists, m8, m4 = sizes(n, d)
    return {
        "nearfield HNSW16": "HNSW16", "nearfield HNSW16,SQ8": "HNSW16,SQ8", "nearfield IVF,Flat": f"IVF{lists},Flat",
        "nearfield IVFPQfs+refine": f"IVF{lists},PQ{m4}x4fs,Refine(Flat)",
        "nearfield IVFSQ8+refine": f"IVF{lists},SQ8,Refine(Flat)", "nearfield PQ": f"PQ{m8}x8",
        "nearfield forest": "RPForest50", "nearfield Flat": "Flat",
    }


class Faiss:
    def __init__(self, spec, points, refine=False):
        self.spec, self.points, self.refine = spec, points, refine

    def build(self, x, metric, threads):
        import faiss
        faiss.omp_set_num_threads(threads)
        lists, m8, m4 = sizes(*x.shape)
        kind = faiss.METRIC_L2 if metric == "l2" else faiss.METRIC_INNER_PRODUCT
        self.base = faiss.index_factory(x.shape[1], self.spec.format(lists=lists, m8=m8, m4=m4), kind)
        if "HNSW" in self.spec:
            self.base.hnsw.efConstruction = 200
        self.base.train(x)
        self.base.add(x)
        self.index = faiss.IndexRefineFlat(self.base, faiss.swig_ptr(x)) if self.refine else self.base
        self.threads(1)

    def threads(self, n):
        import faiss
        faiss.omp_set_num_threads(n)

    def bytes(self):
        import faiss
        return faiss.serialize_index(self.base).nbytes

    def set(self, point):
        for name, value in point.items():
            if name == "ef":
                self.base.hnsw.efSearch = value
            elif name == "nprobe":
                self.base.nprobe = value
            else:
                self.index.k_factor = value

    def search(self, q):
        return self.index.search(q, K)[1]


EF = [{"ef": ef} for ef in (10, 16, 24, 36, 56, 90, 150, 300)]
PROBES = [{"nprobe": p} for p in (1, 2, 4, 6, 10, 16, 24, 40, 64, 128)]
REFINED = [{"nprobe": p, "k_factor": f} for p, f in (
    (2, 4), (4, 4), (6, 6), (10, 8), (16, 12), (24, 16), (40, 24), (64, 40), (128, 80))]


class Hnswlib:
    points = EF

    def build(self, x, metric, threads):
        import hnswlib
        self.index = hnswlib.Index(space="l2" if metric == "l2" else "ip", dim=x.shape[1])
        self.index.init_index(max_elements=len(x), ef_construction=200, M=16, random_seed=1)
        self.index.add_items(x, num_threads=threads)

    def bytes(self):
        with tempfile.TemporaryDirectory() as folder:
            self.index.save_index(folder + "/i")
            return os.path.getsize(folder + "/i")

    def set(self, point):
        self.index.set_ef(point["ef"])

    def search(self, q):
        return self.index.knn_query(q, k=K, num_threads=1)[0]


class Usearch:
    points = EF

    def build(self, x, metric, threads):
        from usearch.index import Index
        kind = "l2sq" if metric == "l2" else "ip"
        self.index = Index(ndim=x.shape[1], metric=kind, dtype="f32", connectivity=16, expansion_add=200)
        self.index.add(np.arange(len(x)), x, threads=threads)

    def bytes(self):
        return len(self.index.save())

    def set(self, point):
        self.index.expansion_search = point["ef"]

    def search(self, q):
        return np.asarray(self.index.search(q, K, threads=1).keys).reshape(len(q), -1)


class Annoy:
    """No batches: one query after the other."""
    points = [{"search_k": s} for s in (500, 1000, 2000, 4000, 8000, 16000, 32000, 64000, 128000)]

    def build(self, x, metric, threads):
        from annoy import AnnoyIndex
        kind = {"l2": "euclidean", "cosine": "angular", "ip": "dot"}[metric]
        self.index = AnnoyIndex(x.shape[1], kind)
        self.index.set_seed(1)
        for i, row in enumerate(x):
            self.index.add_item(i, row)
        self.index.build(50, n_jobs=threads)

    def bytes(self):
        with tempfile.TemporaryDirectory() as folder:
            self.index.save(folder + "/i")
            size = os.path.getsize(folder + "/i")
            self.index.load(folder + "/i")
            return size

    def set(self, point):
        self.search_k = point["search_k"]

    def search(self, q):
        out = np.full((len(q), K), -1)
        for i, row in enumerate(q):
            found = self.index.get_nns_by_vector(row, K, search_k=self.search_k)
            out[i, :len(found)] = found
        return out


class Scann:
    points = [{"leaves": a, "reorder": b} for a, b in (
        (2, 30), (4, 30), (6, 50), (10, 50), (16, 80), (24, 100), (40, 150), (64, 200), (100, 300), (200, 500))]

    def build(self, x, metric, threads):
        import scann
        builder = scann.scann_ops_pybind.builder(x, K, "squared_l2" if metric == "l2" else "dot_product")
        builder = builder.tree(num_leaves=sizes(*x.shape)[0], num_leaves_to_search=16,
                               training_sample_size=min(len(x), 100_000))
        threshold = float("nan") if metric == "l2" else 0.2
        builder = builder.score_ah(2, anisotropic_quantization_threshold=threshold).reorder(100)
        self.index = builder.set_n_training_threads(threads).build()

    def bytes(self):
        with tempfile.TemporaryDirectory() as folder:
            self.index.serialize(folder)
            return sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())

    def set(self, point):
        self.how = dict(final_num_neighbors=K, pre_reorder_num_neighbors=point["reorder"],
                        leaves_to_search=point["leaves"])

    def search(self, q):
        if len(q) == 1:
            return self.index.search(q[0], **self.how)[0].reshape(1, -1)
        return self.index.search_batched(q, **self.how)[0]


PEERS = {
    "faiss HNSW16": lambda: Faiss("HNSW16", EF), "hnswlib": Hnswlib, "usearch": Usearch,
    "faiss IVF,Flat": lambda: Faiss("IVF{lists},Flat", PROBES),
    "faiss IVFPQfs+refine": lambda: Faiss("IVF{lists},PQ{m4}x4fs", REFINED, True),
    "faiss IVFSQ8+refine": lambda: Faiss("IVF{lists},SQ8", REFINED, True), "scann": Scann,
    "faiss PQ": lambda: Faiss("PQ{m8}", [{}]), "annoy": Annoy, "faiss Flat": lambda: Faiss("Flat", [{}]),
}


# ----------------------------------------------------------------------------------------------------- measurement
def kth(x, q, metric):
    """How near the k-th true neighbour is; larger is nearer."""
    out = []
    norms = (x * x).sum(1) if metric == "l2" else 0
    for part in np.array_split(q, max(1, len(q) // 100)):
        s = part @ x.T
        s = 2 * s - norms if metric == "l2" else s
        ids = np.argpartition(-s, K - 1, axis=1)[:, :K]
        out.extend(nearness(x[row], v, metric).min() for row, v in zip(ids, part))
    return np.array(out)


def nearness(rows, v, metric):
    return -np.square(rows - v).sum(1) if metric == "l2" else rows @ v


def recall(x, q, metric, last, ids):
    hits = 0
    for v, t, row in zip(q, last, ids):
        row = np.unique(row[row >= 0]).astype(np.int64)
        hits += min(K, int((nearness(x[row], v, metric) >= t - 1e-5 * max(1.0, abs(t))).sum()))
    return hits / (K * len(q))


def rate(work, n):
    rates = []
    for _ in range(3):
        start = time.perf_counter()
        work()
        rates.append(n / (time.perf_counter() - start))
    return statistics.median(rates)


def singles(peer, q):
    start = time.perf_counter()
    for done, i in enumerate(range(len(q)), 1):
        peer.search(q[i:i + 1])
        if done >= 50 and time.perf_counter() - start > MOST_SECONDS:
            break
    return done / (time.perf_counter() - start)


def peer_point(peer, point, x, q, metric, last):
    peer.set(point)
    start = time.perf_counter()
    ids = np.asarray(peer.search(q))
    first = time.perf_counter() - start
    many = np.tile(q, (min(21, int(0.1 / first) + 1), 1)) if first < 0.1 else q
    found = {"effort": point, "recall": recall(x, q, metric, last, ids),
             "qps_batch": rate(lambda: peer.search(many), len(many)), "qps_single": singles(peer, q)}
    if hasattr(peer, "threads"):
        peer.threads(2)
        found["qps_batch_2t"] = rate(lambda: peer.search(many), len(many))
        peer.threads(1)
    return found


def measure_peer(name, folder, which):
    x, q = load(folder, which)
    metric, peer = SETS[which], PEERS[name]()
    last = kth(x, q, metric)
    start = time.perf_counter()
    peer.build(x, metric, 2)
    built = time.perf_counter() - start
    curve = []
    for point in peer.points:
        curve.append(peer_point(peer, point, x, q, metric, last))
        if curve[-1]["recall"] >= ENOUGH:
            break
    return {"build_seconds": built, "bytes_per_vector": peer.bytes() / len(x), "curve": curve}


OUR_EFFORTS = {  # ef, nprobe or search_k, by the beginning of the name
    "HNSW": (10, 13, 17, 22, 30, 40, 55, 75, 100, 150, 250), "RPF": (150, 300, 600, 1000, 1700, 3000, 5000, 9000, 16000, 30000, 60000),
    "IVF": (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256), "": (1,)}


def measure_ours(binary, spec, folder, which):
    files = [str(Path(folder) / f"{which}-{part}.npy") for part in ("base", "queries")]
    efforts = next(list_ for name, list_ in OUR_EFFORTS.items() if spec.startswith(name))
    call = [binary, *files, SETS[which], "@" + "+".join(map(str, efforts)), spec]
    out = json.loads(subprocess.run(call, check=True, capture_output=True, text=True).stdout)
    return {"spec": spec, "build_seconds": out["build_s"], "bytes_per_vector": out["bytes"], "curve": out["curve"]}


def measure(options):
    results = Path(options.results)
    lines = results.read_text().splitlines() if results.exists() else []
    done = {(line["set"], line["index"]) for line in map(json.loads, lines)}
    for which in options.set or SETS:
        if not (Path(options.sets) / f"{which}-base.npy").exists():
            continue
        shape = np.load(Path(options.sets) / f"{which}-base.npy", mmap_mode="r").shape
        mine = ours(*shape)
        for name in options.only or [*mine, *PEERS]:
            if (which, name) in done:
                continue
            if name in mine:
                found = measure_ours(options.binary, mine[name], options.sets, which)
            else:
                # A process of its own: nothing is left of one library when the next is measured.
                call = [sys.executable, __file__, "one", options.sets, which, name]
                run = subprocess.run(call, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "2"})
                if run.returncode:
                    print(f"{which} {name}: {run.stderr.strip().splitlines()[-1]}", file=sys.stderr)
                    continue
                found = json.loads(run.stdout.splitlines()[-1])
            line = json.dumps({"set": which, "index": name, **rounded(found)})
            with open(results, "a", encoding="utf-8") as file:
                file.write(line + "\n")
            print(f"{which} {name}: built in {found['build_seconds']:.1f} s", flush=True)


def rounded(value):
    if isinstance(value, dict):
        return {key: rounded(v) for key, v in value.items()}
    if isinstance(value, list):
        return [rounded(v) for v in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


# ----------------------------------------------------------------------------------------------------------- table
ORDER = ("Flat", "HNSW", "hnswlib", "usearch", "IVF,Flat", "IVFPQ", "IVFSQ8", "scann", "PQ", "forest", "annoy")


def family(name):
    """Where a line stands: beside those of its family, ours first."""
    kind = name.split(" ")[-1]
    return next(i for i, word in enumerate(ORDER) if kind.startswith(word)), "nearfield" not in name


def at(curve, target, key="qps_batch"):
    """The rate at a recall; None where it is never reached."""
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


def table(options):
    lines = [json.loads(line) for line in Path(options.results).read_text().splitlines()]
    show = lambda value: "–" if value is None else f"{value:,.0f}"
    for which in dict.fromkeys(line["set"] for line in lines):
        print(f"\n{which}, {SETS[which]}:\n")
        print("| index | build, s | bytes a vector | batch .90 | .95 | .99 | single .90 | .95 | .99 | best recall |")
        print("|---|---|---|---|---|---|---|---|---|---|")
        for line in sorted((line for line in lines if line["set"] == which), key=lambda line: family(line["index"])):
            cells = [show(at(line["curve"], r, key)) for key in ("qps_batch", "qps_single") for r in RECALLS]
            best = max(point["recall"] for point in line["curve"])
            name = f"**{line['index']}**" if line["index"].startswith("nearfield") else line["index"]
            print(f"| {name} | {line['build_seconds']:.1f} | {line['bytes_per_vector']:.0f} | {' | '.join(cells)} | {best:.3f} |")
    libraries = ("faiss-cpu", "hnswlib", "usearch", "annoy", "scann", "numpy")
    versions = {}
    for name in libraries:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            pass
    print(f"\nPython {platform.python_version()}, " + ", ".join(f"{n} {v}" for n, v in versions.items()))


def ids(options):
    """Whether our exact search and that of faiss name the same rows; where they differ, whether scores tie."""
    import faiss
    wrong = 0
    for which, metric in SETS.items():
        if not (Path(options.sets) / f"{which}-base.npy").exists():
            continue
        x, q = load(options.sets, which)
        with tempfile.TemporaryDirectory() as folder:
            base, queries = (str(Path(options.sets) / f"{which}-{part}.npy") for part in ("base", "queries"))
            call = lambda *words: subprocess.run([options.binary, "index", *words], check=True, capture_output=True)
            call("build", "--vectors", base, "--spec", "Flat", "--metric", metric, "--out", folder + "/flat.nf")
            call("search", "--index", folder + "/flat.nf", "--queries", queries, "-k", str(K), "--out", folder + "/ids.npy")
            mine = np.load(folder + "/ids.npy")
        flat = faiss.IndexFlatL2(x.shape[1]) if metric == "l2" else faiss.IndexFlatIP(x.shape[1])
        flat.add(x)
        theirs = flat.search(q, K)[1]
        same = int((mine == theirs).sum())
        bad = 0
        for v, a, b in zip(q, mine, theirs):
            for i, j in zip(a, b):
                if i != j:
                    s, t = nearness(x[[i, j]].astype(np.float64), v.astype(np.float64), metric)
                    bad += abs(s - t) > 1e-5 * max(1.0, abs(t))
        wrong += bad
        print(f"{which}: {same} of {mine.size} ids are the same, {mine.size - same - bad} are tied, {bad} differ")
    return 1 if wrong else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    p = commands.add_parser("prepare")
    p.add_argument("sets")
    p.add_argument("--mnist", metavar="FOLDER")
    p.add_argument("--run", metavar="RUN")
    p.add_argument("--train", metavar="F")
    p = commands.add_parser("measure")
    p.add_argument("sets")
    p.add_argument("results")
    p.add_argument("--binary", required=True)
    p.add_argument("--set", action="append", choices=SETS)
    p.add_argument("--only", action="append", metavar="INDEX")
    p = commands.add_parser("one")
    for word in ("sets", "which", "name"):
        p.add_argument(word)
    p = commands.add_parser("table")
    p.add_argument("results")
    p = commands.add_parser("ids")
    p.add_argument("sets")
    p.add_argument("--binary", required=True)
    options = parser.parse_args()
    if options.command == "one":
        print(json.dumps(measure_peer(options.name, options.sets, options.which)))
        return 0
    return {"prepare": prepare, "measure": measure, "table": table, "ids": ids}[options.command](options)


if __name__ == "__main__":
    sys.exit(main())
