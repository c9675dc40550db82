# SPDX-License-Identifier: Apache-2.0
# What fetch.sh and build.sh share: where things are, how the list is read, how to fail in one line. Sourced.

THIRD=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
LIST=$THIRD/parts.list
CACHE=${XDG_CACHE_HOME:-${HOME:?HOME is not set: the cache of built parts lives below it}/.cache}/lwmix

die() {
    echo "third_party: $*" >&2
    exit 1
}

say() {
    echo "third_party: $*" >&2
}

# The list's lines of one part, without comments.
part_lines() {
    awk -v n="$1" '$1 == n' "$LIST"
}

part_names() {
    awk '!/^#/ && NF && !seen[$1]++ { print $1 }' "$LIST"
}

part_version() {
    local v
    v=$(awk -v n="$1" '$1 == n { print $2; exit }' "$LIST")
    [ -n "$v" ] || die "no part is called '$1': third_party/parts.list has $(part_names | tr '\n' ' ')"
    echo "$v"
}

need() {
    command -v "$1" >/dev/null 2>&1 || die "$1 is missing: run tools/setup.sh ${2:-build}"
}
