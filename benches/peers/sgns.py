"""Training speed of item vectors: nearfield beside gensim, fastText and word2vec.c in one run, the same corpus and settings.

    cargo build --release -p seqemb --example time_training
    python3 benches/peers/sgns.py TIME_TRAINING CORPUS... [--epochs 2] [--reps 3] [--threads 2] [--arch sg cbow]
                                  [--dim 64 128] [--neg 5 20] [--min-ratio sg:5=4,sg:20=6,cbow:5=2,cbow:20=2]
                                  [--fasttext] [--word2vec BINARY]

TIME_TRAINING is the built example; a CORPUS has one sequence a line, items between blanks. Window 5, dynamic, no
minimum count, no subsampling, rate 0.025 (skip-gram) or 0.05 (CBOW), exponent 0.75 on both sides. gensim reads the
corpus file with its native workers (`corpus_file`). Its clock and ours run over the passes of training, which read the
corpus, not over the first reading and the making of tables. fastText (without subwords) offers one call, so its reading of the corpus
counts; the clock of word2vec.c, a binary built from its source, starts at its first line of progress. Repeats alternate
between all, medians are compared; ratios are to gensim. Prints one JSON line
a setting; exit code 1 when a ratio is below the least one asked for.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time


def ours(binary, corpus, arch, dim, neg, epochs, threads):
    out = subprocess.run(
        [binary, corpus, f"arch={arch}", f"dim={dim}", f"negatives={neg}", f"epochs={epochs}", f"threads={threads}"],
        check=True, capture_output=True, text=True,
    ).stdout
    out = json.loads(out)
    return out["tokens"] * epochs / out["training_seconds"]


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


def fasttext(corpus, arch, dim, neg, epochs, threads):
    code = f"""
import time, fasttext
tokens = sum(len(line.split()) for line in open({corpus!r}))
start = time.perf_counter()
fasttext.train_unsupervised({corpus!r}, model={"skipgram" if arch == "sg" else "cbow"!r}, dim={dim}, ws=5, epoch={epochs},
                            neg={neg}, loss="ns", minCount=1, minn=0, maxn=0, bucket=0, t=1.0,
                            lr={0.025 if arch == "sg" else 0.05}, thread={threads}, verbose=0)
print(tokens * {epochs} / (time.perf_counter() - start))
"""
    return float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)


def word2vec_c(binary):
    def run(corpus, arch, dim, neg, epochs, threads):
        with open(corpus) as lines:
            tokens = sum(len(line.split()) for line in lines)
        with tempfile.TemporaryDirectory() as folder:
            p = subprocess.Popen(
                [binary, "-train", corpus, "-output", f"{folder}/vectors", "-size", str(dim), "-window", "5", "-negative", str(neg),
                 "-hs", "0", "-sample", "0", "-iter", str(epochs), "-min-count", "1", "-threads", str(threads),
                 "-cbow", str(int(arch == "cbow")), "-alpha", "0.025" if arch == "sg" else "0.05", "-binary", "1", "-debug", "2"],
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            os.read(p.stdout.fileno(), 1 << 16)
            start = time.perf_counter()
            while os.read(p.stdout.fileno(), 1 << 16):
                pass
            p.wait()
            return tokens * epochs / (time.perf_counter() - start)
    return run


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
    p.add_argument("--fasttext", action="store_true", help="fastText, too")
    p.add_argument("--word2vec", metavar="BINARY", help="word2vec.c, too")
    a = p.parse_args()
    engines = {"nearfield": lambda *settings: ours(a.binary, *settings), "gensim": gensim}
    if a.fasttext:
        engines["fasttext"] = fasttext
    if a.word2vec:
        engines["word2vec.c"] = word2vec_c(a.word2vec)
    least = dict(entry.split("=") for entry in a.min_ratio.split(",") if entry)
    short = 0
    for corpus in a.corpus:
        for arch in a.arch:
            for dim in a.dim:
                for neg in a.neg:
                    rates = {name: [] for name in engines}
                    for _ in range(a.reps):
                        for name, train in engines.items():
                            rates[name].append(train(corpus, arch, dim, neg, a.epochs, a.threads))
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
