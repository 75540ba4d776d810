#!/bin/bash
# starts-alone.sh ARCHIVE: starts the program of a videosim.tar.xz in a root folder that contains only the program and
# the files of libc6, libgcc-s1 and libstdc++6. Needs Debian's dpkg and permission to make namespaces.
set -euo pipefail
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
# Links first, since /lib is a link to usr/lib.
for link in /bin /lib /lib64; do
    [ -L $link ] && mkdir -p "$root/$(readlink $link)" && ln -s "$(readlink $link)" "$root$link"
done
dpkg -L libc6 libgcc-s1 libstdc++6 | while read -r path; do
    if [ -f "$path" ] || [ -L "$path" ]; then
        mkdir -p "$root$(dirname "$path")" && cp -an "$path" "$root$path"
    fi
done
mkdir -p "$root/tmp" "$root/proc"
tar -C "$root" -xJf "$1" videosim
# .NET reads /proc. It is mounted in a namespace that ends with the command.
inside() { unshare --map-root-user --mount --pid --fork sh -c 'mount -t proc proc "$0/proc" && exec chroot "$0" /videosim "$@"' "$root" "$@"; }
inside --help > /dev/null
inside devices
inside inspect --model mix --preset micro > /dev/null
echo "videosim starts with only libc6, libgcc-s1 and libstdc++6"
