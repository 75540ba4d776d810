"""Runs the ONNX file of a model with ONNX Runtime, and compares its embeddings with VideoSim's.

    python3 run_onnx.py MODEL.onnx STEP EMBEDDINGS LABELS

STEP, EMBEDDINGS and LABELS are as in check_embeddings.py. Fails if a difference is above 1e-4.
"""

import sys

import numpy as np
import onnxruntime

from case import read_case

TOLERANCE = 1e-4


def main(model, step_file, embeddings, labels):
    step, expected = read_case(step_file, embeddings, labels)
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    found, = session.run(None, {
        "token_ids": step["input.token_ids"].astype(np.int64),            # [B, T]
        "attention_mask": step["input.attention_mask"].astype(np.int64),  # [B, T]
        "frames": step["input.frames"].astype(np.float32),                # [B, F, W]
        "frame_counts": step["input.frame_counts"].astype(np.int64),      # [B]
    })
    difference = np.abs(found - expected).max()
    print(f"{model}: {len(expected)} videos; largest difference of embeddings {difference:.1e}")
    if not difference <= TOLERANCE:
        raise SystemExit(f"{model}: differs by more than {TOLERANCE}")


if __name__ == "__main__":
    main(*sys.argv[1:])
