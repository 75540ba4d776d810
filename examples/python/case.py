"""Reads videos and their embeddings from files of VideoSim."""

from pathlib import Path

import numpy as np

import tensor_file


def read_case(step_file, embeddings, labels):
    """The values of a step, and VideoSim's embeddings of its videos: all left videos, then all right videos."""
    step = tensor_file.read(step_file)
    pairs = len(step["input.token_ids"]) // 2
    rows = [line.split("\t") for line in Path(labels).read_text(encoding="utf-8").split("\n")[:pairs]]
    ids = Path(embeddings).with_suffix(".ids.txt").read_text(encoding="utf-8").split("\n")
    row_of = {video: row for row, video in enumerate(ids)}
    return step, np.load(embeddings)[[row_of[row[side]] for side in (0, 1) for row in rows]]
