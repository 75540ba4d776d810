#!/bin/bash
# faults.sh WHAT [OPTIONS]: disturbs the commands that write files. WHAT is
#   calls  every call fails once with which a command saves its result, the command is killed there, the disk is full
#   kills  200 kills at random moments, spread over all commands
#   cuda   faults of a CUDA device, planted in the emulator, during a training
# After each fault: one line on stderr that begins with "error: " and names the output, and exit code 1. Every file and
# folder is as before, or the new one. The same command again ends with the bytes of an undisturbed run, and no
# temporary file is left. Prints a table on stdout and what is wrong on stderr.
# Needs a Release build, g++, strace, util-linux, and the right to mount: root, or a system whose users may have
# namespaces of their own. All its processes and mounts end with it.
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] && root=() || root=(--map-root-user)
folder=$(mktemp -d -t videosim-faults-XXXXXX)
unshare "${root[@]}" --mount --pid --fork --kill-child --mount-proc python3 tests/faults "$@" --folder "$folder" &
process=$!
trap 'kill -KILL $process 2> /dev/null || true; rmdir "$folder"' EXIT # unshare itself ignores SIGTERM
trap 'exit 130' INT TERM HUP
wait $process
