#!/bin/bash
# get-nvrtc.sh FOLDER: puts NVRTC 12.4 and its disassembler into FOLDER. They come from Debian 13's non-free archive,
# on the mirror that apt uses already. The script unpacks the packages and installs nothing: apt's lists and cache for
# this are in a folder that is deleted at the end. Needs neither root nor a GPU.
set -euo pipefail
folder=$(realpath -m "$1") # apt reads a relative path as one below /etc/apt
mkdir -p "$(dirname "$folder")"
state=$(mktemp -d "$folder.XXXXXX") # on the same disk: a move there is atomic
trap 'rm -rf "$state"' EXIT

private_apt() {
    apt-get -qq -o Dir::Etc::sourcelist="$state/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State::lists="$state/lists" \
        -o Dir::Cache="$state/cache" -o APT::Sandbox::User="$(id -un)" "$@"
}

# Prints the mirror of this Debian release, from apt's lists.
find_mirror() {
    (. /etc/os-release && apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' | awk -v release="$VERSION_CODENAME" '$2 == release { print $1; exit }')
}

# download PACKAGE...: downloads packages into $state.
download() {
    if [ ! -e "$state/sources.list" ]; then
        local mirror
        mirror=$(find_mirror)
        [ -n "$mirror" ] || { apt-get -qq update && mirror=$(find_mirror); } # a new machine has no lists
        [ -n "$mirror" ] || { echo "get-nvrtc: apt has no source for this release of Debian, so no mirror is known" >&2; return 1; }
        mkdir -p "$state"/{lists/partial,cache/archives/partial,unpacked}
        echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie non-free" > "$state/sources.list"
        private_apt update || return 1
    fi
    (cd "$state" && private_apt download "$@")
}

# FOLDER and each file in it appear whole or not at all. A second run never finds half of one.
if [ ! -e "$folder/libnvrtc.so.12" ]; then
    download libnvrtc12 libnvrtc-builtins12.4
    for package in "$state"/*.deb; do dpkg -x "$package" "$state/unpacked"; done
    mv -T "$state/unpacked/usr/lib/x86_64-linux-gnu" "$folder"
fi

# nvdisasm is one program of a package of 87 MB. Tests of machine code need it. They are skipped without it, so a
# failure here is no error.
if [ ! -e "$folder/nvdisasm" ]; then
    download nvidia-cuda-toolkit && dpkg-deb --fsys-tarfile "$state"/nvidia-cuda-toolkit_*.deb | tar -x -C "$state/unpacked" ./usr/bin/nvdisasm &&
        mv "$state/unpacked/usr/bin/nvdisasm" "$folder/" || echo "get-nvrtc: nvdisasm could not be downloaded; tests of machine code will be skipped" >&2
fi
