#!/bin/bash
# mutate.sh [--sample | --self-test] [--seed N] [SLOT...]: finds out whether the tests notice wrong lines.
# Changes one line of src at a time in a clone of HEAD below artifacts/mutate. Builds the clone and runs the tests that
# belong to the line, then all other tests. The working tree does not change.
# At the end it prints each change that no test noticed. It fails if tests/mutate.equivalent has no reason for one of
# them.
# A stopped run continues when it is started again. All changes take hours.
# SLOT is the name of a change in the output: only the named changes are judged. Another seed draws other lines.
# --sample judges one change, another one every day. It takes for granted that the tests pass without it.
# --self-test tests the program itself and takes seconds.
# Needs the same programs as .ci/run.
set -euo pipefail
cd "$(dirname "$0")/.."
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_CLI_UI_LANGUAGE=en LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1
if [ "${1:-}" = --self-test ]; then
    exec python3 -m unittest discover -s tests/mutate
fi
exec python3 tests/mutate/mutate.py "$@"
