#!/bin/bash
# run-schedulers.sh parallel|slurm: runs examples/parallel or examples/slurm with two models and one fold, and compares
# the results with those of one process. Needs a Release build of src/Cli.
#   parallel needs Debian's parallel. The example is interrupted once and started again.
#   slurm needs root, and Debian's munge, slurmctld, slurmd and slurm-client. It starts a cluster of this machine alone
#   and stops it in the end. Slurm starts one part again while the part trains.
set -euo pipefail
cd "$(dirname "$0")/.."
examples=$PWD/examples
export PATH=$PWD/src/Cli/bin/Release/net10.0:$PATH
options=(--data data --preset micro --models mix uniter --folds 1 --threads 1)
work=$(mktemp -d)
chmod 755 "$work" # munged puts its socket only where all users may look

with_parallel() {
    local run=("$examples/parallel/run.sh" 2 "${options[@]}" --output-dir shared) first
    "${run[@]}" > first.log 2>&1 &
    first=$!
    wait_until 300 test -s shared/mix/pretrain/metrics.jsonl || { cat first.log >&2; return 1; }
    pkill -INT -P $first parallel # as Ctrl-C
    ! wait $first || { echo "the script goes on after an interruption" >&2; return 1; }
    "${run[@]}" 2>&1 | tee second.log
    grep 'mix pretrain: continues from step' second.log
}

with_slurm() {
    trap stop_slurm EXIT
    start_slurm
    "$examples/slurm/submit.sh" "${options[@]}" --output-dir shared
    # The first job of a new cluster is number 1. Its first task trains mix.
    wait_until 300 test -s shared/mix/pretrain/metrics.jsonl
    scontrol requeue 1_1
    wait_until 900 no_jobs
    grep 'mix pretrain: continues from step' slurm-1_1.out
}

start_slurm() {
    local node ports
    node=$(hostname -s)
    read -ra ports < <(python3 -c 'import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(socket.getsockname()[1] for socket in sockets))')
    export SLURM_CONF=$work/slurm.conf
    cat > "$SLURM_CONF" << END
ClusterName=videosim
SlurmctldHost=$node(127.0.0.1)
SlurmctldPort=${ports[0]}
SlurmdPort=${ports[1]}
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
AuthInfo=socket=$work/munge.socket,cred_expire=5
SlurmUser=root
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
NodeName=$node NodeAddr=127.0.0.1 CPUs=2
PartitionName=all Nodes=ALL Default=YES
END
    (umask 077 && head -c 128 /dev/urandom > "$work/munge.key")
    munged --foreground --key-file="$work/munge.key" --socket="$work/munge.socket" --pid-file="$work/munge.pid" --log-file="$work/munge.log" --seed-file="$work/munge.seed" 2> "$work/munged.log" &
    daemons=($!)
    wait_until 30 test -S "$work/munge.socket"
    slurmctld -D -i 2> "$work/slurmctld.log" &
    daemons+=($!)
    slurmd -D 2> "$work/slurmd.log" &
    daemons+=($!)
    wait_until 60 node_is_idle
}

node_is_idle() { [ "$(sinfo --noheader --format=%T 2> /dev/null)" = idle ]; }

no_jobs() { local jobs && jobs=$(squeue --noheader) && [ -z "$jobs" ]; }

# wait_until SECONDS COMMAND...: waits until the command succeeds.
wait_until() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ $SECONDS -lt $end ] || { echo "too long: $*" >&2; return 1; }
        sleep 0.2
    done
}

stop_slurm() {
    local status=$?
    [ $status -eq 0 ] || tail -n 20 "$work"/*.log slurm-*.out >&2
    scancel --quiet --user=root && wait_until 60 no_jobs || true
    kill "${daemons[@]}" || true
    wait
    rm -r "$work"
}

# A part has to train long enough to be stopped meanwhile.
declare -A steps=([parallel]=200 [slurm]=500)
options+=(--set "pretrain.steps=${steps[$1]}" --set "pretrain.evaluate_every=${steps[$1]}")
trap 'rm -r "$work"' EXIT
cd "$work"
videosim data synth --output-dir data --seed 1 --videos 80 --pairs 66 --pair-videos 24 --test-videos 100 --tags 48 --quiet
videosim reproduce "${options[@]}" --output-dir one --quiet > /dev/null
"with_$1"
cmp one/result.zip shared/result.zip
cmp one/summary.json shared/summary.json
echo "$1: result.zip and summary.json have the bytes of one process"
