#!/bin/bash
# follow-write-a-kernel.sh: does what docs/write-a-kernel.md says, in a copy of the tree, and compares what it says comes out. Needs g++ and
# NVRTC (VIDEOSIM_CUDA_PATH); what needs gdb is skipped, with a message, where gdb is missing or may not start programs. No network.
#
# Blocks of the page: "cuda FILE" and "csharp FILE" are the contents of a file, "diff" is applied, of "console" each line that begins with "$ "
# is run. The lines below it are its output, both streams together, with a line "..." for any lines and "…" for any text; blanks count once.
set -euo pipefail
repository=$(cd "$(dirname "$0")/.." && pwd)
page=$repository/docs/write-a-kernel.md work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/tree" "$work/steps"
(cd "$repository" && git ls-files -z | xargs -0 cp --parents -t "$work/tree")
cd "$work/tree"
export XDG_CACHE_HOME=${XDG_CACHE_HOME:-$work/cache} DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 LC_ALL=C.UTF-8

videosim() { dotnet run -c Release --no-build --project src/Cli -- "$@"; }

# Everything the page asks for, as files in order: NNN.KIND; of a command NNN.expected holds its output and NNN.needs what it needs.
awk -v steps="$work/steps" '
    function file(ending) { return sprintf("%s/%03d.%s", steps, step, ending) }
    /^```/ && !inside { inside = 1; kind = substr($1, 4); rest = $2; step++; if (kind == "cuda" || kind == "csharp") print rest > file("write"); next }
    /^```$/ { inside = 0; next }
    !inside { next }
    kind == "cuda" || kind == "csharp" { print > file("write") }
    kind == "diff" { print > file("diff") }
    kind == "console" && heredoc { print > file("command"); if ($0 == heredoc) heredoc = ""; next }
    kind == "console" && /^\$ / {
        step++
        print substr($0, 3) > file("command")
        printf "" > file("expected")
        print rest > file("needs")
        if (match($0, /<<[A-Z]+/)) heredoc = substr($0, RSTART + 2, RLENGTH - 2)
        next
    }
    kind == "console" { print > file("expected") }
' "$page"

# Blanks and rules of tables once: their lengths follow the times in them. gdb warns if the kernel cache has an older
# build of the same source: that line is dropped.
squeeze() { sed -E '/^warning: Source file is more recent than executable\.$/d; s/[ \t]+/ /g; s/-{3,}/---/g; s/ $//' "$1"; }

# A shell pattern that the output has to fit.
pattern() { squeeze "$1" | sed -E 's/[][\\*?()|+@!]/\\&/g; s/…/*/g; s/^\.\.\.$/*/'; }

has_gdb() { command -v gdb > /dev/null && gdb -batch -ex run true 2>&1 | grep -q 'exited normally'; }

for path in "$work"/steps/*.{write,diff,command}; do echo "$path"; done | sort | while read -r path; do
    step=${path%.*}
    case $path in
    *.write)
        file=$(head -1 "$path")
        mkdir -p "$(dirname "$file")"
        tail -n +2 "$path" > "$file"
        ;;
    *.diff) git apply --recount "$path" ;;
    *.command)
        if [ "$(cat "$step.needs")" = needs=gdb ] && ! has_gdb; then
            echo "skipped, gdb is missing or may not start programs: $(head -1 "$path")"
            continue
        fi
        echo "\$ $(head -1 "$path")"
        # A command that fails is as good as what it says: that is compared.
        (eval "$(cat "$path")") > "$step.actual" 2>&1 || true
        if ! [[ $(squeeze "$step.actual") == $(pattern "$step.expected") ]]; then
            echo "docs/write-a-kernel.md says that this comes out:"; cat "$step.expected"
            echo "but it is:"; cat "$step.actual"
            exit 1
        fi
        ;;
    esac
done
echo "docs/write-a-kernel.md does what it says"
