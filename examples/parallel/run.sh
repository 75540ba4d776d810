#!/bin/bash
# run.sh JOBS OPTION...: a reproduction by GNU parallel, JOBS parts at a time. OPTION is one of 'videosim reproduce'.
set -euo pipefail
jobs=${1:?usage: run.sh JOBS OPTION...}
shift
plan=$(videosim reproduce "$@" --plan --json)
parts=$(grep -o '"index":' <<< "$plan" | wc -l)
pretrainings=$(grep -o '"needs":\[\]' <<< "$plan" | wc -l)

# Each line of a part begins with its number. After Ctrl-C a part has two minutes to save a checkpoint. If each of the
# JOBS has a GPU of its own, all on one machine, write before videosim:
# env CUDA_VISIBLE_DEVICES='{= $_ = slot() - 1 =}'
command=(parallel --jobs "$jobs" --termseq TERM,120000,KILL,25 --quote --tag --line-buffer videosim reproduce "$@" --part '{}')
seq "$pretrainings" | "${command[@]}"
seq "$((pretrainings + 1))" "$parts" | "${command[@]}"
videosim reproduce "$@" --collect
