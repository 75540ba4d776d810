#!/bin/bash
# kill-and-resume.sh [KILLS]: kills a short reproduction (SIGKILL) at random moments. Starts it again after each kill.
# At the end all embeddings, checkpoints, models, metrics.jsonl and metrics.csv must equal those of an uninterrupted
# run, byte for byte, and the event files of TensorBoard must have the values of metrics.jsonl. A run may end before it
# is killed. It is then compared at once, and another run begins: no kill is counted.
# Needs a Release build and Debian's protobuf-compiler. STEPS=N sets the steps of each stage (200). SEED=N sets the
# seed of the random moments.
set -euo pipefail
cd "$(dirname "$0")/.."
kills=${1:-20} steps=${STEPS:-200} seed=${SEED:-$(date +%s)}
RANDOM=$seed
program=src/Cli/bin/Release/net10.0/videosim.dll
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

reproduce() { # reproduce OUTPUT
    exec dotnet $program reproduce --preset micro --models mix uniter-roformer --folds 2 --data "$folder/data" --output-dir "$1" --quiet --report-to csv tensorboard \
        --set pretrain.steps="$steps" --set finetune.steps="$steps" --set pretrain.checkpoint_every=7 --set finetune.checkpoint_every=7
}

# Compares the files of a run, except environment.json, timing.jsonl, other times and the run's own folder. args.json
# and inputs.json of a finetuning run contain that folder's path, and report.html has both.
without_times() { sed '/"seconds": {/,/}/d; /"seconds":/d' "$1/summary.json"; }
is_as_uninterrupted() {
    diff -r --exclude summary.json --exclude report.html --exclude args.json --exclude inputs.json --exclude environment.json --exclude timing.jsonl --exclude tensorboard "$folder/whole" "$folder/killed"
    python3 tests/tensorboard/check.py "$folder"/{whole,killed}/*/*/tensorboard
    diff <(without_times "$folder/whole") <(without_times "$folder/killed")
    local file
    while read -r file; do
        diff <(sed "s|$folder/whole|RUN|" "$folder/whole/$file") <(sed "s|$folder/killed|RUN|" "$folder/killed/$file")
    done < <(cd "$folder/whole" && find . -name args.json -o -name inputs.json)
}

dotnet $program data synth --output-dir "$folder/data" --seed 3 --videos 80 --pairs 66 --pair-videos 24 --test-videos 100 --tags 48 --frames 4 --quiet
milliseconds_of() { # milliseconds_of OUTPUT: prints the time of a run into this folder
    local begin
    begin=$(date +%s%N)
    (reproduce "$1") > /dev/null
    echo $((($(date +%s%N) - begin) / 1000000))
}
whole=$(milliseconds_of "$folder/whole") start=$(milliseconds_of "$folder/whole")
echo "seed $seed; uninterrupted run: $whole ms; run with nothing left to do: $start ms"

# The mean time until a kill is the time of a start and an equal share of the whole run. The kills then spread over all
# stages.
for ((hits = 0; hits < kills; )); do
    (reproduce "$folder/killed") > /dev/null &
    process=$!
    sleep "$(awk -v most=$((2 * (whole / kills + start))) -v random=$RANDOM 'BEGIN { print (100 + most * random / 32768) / 1000 }')"
    kill -KILL $process 2> /dev/null || true
    status=0
    wait $process 2> /dev/null || status=$?
    if [ $status -eq 137 ]; then
        hits=$((hits + 1))
        newest=$(ls -td "$folder"/killed/*/*/checkpoint-* 2> /dev/null | head -1 || true)
        echo "killed; newest checkpoint: ${newest#"$folder/killed/"}"
    elif [ $status -eq 0 ]; then
        is_as_uninterrupted
        echo "ended before the kill: the same bytes"
        rm -r "$folder/killed"
    else
        echo "failed with $status after $hits kills" >&2
        exit 1
    fi
done
(reproduce "$folder/killed") > /dev/null
is_as_uninterrupted
echo "killed $kills times: the same bytes"
