"""Files that nearfield writes are read by gensim, NumPy and safetensors, and the other way round.

    cargo build --release -p embed-core --example convert_vectors
    python3 benches/peers/interop.py CONVERT FOLDER

CONVERT is the built example, FOLDER a place for files (made if missing). Needs gensim, numpy and safetensors.
For each format: the peer writes, CONVERT turns it into the container and back into the same format, the peer
reads that; keys and the bits of all values must be the same. Then files that lie must be refused.
Prints one line a check; exit code 1 if any fails.
"""

import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
from gensim.models import KeyedVectors
from safetensors import safe_open
from safetensors.numpy import save_file

N, DIM = 500, 33


def sample():
    rng = np.random.default_rng(7)
    vectors = rng.standard_normal((N, DIM)).astype(np.float32)
    vectors[0, :5] = [0.0, -0.0, 1e-45, 3.4028235e38, -1.1754944e-38]
    keys = [f"item{i}" for i in range(N)]
    keys[1:6] = ["é", "日本語", "a\u00a0b", '"quoted"', "back\\slash"]
    return keys, vectors


def main(convert, folder):
    folder.mkdir(parents=True, exist_ok=True)
    keys, vectors = sample()
    failures = 0

    def check(what, ok):
        nonlocal failures
        failures += not ok
        print(f"{'ok  ' if ok else 'FAIL'} {what}")

    def run(*arguments):
        return subprocess.run([convert, *map(str, arguments)], capture_output=True, text=True)

    def there_and_back(source, result, *tensor):
        container = folder / "between.nf"
        for step in (run(source, container, *tensor), run(container, result)):
            if step.returncode:
                print(step.stderr, end="")
                return False
        return True

    def same(got_keys, got):
        got = np.ascontiguousarray(got, dtype=np.float32)
        return list(got_keys) == keys and np.array_equal(got.view(np.uint32), vectors.view(np.uint32))

    kv = KeyedVectors(DIM)
    kv.add_vectors(keys, vectors)
    for binary, ending in ((False, "txt"), (True, "bin")):
        source, result = folder / f"gensim.{ending}", folder / f"ours.{ending}"
        kv.save_word2vec_format(str(source), binary=binary)
        check(f"word2vec .{ending}: gensim -> ours", there_and_back(source, result))
        read = KeyedVectors.load_word2vec_format(str(result), binary=binary)
        check(f"word2vec .{ending}: ours -> gensim", same(read.index_to_key, read.vectors))

    with open(folder / "tool.bin", "wb") as out:  # the original tool ends each row with a newline
        out.write(f"{N} {DIM}\n".encode())
        for key, vector in zip(keys, vectors):
            out.write(key.encode() + b" " + vector.tobytes() + b"\n")
    check("word2vec .bin with newlines -> ours", there_and_back(folder / "tool.bin", folder / "ours.bin"))
    read = KeyedVectors.load_word2vec_format(str(folder / "ours.bin"), binary=True)
    check("  and on to gensim", same(read.index_to_key, read.vectors))

    tensors = folder / "theirs"
    tensors.mkdir(exist_ok=True)
    escaped = [k.replace("\\", "\\\\") for k in keys]
    (tensors / "keys.txt").write_text("".join(k + "\n" for k in escaped), encoding="utf-8")
    save_file({"input": vectors, "output": -vectors}, str(tensors / "a.safetensors"))
    ours = folder / "ours"
    ours.mkdir(exist_ok=True)
    result = ours / "a.safetensors"
    check("safetensors -> ours", there_and_back(tensors / "a.safetensors", result))
    with safe_open(str(result), "np") as read:
        got_keys = (ours / "keys.txt").read_text(encoding="utf-8").split("\n")[:-1]
        got_keys = [k.replace("\\\\", "\\") for k in got_keys]
        check("ours -> safetensors", same(got_keys, read.get_tensor("vectors")))
        check("safetensors metadata is readable", "nearfield" in read.metadata())
    there_and_back(tensors / "a.safetensors", result, "output")
    with safe_open(str(result), "np") as read:
        check("safetensors: the tensor that was named", np.array_equal(read.get_tensor("vectors"), -vectors))

    for name, array in (("c", vectors), ("fortran", np.asfortranarray(vectors)), ("big", vectors.astype(">f4"))):
        source, result = folder / f"{name}.npy", folder / "ours.npy"
        np.save(source, array)
        done = there_and_back(source, result)
        check(f"npy ({name}): numpy -> ours -> numpy", done and same(keys, np.load(result)))

    np.save(folder / "double.npy", vectors.astype(np.float64))
    refused = {
        "float64 .npy": (run(folder / "double.npy", folder / "x.nf"), "expected float32"),
        "named keys into .npy": (run(folder / "gensim.bin", folder / "x.npy"), "holds no keys"),
    }
    spaced = KeyedVectors(2)
    spaced.add_vectors(["New York"], np.ones((1, 2), np.float32))
    (folder / "spaced").mkdir(exist_ok=True)
    save_file({"v": spaced.vectors}, str(folder / "spaced" / "s.safetensors"))
    (folder / "spaced" / "keys.txt").write_text("New York\n")
    refused["a key with a space into word2vec"] = (
        run(folder / "spaced" / "s.safetensors", folder / "x.bin"), '"New York" (row 0)')
    (folder / "lie.bin").write_bytes(b"1000000000000 1000000\na " + struct.pack("<2f", 1, 2))
    refused["a header that lies"] = (run(folder / "lie.bin", folder / "x.nf"), "has 8 bytes, expected 4000000")
    for what, (step, message) in refused.items():
        check(f"refused: {what}", step.returncode == 1 and message in step.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
