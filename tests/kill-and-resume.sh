#!/bin/bash
# kill-and-resume.sh [KILLS]: a shortened reproduction is killed (SIGKILL) at random moments and started again each time; in
# the end every embedding, checkpoint, model and metrics.jsonl has the bytes of a run that was never disturbed.
# Needs a Release build. SEED=N repeats the same moments as far as the machine allows.
set -euo pipefail
cd "$(dirname "$0")/.."
kills=${1:-20}
RANDOM=${SEED:-$(date +%s)}
program=src/Cli/bin/Release/net10.0/videosim.dll
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
reproduce() { # reproduce OUTPUT
    exec dotnet $program reproduce --preset micro --folds 2 --data "$folder/data" --output-dir "$1" --quiet \
        --set pretrain.steps="$steps" --set finetune.steps="$steps" --set pretrain.checkpoint_every=7 --set finetune.checkpoint_every=7
}
dotnet $program data synth --output-dir "$folder/data" --seed 3 --videos 80 --pairs 66 --pair-videos 24 --test-videos 100 --tags 48 --frames 4 --quiet
steps=${STEPS:-200}
begin=$(date +%s%N)
(reproduce "$folder/whole") > /dev/null
milliseconds=$((($(date +%s%N) - begin) / 1000000))
echo "undisturbed: $milliseconds ms"

# Kill the i-th start within its share of the way, so that the moments spread over all stages.
for ((i = 0; i < kills; i++)); do
    (reproduce "$folder/killed") > /dev/null &
    process=$!
    sleep "$(awk -v most=$((2 * milliseconds / kills + 600)) -v random=$RANDOM 'BEGIN { print (100 + most * random / 32768) / 1000 }')"
    kill -KILL $process 2> /dev/null && echo "killed: $(ls -d "$folder"/killed/mix/*/checkpoint-* 2> /dev/null | tail -1 | sed "s|$folder/||")"
    wait $process 2> /dev/null || true
done
(reproduce "$folder/killed") > /dev/null
diff -r --exclude summary.json --exclude args.json "$folder/whole" "$folder/killed"
# args.json of a finetuning run names the folder that it started from; all else in it must be the same.
while read -r file; do
    diff <(sed "s|$folder/whole|RUN|" "$folder/whole/$file") <(sed "s|$folder/killed|RUN|" "$folder/killed/$file")
done < <(cd "$folder/whole" && find . -name args.json)
diff <(sed 's/"seconds": [^,]*//' "$folder/whole/summary.json") <(sed 's/"seconds": [^,]*//' "$folder/killed/summary.json")
echo "killed $kills times: the same bytes"
