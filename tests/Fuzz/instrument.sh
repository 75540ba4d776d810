#!/bin/bash
# tests/Fuzz/instrument.sh: builds the fuzzer into artifacts/fuzz-instrumented, with assemblies that count their
# branches. Run it there: dotnet artifacts/fuzz-instrumented/VideoSim.Fuzz.dll run
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=artifacts/fuzz-instrumented
rm -rf "$folder"
dotnet build -c Release -v quiet -nologo tests/Fuzz
cp -r tests/Fuzz/bin/Release/net10.0 "$folder"
for name in VideoSim.Engine VideoSim.Models VideoSim.Pretrained.Hdf5 VideoSim.Import.Parquet VideoSim.Search.USearch VideoSim.Server PureHDF Parquet; do
    dotnet sharpfuzz "$folder/$name.dll"
done
