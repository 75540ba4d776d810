#!/bin/bash
# run.sh: installs videosim in the three ways of docs/install.md and runs it: as a .NET tool in an empty home, from the
# archives, and by the steps of the Dockerfile in a root folder of Debian. Needs root, strace and mmdebstrap.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

release/packages "$work/packages"
mkdir "$work/home" "$work/elsewhere"
cat > "$work/nuget.config" << END
<configuration><packageSources><clear /><add key="packages" value="$work/packages" /></packageSources></configuration>
END
(cd "$work/elsewhere" && HOME=$work/home dotnet tool install --tool-path "$work/tool" --configfile "$work/nuget.config" VideoSim)
tool=$work/tool/videosim
(cd "$work/elsewhere" && HOME=$work/home "$tool" reproduce --preset micro --quiet && [ -s reproduction/result.zip ])
"$tool" --version
python3 tests/install/start.py "$tool"
# The package for all other systems has the same program, which "dotnet" runs.
python3 -m zipfile -e "$work"/packages/VideoSim.any.*.nupkg "$work/any"
dotnet "$work/any/tools/net10.0/any/videosim.dll" inspect --model mix --preset micro > /dev/null

release/archives artifacts/release
python3 tests/install/archives.py artifacts/release
python3 tests/install/dockerfile.py Dockerfile "$work/root"
