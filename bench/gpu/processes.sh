# Processes of bench/gpu/run, which sources this file. Each process has a time limit. Its results are kept, and the log
# names each failure. Variables that it needs: raw, the folder of results; out, the folder of the archive; log; work;
# pace, which multiplies all limits; part_end, the end of the part in SECONDS.

longest=300000 longest_other=2000000 # most bytes of one text file, and of one other file
most=16000000                        # most bytes of the archive
no_time=250                          # returned by "one" if no time is left; no program returns it
failed=0 child= sanitized=

exec 3>&1 # a trap may run while the output of a command goes to a file
say() { echo "$(date -u +%H:%M:%S) $*" | tee -a "$log" >&3; }
fail() { say "FAILED: $*"; failed=1; }

# Writes OUT/results.tgz, which is complete at every moment. Long files are cut in the middle. If the archive is still too
# large, the largest files are left out.
keep() {
    local file
    while IFS= read -r file; do
        { head -c $((longest / 2)) "$file"; printf '\n... cut ...\n'; tail -c $((longest / 2)) "$file"; } > "$work/cut" && mv "$work/cut" "$file"
    done < <(find "$raw" -type f \( -name '*.txt' -size +${longest}c -o -size +${longest_other}c \))
    while tar -C "$raw" -czf "$work/results.tgz" . && [ "$(stat -c %s "$work/results.tgz")" -gt $most ]; do
        file=$(find "$raw" -type f -printf '%s %p\n' | sort -n | tail -n 1 | cut -d ' ' -f 2-)
        rm "$file"
        fail "$(basename "$file") is left out: the archive would have more than $most bytes"
    done
    cp "$log" "$out/log.txt" && cp "$work/results.tgz" "$out/results.tgz.new" && mv "$out/results.tgz.new" "$out/results.tgz" && return
    rm -f "$out/results.tgz.new"
    fail "results.tgz cannot be written to $out"
}

# A process that gets a signal to stop has 5 seconds to write its results.
finish() {
    local i
    if [ -n "$child" ]; then
        kill "$child" 2> /dev/null
        for ((i = 0; i < 50; i++)); do kill -0 "$child" 2> /dev/null && sleep 0.1; done
        kill -KILL "$child" 2> /dev/null
    fi
    [ -z "${logger:-}" ] || kill "$logger" 2> /dev/null
    keep
    rm -rf "$work"
}

# background COMMAND...: runs a command and returns its exit code. A signal interrupts the wait.
background() {
    local code
    "$@" 3>&- &
    child=$!
    wait $child
    code=$? child=
    return $code
}

left() { echo $((part_end - SECONDS)); }
errors_of() { echo "${1%.*}.err.txt"; }

# Prints why a process failed: the line of its output that names the reason, or the last line.
reason_in() {
    local line
    line=$(cat "$(errors_of "$1")" "$1" 2> /dev/null | grep -a -m 1 -E 'failed with|was not found|Exception|\[FAIL\]')
    [ -n "$line" ] || line=$(tail -n 1 "$(errors_of "$1")" 2> /dev/null)
    echo "${line:0:400}"
}

# one NAME SECONDS FILE COMMAND...: runs one process. Its output goes to FILE, its errors to a file beside it. Returns the
# exit code, or $no_time. "accepted" is an exit code other than 0 that is no failure.
one() {
    local name=$1 limit=$(($2 * pace)) file=$raw/$3 errors=$(errors_of "$raw/$3") code time=$(left); shift 3
    if [ "$time" -lt 3 ]; then
        say "$name: not measured, the time of the part is over"
        return $no_time
    fi
    [ "$time" -lt "$limit" ] || time=$limit
    background timeout -k 5 "$time" "$@" > "$file" 2> "$errors"
    code=$?
    [ -s "$errors" ] || rm "$errors"
    case $code in
    0 | "${accepted:-0}") ;;
    124 | 137) fail "$name: stopped after $time s" ;;
    *) fail "$name: exit code $code: $(reason_in "$file")" ;;
    esac
    keep
    return $code
}

# culprit FILE COMMAND...: names the kernel of a CUDA error in FILE. CUDA reports an error at a later call, so the command
# runs again and waits for each launch. Then the kernel runs alone. If compute-sanitizer is installed and a minute is
# left, the kernel also runs under it, once.
culprit() {
    local file=$1 entry again; shift
    [ -n "$(error_in "$file")" ] || return
    entry=$(kernel_in "$file") again=$file
    if [ -z "$entry" ] || [ ! -e "$raw/alone-$entry.txt" ]; then
        again=$raw/$(basename "${file%.*}")-again.txt
        CUDA_LAUNCH_BLOCKING=1 one "again, every launch waited for" 60 "$(basename "$again")" "$@"
        [ -n "$(kernel_in "$again")" ] || again=$file
        entry=$(kernel_in "$again")
    fi
    say "CULPRIT: ${entry:-not known}: $(error_in "$again")"
    [ -n "$entry" ] && [ "$entry" != matmul ] && [ ! -e "$raw/alone-$entry.txt" ] || return
    CUDA_LAUNCH_BLOCKING=1 videosim "$entry alone" 40 "alone-$entry.txt" kernels check "$entry" --device cuda
    [ -z "$sanitized" ] && command -v compute-sanitizer > /dev/null && [ "$(left)" -ge 60 ] || return
    sanitized=1
    one "compute-sanitizer on $entry" 60 "sanitizer-$entry.txt" compute-sanitizer --tool memcheck "$work/videosim" kernels check "$entry" --device cuda
}

# Prints the first CUDA error in a file or in the file of its errors, and the kernel that it names.
error_in() { cat "$(errors_of "$1")" "$1" 2> /dev/null | grep -a -o -m 1 -E '[A-Za-z_0-9]+ failed with [0-9]+ .*' | head -c 1500; }
kernel_in() { error_in "$1" | sed -n 's/.*last kernel \([a-z0-9_]*\).*/\1/p'; }

videosim() { one "$1" "$2" "$3" "$work/videosim" "${@:4}"; }
