#!/bin/bash
# rehearse-gpu-run.sh PACK [NAME...]: rehearses bench/gpu/run over the emulator. PACK is the folder that bench/gpu/pack
# wrote. The rehearsals (all without NAME):
#
#   whole    both commands, no faults
#   stopped  a run that is stopped in the middle
#   fault    a kernel faults at every launch
#   hang     a kernel never ends
#   missing  cuBLASLt is missing
#
# In the last three, all other results must be present, the log must name the cause and the exit code must not be 0.
set -uo pipefail
cd "$(dirname "$0")/.."
pack=$(realpath "$1") work=${KEEP:-$(mktemp -d)}
[ -n "${KEEP:-}" ] || trap 'rm -rf "$work"' EXIT
problems=0
[ -e "$pack/videosim.tar.xz" ] || { echo "$pack is not a folder of bench/gpu/pack" >&2; exit 1; }

problem() { echo "$name: $*" >&2; problems=$((problems + 1)); }

# run OUT PART...: runs the parts, sets "code" to the exit code, and unpacks the results into OUT.
run() {
    local out=$1; shift
    REHEARSAL=1 bench/gpu/run "$pack" "$out" "$@" > "$out.txt" 2>&1
    code=$?
    tar -C "$out" -xzf "$out/results.tgz" || problem "results.tgz is not whole"
    [ "$(find "$out" -maxdepth 1 \( -name results.tgz -o -name results.tgz.new \) -size +15M)" = "" ] || problem "results.tgz has more than 15 MiB"
}

has() { # has OUT FILE...: checks that the files exist and are not empty
    local file out=$1; shift
    for file in "$@"; do [ -s "$out/$file" ] || problem "$file is missing or empty"; done
}

says() { grep -q -E "$2" "$1/log.txt" || problem "the log has no line '$2'"; }

steps_of() { for model in "$@"; do echo "step-$model-pretrain.json" "step-$model-finetune.json"; done; }

whole() {
    run "$work/1" smoke steps trains
    [ $code -eq 0 ] || problem "smoke, steps and trains failed: $(grep FAILED "$work/1/log.txt")"
    has "$work/1" machine.txt smoke-step.json $(steps_of mix mix-asl mix-roformer uniter uniter-asl uniter-roformer) reproduce-mix/summary.json
    run "$work/2" kernels peers tests
    [ $code -eq 0 ] || problem "kernels, peers and tests failed: $(grep FAILED "$work/2/log.txt")"
    has "$work/2" kernels.txt bench-1-uniter.json bench-2-uniter.json device-tests.tsv check-attention.txt check-layernorm.txt tests-MatMulTests.txt
    for peer in adam layernorm asl nextvlad attention netvlad; do says "$work/2" "peer $peer: not measured, no torch"; done
    [ "$(awk -F'\t' '$2 == 0 && $4 == 0 || $3 > 0 || $5 > 0' "$work/2/device-tests.tsv")" = "" ] || problem "device tests failed"
    python3 bench/gpu/compare.py "$work/1/results.tgz" "$work/2/results.tgz" > "$work/compare.md" || problem "compare.py failed"
    ! grep -q -E '\| (met|missed) \|' "$work/compare.md" && grep -q '^| LayerNorm forward | not measured |' "$work/compare.md" || problem "the emulator's times count as measured"
}

# The kernel belongs to the three mix models. Other models and other kernels of its family must still have results.
fault() {
    local kernel=vlad_backward_bf16
    export EMULATOR_FAIL=kernel=$kernel
    run "$work/fault" smoke steps trains kernels tests
    unset EMULATOR_FAIL
    disaster "$work/fault" $kernel
    has "$work/fault" smoke-step.json bench-1-uniter.json check-attention.txt alone-vlad_forward_bf16.txt tests-MatMulTests.txt
    grep -q '| right' "$work/fault/alone-vlad_forward_bf16.txt" || problem "the other kernels of the family were not checked"
}

hang() {
    local kernel=vlad_forward_bf16
    export EMULATOR_FAIL=hang=$kernel PACE=1 # the limits of a real run
    run "$work/hang" steps kernels tests
    unset EMULATOR_FAIL PACE
    disaster "$work/hang" $kernel
    has "$work/hang" bench-1-uniter.json check-attention.txt tests-MatMulTests.txt
}

disaster() { # disaster OUT KERNEL: the checks that "fault" and "hang" share
    [ $code -ne 0 ] || problem "the exit code is 0"
    says "$1" "CULPRIT: $2: .*last kernel $2, grid \([0-9, ]+\), block .* arguments \{.*Videos=[0-9]+"
    has "$1" $(steps_of uniter uniter-asl uniter-roformer) check-vlad.txt "alone-$2.txt"
    grep -q '"complete":true' "$1/step-uniter-pretrain.json" || problem "uniter's step was not timed"
}

missing() {
    local cache=${XDG_CACHE_HOME:-$HOME/.cache}/videosim
    mkdir -p "$work/cache/videosim"
    cp -r "$cache/emulator" "$cache/kernels" "$work/cache/videosim/" && find "$work/cache" -name '*libcublasLt*' -delete
    XDG_CACHE_HOME=$work/cache run "$work/missing" smoke steps kernels tests
    [ $code -ne 0 ] || problem "the exit code is 0"
    says "$work/missing" "libcublasLt.so.13 was not found"
    has "$work/missing" check-attention.txt check-layernorm.txt tests-TensorCoreTests.txt tests-CudaDeviceTests.txt bench-1-uniter.json
}

# The results of a stopped run contain everything that its processes wrote before the stop.
stopped() {
    REHEARSAL=1 bench/gpu/run "$pack" "$work/stopped" steps > "$work/stopped.txt" 2>&1 &
    local process=$!
    until grep -q 'step of uniter, pretrain: "median' "$work/stopped/log.txt" 2> /dev/null || ! kill -0 $process 2> /dev/null; do sleep 0.2; done
    kill $process || problem "the run ended before it was stopped"
    wait $process
    [ $? -ne 0 ] || problem "the exit code is 0"
    tar -C "$work/stopped" -xzf "$work/stopped/results.tgz" || problem "results.tgz is not whole"
    has "$work/stopped" step-uniter-pretrain.json machine.txt kernels.txt
    says "$work/stopped" "FAILED: the run was stopped"
    python3 -c 'import json, sys; [json.loads(text) for text in (open(name).read() for name in sys.argv[1:]) if text]' "$work"/stopped/step-*.json || problem "a step that was stopped left no whole JSON"
}

names=${*:2}
for name in ${names:-whole stopped fault hang missing}; do
    begin=$SECONDS
    "$name"
    echo "$name: rehearsed in $((SECONDS - begin)) s"
done
[ $problems -eq 0 ]
