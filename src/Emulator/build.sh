#!/bin/bash
# build.sh FOLDER [OPTION...]: builds the emulator, and the kernels in FOLDER/units, with g++ into FOLDER.
# The engine's EmulatorBuild generates the units and writes the kernels' sources to FOLDER/kernels: the list of kernels
# is in C#. OPTIONs are options of g++ for the kernels. Every unit is built twice: fast, and with every memory access
# reported (check). Files that are in FOLDER already stay as they are.
# Prints the number of sources that it compiles, then the name of each one when it is done.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$1"
shift
shopt -s nullglob

# AVX2 and fused multiply-add, like a GPU: any x86-64 processor from 2013 on.
common=(-std=c++17 -O2 -g -fPIC -march=x86-64-v3 -Wall -Wextra "-I$here")
own=("${common[@]}" -Werror)
unit=("${common[@]}" -fmax-errors=5 -fvisibility=hidden -Wno-unknown-pragmas -Ikernels "$@")
check=(-DEMULATOR_CHECK -fsanitize=thread -fsanitize=bounds,alignment)
link=(g++ -shared -Wl,--no-undefined)

# Runs a command beside the others, as many as there are cores.
cores=$(nproc) running=0
start() {
    [ $running -lt "$cores" ] || finish_one
    "$@" &
    running=$((running + 1))
}
finish_one() { wait -n && running=$((running - 1)); }
finish() { while [ $running -gt 0 ]; do finish_one; done; }

compile_own() { g++ "${own[@]}" -c -o "$(basename "$1" .cpp).own.o" "$1" && basename "$1"; }

# The check build has the same errors: they are shown only if the fast build has none.
compile_unit() {
    local name fast status=0
    name=$(basename "$1" .cpp)
    g++ "${unit[@]}" -c -o "$name.fast.o" "$1" 2> "$name.fast.log" &
    fast=$!
    g++ "${unit[@]}" "${check[@]}" -c -o "$name.check.o" "$1" 2> "$name.check.log" || status=1
    wait $fast || status=2
    case $status in 1) cat "$name.check.log" ;; 2) cat "$name.fast.log" ;; esac >&2
    [ $status -eq 0 ] && basename "$1"
}

driver=() units=()
[ -e libcuda.so.1 ] || driver=($(ls -S "$here"/*.cpp | grep -v CublasLt.cpp))
for source in $(ls -S units/*.cpp); do # the largest first, so no processor waits for the last one
    name=$(basename "$source" .cpp)
    [ -e "$name.fast.kernels.so" ] && [ -e "$name.check.kernels.so" ] || units+=("$source")
done
echo $((${#driver[@]} + ${#units[@]}))
for source in "${driver[@]}"; do start compile_own "$source"; done
for source in "${units[@]}"; do start compile_unit "$source"; done
finish

[ -e libcuda.so.1 ] || "${link[@]}" -pthread -Wl,-soname,libcuda.so.1 -o libcuda.so.1 ./*.own.o -ldl
[ -e libcublasLt.so.12 ] || g++ "${own[@]}" -O3 -shared -Wl,-soname,libcublasLt.so.12 -Wl,-rpath,'$ORIGIN' -o libcublasLt.so.12 "$here/CublasLt.cpp" -L. -l:libcuda.so.1
rm -f ./*.own.o ./*.log
for object in *.o; do start "${link[@]}" -o "${object%.o}.kernels.so" "$object" -L. -l:libcuda.so.1; done
finish
rm -f ./*.o
