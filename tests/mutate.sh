#!/bin/bash
# mutate.sh [--sample | --self-test] [--seed N] [SLOT...]: finds out whether the tests notice wrong lines. Changes one line of src at a
# time in a clone of HEAD below artifacts/mutate, builds it and runs the tests that belong to the line, then all others.
# Stopped and started again, it goes on. At the end it prints each change that no test noticed; it fails if there is one
# whose reason is not in tests/mutate.equivalent.
# A slot is the name of a change, as the output gives it: only these are judged. Another seed draws other lines.
# --sample judges 5 of the changes, others every day. --self-test tests the program itself, in seconds.
# Takes hours for all changes. Needs what .ci/run needs; the working tree is not touched.
set -euo pipefail
cd "$(dirname "$0")/.."
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_CLI_UI_LANGUAGE=en LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1
if [ "${1:-}" = --self-test ]; then
    exec python3 -m unittest discover -s tests/mutate
fi
exec python3 tests/mutate/mutate.py "$@"
