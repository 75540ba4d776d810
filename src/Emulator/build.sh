#!/bin/bash
# build.sh FOLDER: builds the emulator, and the kernels in FOLDER/units, with g++ into FOLDER.
# The engine's EmulatorBuild generates the units and writes the kernels' sources to FOLDER/kernels: the list of kernels
# is in C#. Every unit is built twice: fast, and with every memory access reported (check). Files that are in FOLDER
# already stay as they are.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$1"

# AVX2 and fused multiply-add, like a GPU: any x86-64 processor from 2013 on.
common=(-std=c++17 -O2 -g -fPIC -march=x86-64-v3 -Wall -Wextra -Werror "-I$here")
unit=("${common[@]}" -fvisibility=hidden -Wno-unknown-pragmas -Ikernels)
check=(-DEMULATOR_CHECK -fsanitize=thread -fsanitize=bounds,alignment)

# Runs a command beside the others, as many as there are cores.
cores=$(nproc) running=()
start() {
    if [ ${#running[@]} -ge "$cores" ]; then
        wait "${running[0]}"
        running=("${running[@]:1}")
    fi
    "$@" &
    running+=($!)
}

driver=()
for source in "$here"/*.cpp; do
    [ "$(basename "$source")" = CublasLt.cpp ] || driver+=("$source")
done
[ -e libcuda.so.1 ] || start g++ "${common[@]}" -shared -pthread -Wl,-soname,libcuda.so.1 -o libcuda.so.1 "${driver[@]}" -ldl
for source in units/*.cpp; do
    name=$(basename "$source" .cpp)
    [ -e "$name.fast.kernels.so" ] || start g++ "${unit[@]}" -c -o "$name.fast.o" "$source"
    [ -e "$name.check.kernels.so" ] || start g++ "${unit[@]}" "${check[@]}" -c -o "$name.check.o" "$source"
done
for process in "${running[@]}"; do
    wait "$process"
done
[ -e libcublasLt.so.12 ] || g++ "${common[@]}" -O3 -shared -Wl,-soname,libcublasLt.so.12 -Wl,-rpath,'$ORIGIN' -o libcublasLt.so.12 "$here/CublasLt.cpp" -L. -l:libcuda.so.1
shopt -s nullglob
for object in *.o; do
    g++ -shared -o "${object%.o}.kernels.so" "$object" -L. -l:libcuda.so.1
    rm "$object"
done
