"""Writes small encoders in every published container with real PyTorch and h5py, and their results for a batch.

    /usr/bin/python3 make.py

Needs Debian 12's python3-torch (1.13), python3-h5py (3.7) and python3-numpy. Legacy streams name storages by their
address, so their bytes change from run to run; everything else is repeatable.
"""

import json
import sys
from collections import OrderedDict
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.dont_write_bytecode = True

import h5py  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402

import torch_zip  # noqa: E402
from draw import Draw  # noqa: E402
from mix.model import EncoderSizes, bert, encoder_shapes, roformer  # noqa: E402
from named_tensors import to_bytes  # noqa: E402

SIZES = EncoderSizes(vocabulary=26, positions=20, width=8, heads=2, layers=2, feed_forward=20)
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
VOCABULARY = SPECIAL + list("abcdefghijk") + ["##" + letter for letter in "abcdefghij"]
CODES = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.float64: "F64", torch.int64: "I64"}


def heads(draw, kind, weights):
    """The tensors of a published masked-token model beside its encoder; the decoder is the word table itself."""
    width, vocabulary = SIZES.width, SIZES.vocabulary
    extra = draw.weights({
        "cls.predictions.bias": (vocabulary,), "cls.predictions.transform.dense.weight": (width, width),
        "cls.predictions.transform.dense.bias": (width,), "cls.predictions.transform.LayerNorm.weight": (width,),
        "cls.predictions.transform.LayerNorm.bias": (width,)})
    tensors = OrderedDict((name, value.float()) for name, value in extra.items())
    tensors["cls.predictions.decoder.weight"] = weights[f"{kind}.embeddings.word_embeddings.weight"]
    tensors["cls.predictions.decoder.bias"] = tensors["cls.predictions.bias"]
    if kind == "bert":
        more = draw.weights({"cls.seq_relationship.weight": (2, width), "cls.seq_relationship.bias": (2,)})
        tensors.update((name, value.float()) for name, value in more.items())
        tensors["bert.embeddings.position_ids"] = torch.arange(SIZES.positions)[None, :]
    else:
        tensors["roformer.encoder.embed_positions.weight"] = rotary_table()
    return tensors


def rotary_table():
    """[positions, head width]: the sines of a row's angles, then the cosines."""
    width = SIZES.width // SIZES.heads
    angles = np.arange(SIZES.positions)[:, None] / 10000.0 ** (2 * np.arange(width // 2) / width)
    return torch.from_numpy(np.concatenate([np.sin(angles), np.cos(angles)], 1)).float()


def aliased(name):
    """The old names of a layer normalisation's tensors."""
    return name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")


def strided(weights):
    """The same tensors as views: matrices are transposed, and vectors use every second number of one storage."""
    vectors = [name for name, value in weights.items() if value.dim() == 1]
    flat = torch.zeros(2 * sum(weights[name].numel() for name in vectors) + 3)
    result, start = OrderedDict(), 3
    for name, value in weights.items():
        if value.dim() == 1:
            view = flat[start : start + 2 * value.numel() : 2]
            view.copy_(value)
            start += 2 * value.numel()
            result[name] = view
        else:
            result[name] = value.t().contiguous().t()
    return result


def write_safetensors(path, tensors):
    header, chunks, offset = {"__metadata__": {"format": "pt"}}, [], 0
    for name, value in tensors.items():
        raw = value.contiguous()
        data = (raw.view(torch.int16) if raw.dtype == torch.bfloat16 else raw).numpy().tobytes()
        header[name] = {"dtype": CODES[value.dtype], "shape": list(value.shape), "data_offsets": [offset, offset + len(data)]}
        chunks.append(data)
        offset += len(data)
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + b"".join(chunks))


def split(path, tensors, suffix, write):
    """Two shards and their index."""
    names, files = list(tensors), [f"{path.name}-0000{i}-of-00002{suffix}" for i in (1, 2)]
    half = len(names) // 2
    for file, part in zip(files, (names[:half], names[half:])):
        write(path.parent / file, OrderedDict((name, tensors[name]) for name in part))
    index = {"metadata": {"total_size": 0}, "weight_map": {name: files[i >= half] for i, name in enumerate(names)}}
    (path.parent / f"{path.name}{suffix}.index.json").write_text(json.dumps(index, indent=1))


def write_keras(path, weights, kind, group, table, type_="<f4"):
    """The layout of Keras' save_weights: kernels are [in, out], and the tied word table is stored again beside the
    heads. `table` is the name of the word table."""
    def keras_name(name):
        stem, leaf = name.rsplit(".", 1)
        layer = stem.replace(".", "/").replace("encoder/layer/", "encoder/layer_._")
        if layer.endswith("LayerNorm"):
            leaf = {"weight": "gamma", "bias": "beta"}[leaf]
        elif layer.endswith("_embeddings") or layer.endswith("embed_positions"):
            leaf = table if "word_" in layer else "embeddings"
        elif leaf == "weight":
            leaf = "kernel"
        return f"{group}{layer}/{leaf}:0"

    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [kind.encode(), b"mlm___cls"]
        file.attrs["backend"] = b"tensorflow"
        main, names = file.create_group(kind), []
        for name, value in weights.items():
            names.append(keras_name(name))
            is_kernel = names[-1].endswith("kernel:0")
            main.create_dataset(names[-1], data=(value.t() if is_kernel else value).contiguous().numpy(), dtype=type_)
        main.attrs["weight_names"] = [name.encode() for name in names]
        cls = file.create_group("mlm___cls")
        words = f"{kind}.embeddings.word_embeddings.weight"
        cls.create_dataset("cls/predictions/bias:0", data=np.zeros(SIZES.vocabulary, np.float32))
        cls.create_dataset(keras_name(words), data=weights[words].numpy())
        cls.attrs["weight_names"] = [b"cls/predictions/bias:0", keras_name(words).encode()]


def write_golden(folder, kind, weights, draw):
    """The weights and the hidden states of a batch, in float64."""
    inputs = {"token_ids": draw.integers(0, SIZES.vocabulary, 3, 7),
              "attention_mask": (torch.arange(7)[None, :] < torch.tensor([7, 4, 1])[:, None]).long()}
    compute = {"bert": bert, "roformer": roformer}[kind]
    hidden = compute(weights, SIZES.heads, SIZES.layers, inputs["token_ids"], inputs["attention_mask"], {})
    outputs = {"hidden": hidden[0], "pooler": hidden[1]} if kind == "bert" else {"hidden": hidden}
    golden = {**weights, **{f"output.{name}": value for name, value in outputs.items()},
              **{f"input.{name}": value.to(torch.int32) for name, value in inputs.items()}}
    (folder / "golden.safetensors").write_bytes(to_bytes(golden, {"kind": kind, **vars(SIZES)}))


def write_descriptions(folder, kind):
    class_name = {"bert": "Bert", "roformer": "RoFormer"}[kind]
    config = {
        "architectures": [f"{class_name}ForMaskedLM"], "model_type": kind, "vocab_size": SIZES.vocabulary, "hidden_size": SIZES.width,
        "num_hidden_layers": SIZES.layers, "num_attention_heads": SIZES.heads, "intermediate_size": SIZES.feed_forward,
        "max_position_embeddings": SIZES.positions, "type_vocab_size": SIZES.token_types, "layer_norm_eps": 1e-12,
        "hidden_act": "gelu", "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1, "initializer_range": 0.02,
        "pad_token_id": 0, **({"embedding_size": SIZES.width} if kind == "roformer" else {"directionality": "bidi"})}
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n")
    tokenizer = {"do_lower_case": True, "strip_accents": None, "tokenizer_class": f"{class_name}Tokenizer"}
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer) + "\n")


def main():
    for seed, kind in enumerate(("bert", "roformer")):
        folder = HERE / kind
        folder.mkdir(exist_ok=True)
        draw = Draw(70 + seed)
        exact = draw.weights(encoder_shapes(SIZES, kind))
        weights = OrderedDict((name, value.float()) for name, value in exact.items())
        published = OrderedDict([*weights.items(), *heads(draw, kind, weights).items()])
        published._metadata = OrderedDict([("", {"version": 1}), (kind, {"version": 1})])  # as state_dict() has it
        untied = OrderedDict((name, value) for name, value in published.items() if "decoder" not in name)
        legacy = {"_use_new_zipfile_serialization": False}
        write_descriptions(folder, kind)
        write_golden(folder, kind, exact, draw)
        torch.save(published, folder / "zip.bin")
        torch.save(published, folder / "legacy.bin", **legacy)
        write_safetensors(folder / "plain.safetensors", untied)
        torch.save(OrderedDict((aliased(name), value) for name, value in published.items()), folder / "aliased.bin", **legacy)
        positions = {"roformer.encoder.embed_positions.weight": rotary_table()} if kind == "roformer" else {}
        write_keras(folder / "keras.h5", {**weights, **positions}, kind, {"bert": "tf_bert_for_pre_training/", "roformer": ""}[kind], "weight")
        if kind == "roformer":
            continue
        for name, type_ in {"half": torch.float16, "bfloat16": torch.bfloat16, "double": torch.float64}.items():
            narrow = OrderedDict((key, value.to(type_)) for key, value in weights.items())
            torch.save(narrow, folder / f"{name}.bin")
            torch.save(narrow, folder / f"{name}-legacy.bin", **legacy)
            write_safetensors(folder / f"{name}.safetensors", narrow)
        torch.save(strided(weights), folder / "strided.bin")
        torch.save(strided(weights), folder / "strided-legacy.bin", **legacy)
        torch.save(OrderedDict((name, torch.nn.Parameter(value)) for name, value in weights.items()), folder / "parameters.bin")
        torch.save(dict(weights), folder / "protocol-4.bin", pickle_protocol=4)
        arrays = {name: value.numpy() for name, value in weights.items()}
        torch_zip.write(folder / "little-endian.bin", arrays, "little")
        torch_zip.write(folder / "big-endian.bin", arrays, "big")
        split(folder / "pytorch_model", published, ".bin", lambda path, part: torch.save(part, path))
        split(folder / "model", untied, ".safetensors", write_safetensors)
        write_keras(folder / "keras-old.h5", weights, kind, "tf_bert_model/", "embeddings")
        write_keras(folder / "keras-big-endian.h5", weights, kind, "tf_bert_model/", "weight", ">f4")
        with h5py.File(folder / "chunks.h5", "w") as file:
            file.create_group("bert").create_dataset("vector:0", data=np.zeros(8, np.float32), chunks=(4,))
        with h5py.File(folder / "half.h5", "w") as file:
            file.create_dataset("matrix:0", data=np.arange(15, dtype=np.float16).reshape(3, 5))
            file.create_dataset("number:0", data=np.float16(0.5))
        write_keras(folder / "keras-double.h5", weights, kind, "tf_bert_model/", "weight", "<f8")


if __name__ == "__main__":
    main()
