#!/bin/bash
# kill-import.sh [KILLS]: kills an import of 20,000 videos (620 MB) with SIGKILL at random moments, 10 times. Starts it
# again after each kill. At the end all files must equal those of an uninterrupted import, byte for byte. An import may
# end before it is killed. It is then compared at once, and another import begins: no kill is counted.
# Needs a Release build. SEED=N sets the seed of the random moments.
set -euo pipefail
cd "$(dirname "$0")/.."
kills=${1:-10} seed=${SEED:-$(date +%s)}
RANDOM=$seed
program=src/Cli/bin/Release/net10.0/videosim.dll
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# 20,000 rows share 50 files of frames, one of which has a NaN: a state has bad rows, too.
python3 - "$folder" << 'END'
import json, os, random, struct, sys
folder, width, frames = sys.argv[1], 1536, 10
random.seed(3)
os.mkdir(folder + "/frames")
header = f"{{'descr': '<f2', 'fortran_order': False, 'shape': ({frames}, {width}), }}"
header += " " * (-(10 + len(header) + 1) % 64) + "\n"
for i in range(50):
    values = [random.uniform(-2, 2) for _ in range(frames * width)]
    if i == 49:
        values[-1] = float("nan")
    with open(f"{folder}/frames/{i}.npy", "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + struct.pack(f"<{len(values)}e", *values))
with open(folder + "/videos.jsonl", "w") as file:
    for i in range(20000):
        file.write(json.dumps({"id": f"video {i}", "title": f"title {i % 97} of {i % 13}", "tags": [f"tag {i % 50}", f"tag {50 + i % 7}"], "frames": f"{i % 50}.npy"}) + "\n")
with open(folder + "/pairs.tsv", "w") as file:
    for i in range(0, 20000, 4):
        file.write(f"video {i}\tvideo {i + 1}\t{i % 11 / 10}\n")
END

import() { # import OUTPUT
    exec dotnet $program data import "$folder/videos.jsonl" --frames "$folder/frames" --pairs "$folder/pairs.tsv" --skip-bad-rows --output-dir "$1" --quiet
}
begin=$(date +%s%N)
(import "$folder/whole") > "$folder/whole.txt"
whole=$((($(date +%s%N) - begin) / 1000000))
echo "seed $seed; uninterrupted import: $whole ms"

is_as_uninterrupted() { diff -r "$folder/whole" "$folder/killed" && diff "$folder/whole.txt" "$folder/killed.txt"; }
for ((hits = 0; hits < kills; )); do
    (import "$folder/killed") > "$folder/killed.txt" &
    process=$!
    sleep "$(awk -v most="$whole" -v random=$RANDOM 'BEGIN { print (most * random / 32768) / 1000 }')"
    kill -KILL $process 2> /dev/null || true
    status=0
    wait $process 2> /dev/null || status=$?
    if [ $status -eq 137 ]; then
        hits=$((hits + 1))
        echo "killed; next row saved: $(sed -n 's/^  "row": \([0-9]*\),$/\1/p' "$folder/.import-killed/.videosim-import.json" 2> /dev/null || true)"
    elif [ $status -eq 0 ]; then
        is_as_uninterrupted
        echo "ended before the kill: the same bytes"
        rm -r "$folder/killed"
    else
        echo "failed with $status after $hits kills" >&2
        exit 1
    fi
done
(import "$folder/killed") > "$folder/killed.txt"
is_as_uninterrupted
[ -z "$(find "$folder" -maxdepth 1 -name '.import-*')" ]
echo "killed $kills times: the same bytes"
