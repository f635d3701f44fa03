#!/bin/sh
# Makes a base for the box image from Debian (or Ubuntu) packages, for machines that cannot reach an image registry.
# usage: debian-base.sh OUT.tar [SUITE [PACKAGE...]]
# As root; uses the package sources this machine is set up with. Another suite of the same distribution, for its Python, comes
# from the same places. More packages: what a benchmark's peers need and a box must not have, like a shell.
set -eu
out=$1
. /etc/os-release
suite=${2:-$VERSION_CODENAME}
shift; [ $# = 0 ] || shift
include=base-files,python3,tzdata,libc-bin,libstdc++6  # libc-bin has the locale; wheels may count on the last one
for package in "$@"; do include=$include,$package; done
command -v apt-get >/dev/null || { echo "debian-base.sh: this is no Debian or Ubuntu machine" >&2; exit 3; }
if ! command -v mmdebstrap >/dev/null; then
    echo "installing mmdebstrap" >&2
    apt-get update -qq >&2
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends mmdebstrap >&2
fi
# Only sources of the distribution itself: a vendor's extra repository may not have this suite.
sources=
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
    if [ -f "$file" ] && grep -qE "^[^#]*\b${VERSION_CODENAME}\b" "$file" && grep -qE '^[^#]*\bmain\b' "$file"; then
        copy=$(mktemp "${TMPDIR:-/tmp}/codebudget-XXXXXX.${file##*.}")
        sed "s/\\b${VERSION_CODENAME}\\b/$suite/g" "$file" >"$copy"
        sources="$sources $copy"
    fi
done
trap 'rm -f $sources' EXIT
# "extract" unpacks the packages and runs none of their scripts: all a box needs is files.
# shellcheck disable=SC2086
mmdebstrap --quiet --variant=extract --include="$include" "$suite" "$out" $sources
