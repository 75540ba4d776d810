#!/bin/bash
# get-nvrtc.sh FOLDER: puts NVRTC 12.4 into FOLDER, from Debian 13's non-free archive on the mirror that apt uses already.
# The packages are only unpacked and apt keeps its state for this in a folder of its own: nothing is installed. Needs root or not, no GPU.
set -euo pipefail
folder=$1
[ -e "$folder/libnvrtc.so.12" ] && exit 0
. /etc/os-release
mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' | awk -v release="$VERSION_CODENAME" '$2 == release { print $1; exit }')
[ -n "$mirror" ] || { echo "get-nvrtc: apt has no source for $VERSION_CODENAME, so there is no mirror to ask" >&2; exit 1; }

state=$(mktemp -d)
trap 'rm -rf "$state"' EXIT
mkdir -p "$state"/{lists/partial,cache/archives/partial,unpacked}
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie non-free" > "$state/sources.list"
private_apt() {
    apt-get -qq -o Dir::Etc::sourcelist="$state/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State::lists="$state/lists" \
        -o Dir::Cache="$state/cache" -o APT::Sandbox::User="$(id -un)" "$@"
}
private_apt update
(cd "$state" && private_apt download libnvrtc12 libnvrtc-builtins12.4)
for package in "$state"/*.deb; do dpkg -x "$package" "$state/unpacked"; done

# Whole or not at all: a second run must not find half a folder.
mkdir -p "$(dirname "$folder")"
mv -T "$state/unpacked/usr/lib/x86_64-linux-gnu" "$folder"
