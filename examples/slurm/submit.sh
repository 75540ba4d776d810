#!/bin/bash
# submit.sh OPTION...: submits the parts of a reproduction as jobs of Slurm. OPTION is one of 'videosim reproduce'.
set -euo pipefail
job=$(dirname "$0")/part.sbatch
plan=$(videosim reproduce "$@" --plan --json)
parts=$(grep -o '"index":' <<< "$plan" | wc -l)
pretrainings=$(grep -o '"needs":\[\]' <<< "$plan" | wc -l)

# A job begins when all tasks of the one before have succeeded. It is removed if one of them has failed. sbatch prints
# "job;cluster" where there are several clusters.
after=(sbatch --parsable --kill-on-invalid-dep=yes)
first=$(sbatch --parsable --array="1-$pretrainings" "$job" "$@")
second=$("${after[@]}" --dependency="afterok:${first%%;*}" --array="$((pretrainings + 1))-$parts" "$job" "$@")
last=$("${after[@]}" --dependency="afterok:${second%%;*}" "$job" "$@")
echo "job $first: parts 1 to $pretrainings; job $second: parts up to $parts; job $last: results"
