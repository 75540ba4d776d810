#!/bin/bash
# use-packages.sh: makes packages of Kernels, Engine and Models. Projects outside of this repository restore them from
# a folder, train samples/Mlp and run samples/Tokens with them.
set -euo pipefail
cd "$(dirname "$0")/.."
repository=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for project in Kernels Engine Models; do
    dotnet pack -c Release -v quiet -nologo -o "$work/packages" "src/$project/$project.csproj"
done
for package in "$work"/packages/*.nupkg; do
    for file in README.md lib/net10.0/; do
        python3 -c 'import sys, zipfile; sys.exit(not any(name.startswith(sys.argv[2]) for name in zipfile.ZipFile(sys.argv[1]).namelist()))' "$package" $file \
            || { echo "$package lacks $file" >&2; exit 1; }
    done
done

# This folder is the only source of packages. The restored packages go to a folder that no other project uses. The
# packages that Models needs come from where the build of this repository has restored them.
others=$(dotnet nuget locals global-packages --list)
cat > "$work/nuget.config" << EOF
<configuration>
  <config><add key="globalPackagesFolder" value="$work/restored" /></config>
  <packageSources><clear /><add key="packages" value="$work/packages" /></packageSources>
  <fallbackPackageFolders><clear /><add key="others" value="${others#*: }" /></fallbackPackageFolders>
</configuration>
EOF

# project NAME PACKAGE: goes to a new project of the sample NAME that refers to one package
project() {
    mkdir "$work/$1"
    cd "$work/$1"
    cp "$repository/samples/$1/Program.cs" .
    cat > "$1.csproj" << EOF
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <OutputType>Exe</OutputType>
    <TargetFramework>net10.0</TargetFramework>
    <ImplicitUsings>enable</ImplicitUsings>
    <Nullable>enable</Nullable>
  </PropertyGroup>
  <ItemGroup><PackageReference Include="$2" Version="*" /></ItemGroup>
</Project>
EOF
}

project Mlp VideoSim.Engine
dotnet run -c Release | tee output.txt
grep -qE '^accuracy (0\.9|1)' output.txt
echo "samples/Mlp trains on the packages"

project Tokens VideoSim.Models
dotnet run -c Release -- "$repository/tests/Golden/tokenizer/vocab.txt" '五杀👍🏻' | tee output.txt
[ "$(paste -sd' ' output.txt)" = "五 杀 👍 ##🏻 2086 2088 2038 2057 五 杀 👍 🏻 2086 2088 2038 2056" ]
echo "samples/Tokens runs on the packages"
