# Commands of the shell in which tests/pages/follow.py runs the blocks of a page.

# "dotnet run -c Release --project PROJECT" starts the build of .ci/run, or the page's own build. Other commands are
# those of the real dotnet.
dotnet() {
    if ! [[ $* =~ ^run\ -c\ Release\ (--no-build\ )?--project\ (src/Cli|samples/[A-Za-z]+|bench/Cpu\.Bench)(\ |$) ]]; then
        command dotnet "$@"
        return
    fi
    local project=${BASH_REMATCH[2]} name root program
    shift $((${#BASH_REMATCH[1]} > 0 ? 6 : 5))
    [ "${1:-}" != -- ] || shift
    name=VideoSim.${project#*/}
    [ "$project" != src/Cli ] || name=videosim
    for root in "$PAGE_TREE" "$PAGE_BUILT"; do
        program=$root/$project/bin/Release/net10.0/$name.dll
        if [ -e "$program" ]; then
            command dotnet "$program" "$@"
            return
        fi
    done
    echo "$project is not built" >&2
    return 1
}

videosim() { dotnet run -c Release --project src/Cli -- "$@"; }

export -f dotnet videosim
