#!/bin/bash
# get-nvrtc.sh FOLDER: puts NVRTC 12.4 and its disassembler into FOLDER, from Debian 13's non-free archive on the mirror that apt uses already.
# The packages are only unpacked and apt keeps its state for this in a folder of its own: nothing is installed. Needs root or not, no GPU.
set -euo pipefail
folder=$(realpath -m "$1") # apt takes a relative name as one below /etc/apt
mkdir -p "$(dirname "$folder")"
state=$(mktemp -d "$folder.XXXXXX") # on the same disk, so that what is moved is there at once
trap 'rm -rf "$state"' EXIT

private_apt() {
    apt-get -qq -o Dir::Etc::sourcelist="$state/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State::lists="$state/lists" \
        -o Dir::Cache="$state/cache" -o APT::Sandbox::User="$(id -un)" "$@"
}

# The mirror of this release, as apt's lists name it.
find_mirror() {
    (. /etc/os-release && apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' | awk -v release="$VERSION_CODENAME" '$2 == release { print $1; exit }')
}

# download PACKAGE...: into $state.
download() {
    if [ ! -e "$state/sources.list" ]; then
        local mirror
        mirror=$(find_mirror)
        [ -n "$mirror" ] || { apt-get -qq update && mirror=$(find_mirror); } # a new machine has no lists yet
        [ -n "$mirror" ] || { echo "get-nvrtc: apt has no source for this release of Debian, so there is no mirror to ask" >&2; return 1; }
        mkdir -p "$state"/{lists/partial,cache/archives/partial,unpacked}
        echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie non-free" > "$state/sources.list"
        private_apt update || return 1
    fi
    (cd "$state" && private_apt download "$@")
}

# Whole or not at all: a second run must not find half a folder, or half a file.
if [ ! -e "$folder/libnvrtc.so.12" ]; then
    download libnvrtc12 libnvrtc-builtins12.4
    for package in "$state"/*.deb; do dpkg -x "$package" "$state/unpacked"; done
    mv -T "$state/unpacked/usr/lib/x86_64-linux-gnu" "$folder"
fi

# One program out of 87 MB, for the tests that read machine code. They are skipped where it is missing, so that it may be.
if [ ! -e "$folder/nvdisasm" ]; then
    download nvidia-cuda-toolkit && dpkg-deb --fsys-tarfile "$state"/nvidia-cuda-toolkit_*.deb | tar -x -C "$state/unpacked" ./usr/bin/nvdisasm &&
        mv "$state/unpacked/usr/bin/nvdisasm" "$folder/" || echo "get-nvrtc: there is no nvdisasm, tests of machine code will be skipped" >&2
fi
