#!/bin/bash
# run-python-examples.sh: trains all six models shortly, and compares them with the networks of examples/python and
# with their ONNX files. Two models are trained once more with masked pooling, and one with frames of 98 values. Needs
# Debian's python3-torch, and Release builds of the solution and of tests/Oracles, whose ONNX Runtime is used.
set -euo pipefail
cd "$(dirname "$0")/.."
videosim=src/Cli/bin/Release/net10.0/videosim
out=artifacts/python-examples
export ONNXRUNTIME=$PWD/tests/Oracles/bin/Release/net10.0/libonnxruntime.so PYTHONPATH=tests/onnxruntime
[ -f "$ONNXRUNTIME" ] || { echo "$ONNXRUNTIME is missing: build tests/Oracles" >&2; exit 1; }
rm -rf "$out"

# synth FOLDER [OPTION...]: makes the data of the next checks.
synth() {
    data=$1
    "$videosim" data synth --output-dir "$data" --seed 1 --videos 40 --pairs 66 --pair-videos 24 --test-videos 100 --tags 48 --quiet "${@:2}"
}

# check NAME MODEL [OPTION...]: trains MODEL and compares its embeddings of test_b.
check() {
    local name=$1 model=$2 videos=$data/test_b
    "$videosim" pretrain --model "$model" --preset micro --data "$data" --output-dir "$out/$name" --quiet "${@:3}"
    "$videosim" embed --checkpoint "$out/$name/last" --records "$videos" --output "$out/$name.npy" --float32 --quiet
    "$videosim" inspect --step --checkpoint "$out/$name/last" --records "$videos" --labels "$videos/label.tsv" --batch 16 --output "$out/$name.safetensors" --quiet
    "$videosim" export --checkpoint "$out/$name/last" --onnx "$out/$name.onnx" --quiet
    /usr/bin/python3 -B examples/python/check_embeddings.py "$out/$name/last" "$out/$name.safetensors" "$out/$name.npy" "$videos/label.tsv"
    /usr/bin/python3 -B examples/python/run_onnx.py "$out/$name.onnx" "$out/$name.safetensors" "$out/$name.npy" "$videos/label.tsv"
}

synth "$out/data"
for model in mix mix-asl mix-roformer uniter uniter-asl uniter-roformer; do
    check "$model" "$model"
done
check masked-mix-roformer mix-roformer --set model.masked_pooling=true
check masked-uniter uniter --set model.masked_pooling=true
# In floating point, 8 / 98 * 98 is a little less than 8.
synth "$out/data98" --frame-width 98
check width-98 mix
