"""Training speed of item vectors: nearfield beside gensim in one run, the same corpus and settings.

    cargo build --release -p seqemb --example time_training
    python3 benches/peers/sgns.py TIME_TRAINING CORPUS... [--epochs 2] [--reps 3] [--threads 2] [--arch sg cbow]
                                  [--dim 64 128] [--neg 5 20] [--min-ratio sg:5=4,sg:20=6,cbow:5=2,cbow:20=2]

TIME_TRAINING is the built example; a CORPUS has one sequence a line, items between blanks. Window 5, dynamic, no
minimum count, no subsampling, rate 0.025 (skip-gram) or 0.05 (CBOW), exponent 0.75 on both sides. gensim reads the
corpus file with its native workers (`corpus_file`), and its clock runs over training only; ours runs over the whole
fit, both readings and the tables included. Repeats alternate between the two, medians are compared. Prints one JSON line
a setting; exit code 1 when a ratio is below the least one asked for.
"""

import argparse
import json
import statistics
import subprocess
import sys


def ours(binary, corpus, arch, dim, neg, epochs, threads):
    out = subprocess.run(
        [binary, corpus, f"arch={arch}", f"dim={dim}", f"negatives={neg}", f"epochs={epochs}", f"threads={threads}"],
        check=True, capture_output=True, text=True,
    ).stdout
    return json.loads(out)["tokens_per_s"]


def gensim(corpus, arch, dim, neg, epochs, threads):
    """In a process of its own, so that nothing is left from one run to the next."""
    code = f"""
import time
from gensim.models import Word2Vec
m = Word2Vec(vector_size={dim}, window=5, min_count=1, sample=0, sg={int(arch == "sg")}, negative={neg}, hs=0,
             epochs={epochs}, workers={threads}, alpha={0.025 if arch == "sg" else 0.05}, min_alpha=1e-4, seed=1)
m.build_vocab(corpus_file={corpus!r})
start = time.perf_counter()
m.train(corpus_file={corpus!r}, total_examples=m.corpus_count, total_words=m.corpus_total_words, epochs={epochs})
print(m.corpus_total_words * {epochs} / (time.perf_counter() - start))
"""
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    return float(out)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("binary")
    p.add_argument("corpus", nargs="+")
    p.add_argument("--epochs", type=int, default=2)
    p.add_argument("--reps", type=int, default=3)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--arch", nargs="+", default=["sg", "cbow"])
    p.add_argument("--dim", type=int, nargs="+", default=[64, 128])
    p.add_argument("--neg", type=int, nargs="+", default=[5, 20])
    p.add_argument("--min-ratio", default="", help="arch:K=ratio, between commas")
    a = p.parse_args()
    least = dict(entry.split("=") for entry in a.min_ratio.split(",") if entry)
    short = 0
    for corpus in a.corpus:
        for arch in a.arch:
            for dim in a.dim:
                for neg in a.neg:
                    rates = {"nearfield": [], "gensim": []}
                    for _ in range(a.reps):
                        rates["nearfield"].append(ours(a.binary, corpus, arch, dim, neg, a.epochs, a.threads))
                        rates["gensim"].append(gensim(corpus, arch, dim, neg, a.epochs, a.threads))
                    median = {name: statistics.median(values) for name, values in rates.items()}
                    ratio = median["nearfield"] / median["gensim"]
                    wanted = float(least.get(f"{arch}:{neg}", 0))
                    short += ratio < wanted
                    print(json.dumps({
                        "corpus": corpus, "arch": arch, "dim": dim, "negatives": neg, "threads": a.threads,
                        "tokens_per_s": {name: round(value) for name, value in median.items()},
                        "spread": {name: [round(min(v)), round(max(v))] for name, v in rates.items()},
                        "ratio": round(ratio, 2), "least": wanted,
                    }), flush=True)
    sys.exit(1 if short else 0)


if __name__ == "__main__":
    main()
