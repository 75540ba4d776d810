#!/bin/bash
# get-pgvector.sh FOLDER: puts PostgreSQL with pgvector into FOLDER. PostgreSQL is a copy of the one that Debian has
# installed; it finds its files beside its programs. pgvector is Debian 13's source package, on the mirror that apt
# uses already. The script installs nothing, and needs no root.
set -euo pipefail
folder=$(realpath -m "$1")
[ ! -e "$folder" ] || exit 0
version=$(ls /usr/lib/postgresql | sort -V | tail -1)
mkdir -p "$(dirname "$folder")"
state=$(mktemp -d "$folder.XXXXXX") # on the same disk: a move there is atomic
trap 'rm -rf "$state"' EXIT
mkdir -p "$state"/{lists/partial,cache/archives/partial,source,root/usr/lib/postgresql,root/usr/share/postgresql}

# The mirror of this Debian release, from apt's lists.
find_mirror() {
    (. /etc/os-release && apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' | awk -v release="$VERSION_CODENAME" '$2 == release { print $1; exit }')
}
mirror=$(find_mirror)
[ -n "$mirror" ] || { apt-get -qq update && mirror=$(find_mirror); } # a new machine has no lists
[ -n "$mirror" ] || { echo "get-pgvector: apt has no source for this release of Debian, so no mirror is known" >&2; exit 1; }

# apt compares the source with the signed list of Debian 13. Lists and cache for this are in $state.
echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main" > "$state/sources.list"
private_apt() {
    apt-get -qq -o Dir::Etc::sourcelist="$state/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State::lists="$state/lists" \
        -o Dir::Cache="$state/cache" -o APT::Sandbox::User="$(id -un)" "$@"
}
private_apt update
(cd "$state" && private_apt source --download-only pgvector && apt-get -qq -o APT::Sandbox::User="$(id -un)" download "postgresql-server-dev-$version")
tar -xf "$state"/pgvector_*.orig.tar.gz -C "$state/source" --strip-components=1

# The headers are only unpacked: to install them would install clang, too, which Debian needs for with_llvm.
dpkg -x "$state/postgresql-server-dev-${version}"_*.deb "$state/root"
cp -a "/usr/lib/postgresql/$version" "$state/root/usr/lib/postgresql/"
cp -a "/usr/share/postgresql/$version" "$state/root/usr/share/postgresql/"
programs=$state/root/usr/lib/postgresql/$version/bin
make -s -C "$state/source" PG_CONFIG="$programs/pg_config" with_llvm=no OPTFLAGS= all install
mv -T "$state/root" "$folder"
