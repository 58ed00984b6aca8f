"""Exported towers in onnxruntime beside our own vectors: every model that `export_towers` wrote, both sides.

    cargo run --release -p towers --example export_towers -- OUT
    python benches/peers/onnx_towers.py OUT

Checks each graph with onnx.checker, runs it on the inputs beside it, and fails when a component differs by more than 1e-5.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

TOLERANCE = 1e-5
TYPES = {"tensor(int64)": np.int64, "tensor(float)": np.float32, "tensor(double)": np.float64}


def main():
    folders = sorted(path for path in Path(sys.argv[1]).iterdir() if (path / "user.onnx").exists())
    if not folders:
        sys.exit(f"no exported towers in {sys.argv[1]}")
    print(f"onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}")
    worst = 0.0
    for folder in folders:
        for side in ["user", "item"]:
            path = folder / f"{side}.onnx"
            onnx.checker.check_model(onnx.load(path), full_check=True)
            session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
            feed = {}
            for wanted in session.get_inputs():
                values = np.load(folder / f"{side}.{wanted.name}.npy").astype(TYPES[wanted.type])
                feed[wanted.name] = values.reshape(-1) if len(wanted.shape) == 1 else values
            (got,) = session.run(["vector"], feed)
            expected = np.load(folder / f"{side}.vector.npy")
            assert got.shape == expected.shape, (got.shape, expected.shape)
            difference = float(np.abs(got - expected).max())
            worst = max(worst, difference)
            print(f"{folder.name:24} {side:4} {got.shape[0]:4} vectors, largest difference {difference:.1e}")
            if not difference <= TOLERANCE:
                sys.exit(f"{path}: {difference} is more than {TOLERANCE}")
    print(f"all within {TOLERANCE}; the largest difference is {worst:.1e}")


if __name__ == "__main__":
    main()
