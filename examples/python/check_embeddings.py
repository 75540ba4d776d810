"""Compares the networks in PyTorch with VideoSim.

    python3 check_embeddings.py FOLDER STEP EMBEDDINGS LABELS

FOLDER is a model's folder. STEP is the file of `videosim inspect --step --labels LABELS`: it has the tokens and frames
of the first pairs of LABELS, and the hidden states of the encoder. EMBEDDINGS is the .npy file of `videosim embed
--float32` for the same videos. Prints the largest differences; fails if one is above 1e-5.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch

import networks
import tensor_file
from case import read_case

TOLERANCE = 1e-5


def check_encoder(folder, config, step):
    """Loads the encoder alone, as a program for published encoders does. Returns the difference of hidden states."""
    prefix = config["model_type"] + "."
    tensors = tensor_file.read(folder / "model.safetensors")
    stored = {name[len(prefix):]: values for name, values in tensors.items() if name.startswith(prefix)}
    encoder = networks.Encoder(config, has_pooler="pooler.dense.weight" in stored)
    encoder.load_state_dict({name: torch.from_numpy(values) for name, values in stored.items()})
    for name, values in encoder.state_dict().items():
        if values.numpy().tobytes() != stored[name].tobytes():
            raise SystemExit(f"{folder}: {name} is not bit-equal after loading")
    x, mask = encoder.embed(torch.from_numpy(step["input.token_ids"])), torch.from_numpy(step["input.attention_mask"])
    if "value.frames" in step:  # Uniter: the layers read text and frames
        frames = torch.from_numpy(step["value.frames"])
        x, mask = torch.cat([x, frames], 1), torch.cat([mask, networks.own(frames, torch.from_numpy(step["input.frame_counts"]))], 1)
    worst = 0
    for layer, found in enumerate(encoder(x, mask)):
        expected = step[f"value.encoder.layer.{layer}.hidden"]
        # With a pooler, VideoSim's last layer computes the first position alone.
        worst = max(worst, np.abs((found if expected.ndim == 3 else found[:, 0]).numpy() - expected).max())
    return worst


def main(folder, step_file, embeddings, labels):
    folder = Path(folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    step, expected = read_case(step_file, embeddings, labels)
    inputs = [torch.from_numpy(step[f"input.{name}"]) for name in ("token_ids", "attention_mask", "frames", "frame_counts")]
    inputs[2] = inputs[2].float()
    with torch.no_grad():
        hidden = check_encoder(folder, config, step)
        embedding = np.abs(networks.load(folder)(*inputs)[0].numpy() - expected).max()
    print(f"{config['videosim']['model']}: {len(expected)} videos; largest difference of hidden states {hidden:.1e}, of embeddings {embedding:.1e}")
    if not (hidden <= TOLERANCE and embedding <= TOLERANCE):
        raise SystemExit(f"{folder}: differs by more than {TOLERANCE}")


if __name__ == "__main__":
    main(*sys.argv[1:])
