#!/bin/bash
# use-packages.sh: makes packages of Kernels and Engine. A project outside of this repository restores them from a
# folder and trains samples/Mlp with them.
set -euo pipefail
cd "$(dirname "$0")/.."
repository=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for project in Kernels Engine; do
    dotnet pack -c Release -v quiet -nologo -o "$work/packages" "src/$project/$project.csproj"
done
for package in "$work"/packages/*.nupkg; do
    for file in README.md lib/net10.0/; do
        python3 -c 'import sys, zipfile; sys.exit(not any(name.startswith(sys.argv[2]) for name in zipfile.ZipFile(sys.argv[1]).namelist()))' "$package" $file \
            || { echo "$package lacks $file" >&2; exit 1; }
    done
done

# This folder is the only source of packages. The restored packages go to a folder that no other project uses.
mkdir "$work/mlp"
cd "$work/mlp"
cat > nuget.config << EOF
<configuration>
  <config><add key="globalPackagesFolder" value="$work/restored" /></config>
  <packageSources><clear /><add key="packages" value="$work/packages" /></packageSources>
</configuration>
EOF
cat > Mlp.csproj << EOF
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <OutputType>Exe</OutputType>
    <TargetFramework>net10.0</TargetFramework>
    <ImplicitUsings>enable</ImplicitUsings>
    <Nullable>enable</Nullable>
  </PropertyGroup>
  <ItemGroup><PackageReference Include="VideoSim.Engine" Version="*" /></ItemGroup>
</Project>
EOF
cp "$repository/samples/Mlp/Program.cs" .
dotnet run -c Release | tee output.txt
grep -qE '^accuracy (0\.9|1)' output.txt
echo "samples/Mlp trains on the packages"
