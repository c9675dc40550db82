#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Downloads parts, checks their SHA-256 and prints where each file is: fetch.sh NAME...
#
# A file once fetched stays in the cache under its sum and is checked again before it is used, so a second run needs
# no network. Set LWMIX_NO_UPSTREAM=1 to go straight to the fallbacks.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

DL=$CACHE/dl
REASONS=          # why each place of the current part did not do, for the one line at the end
UPSTREAM_DOWN=${LWMIX_NO_UPSTREAM:-} # one failure to connect is enough for a run: the fallbacks come first from then on

reason() {
    REASONS="$REASONS${REASONS:+; }$1"
}

sum_of() {
    sha256sum "$1" | cut -d' ' -f1
}

# get URL FILE: 0 done, 1 refused by the server, 2 no connection
get() {
    local rc=0
    curl -fsSL --connect-timeout 5 --speed-limit 1000 --speed-time 20 -o "$2" "$1" 2>/dev/null || rc=$?
    case $rc in
    0) return 0 ;;
    5 | 6 | 7 | 28 | 35 | 56) return 2 ;;
    *) return 1 ;;
    esac
}

host_of() {
    echo "$1" | sed -E 's,^[a-z+]+://([^/:]+).*,\1,'
}

# get_or_say URL FILE: the same, and notes the reason
get_or_say() {
    local rc=0
    get "$1" "$2" || rc=$?
    case $rc in
    1) reason "$(host_of "$1") does not have it" ;;
    2) reason "no connection to $(host_of "$1")" ;;
    esac
    return $rc
}

from_url() { # NAME VERSION LOCATION SUM OUT
    local rc=0
    get_or_say "$3" "$5" || rc=$?
    [ $rc != 2 ] || UPSTREAM_DOWN=1
    return $rc
}

# Where the registry that cargo is told to use in place of crates.io serves downloads, if there is one.
crate_mirror() {
    local f=${CARGO_HOME:-$HOME/.cargo}/config.toml name index
    [ -r "$f" ] || f=${f%.toml}
    [ -r "$f" ] || return 1
    name=$(sed -nE '/^\[source\.crates-io\]/,/^\[/s/^ *replace-with *= *"([^"]+)".*/\1/p' "$f" | head -1)
    [ -n "$name" ] || return 1
    index=$(sed -nE "/^\[(source|registries)\.\"?$name\"?\]/,/^\[/s/^ *(registry|index) *= *\"sparse\+([^\"]+)\".*/\2/p" "$f" | head -1)
    [ -n "$index" ] || return 1
    curl -fsSL --connect-timeout 5 -m 20 "${index%/}/config.json" 2>/dev/null | sed -nE 's/.*"dl" *: *"([^"]+)".*/\1/p'
}

from_crate() {
    local dl
    if get_or_say "https://static.crates.io/crates/$3/$3-$2.crate" "$5"; then return; fi
    dl=$(crate_mirror) && [ -n "$dl" ] || return 1
    case $dl in
    *"{crate}"*) dl=${dl//"{crate}"/$3} dl=${dl//"{version}"/$2} dl=${dl//"{sha256-checksum}"/$4} ;;
    *) dl=${dl%/}/$3/$2/download ;;
    esac
    get_or_say "$dl" "$5"
}

from_pypi() {
    local index page link
    index=${PIP_INDEX_URL:-$(pip config get global.index-url 2>/dev/null || true)}
    index=${index:-https://pypi.org/simple} index=${index%/}
    page=$(mktemp)
    get_or_say "$index/$3/" "$page" || { rm -f "$page"; return 1; }
    link=$(grep -oE 'href="[^"#]*' "$page" | cut -c7- | grep -E "/$3-$2\.tar\.gz\$" | head -1 || true)
    rm -f "$page"
    [ -n "$link" ] || { reason "$(host_of "$index") does not have $3 $2"; return 1; }
    case $link in
    *://*) ;;
    /*) link=$(echo "$index" | sed -E 's,^([a-z]+://[^/]+).*,\1,')$link ;;
    *) link=$index/$3/$link ;;
    esac
    get_or_say "$link" "$5"
}

# A private view of Debian's source archive of suite trixie, made from the first stanza that the machine is configured
# with: nothing on the system changes and no root is needed. Sets APT.
apt_view() {
    local a=$CACHE/apt code
    command -v apt-get >/dev/null || return 1
    mkdir -p "$a/lists/partial" "$a/cache/archives/partial"
    code=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    [ -s "$a/view.sources" ] || [ -s "$a/view.list" ] || write_view "$a" "$code"
    APT=(-o Dir::Etc::SourceParts=/dev/null -o "Dir::State::Lists=$a/lists" -o "Dir::Cache=$a/cache" -o Acquire::Retries=1
        -o Acquire::http::Timeout=15 -o Acquire::https::Timeout=15)
    [ "$(id -u)" != 0 ] || APT+=(-o APT::Sandbox::User=root)
    if [ -s "$a/view.sources" ]; then
        APT+=(-o "Dir::Etc::SourceList=$a/view.sources")
    elif [ -s "$a/view.list" ]; then
        APT+=(-o "Dir::Etc::SourceList=$a/view.list")
    else
        return 1
    fi
    [ -n "$(find "$a/updated" -mtime -1 2>/dev/null)" ] && return
    # apt-get update only warns about an archive that it cannot reach
    apt-get "${APT[@]}" -o APT::Update::Error-Mode=any update -qq >"$a/log" 2>&1 && touch "$a/updated"
}

write_view() { # FOLDER CODENAME: both styles of sources are known, deb822 and one line
    awk -v code="$2" 'BEGIN { RS = ""; FS = "\n" }
        !done && $0 ~ "(^|\n)Suites:[^\n]*" code "([ \n]|$)" && /(^|\n)Types:[^\n]*deb/ {
            for (i = 1; i <= NF; i++) {
                if ($i ~ /^#/ || $i ~ /^Architectures:/) continue
                if ($i ~ /^Types:/) print "Types: deb-src"
                else if ($i ~ /^Suites:/) print "Suites: trixie"
                else print $i
            }
            done = 1
        }' /etc/apt/sources.list.d/*.sources >"$1/view.sources" 2>/dev/null || true
    [ ! -s "$1/view.sources" ] || return 0
    rm -f "$1/view.sources"
    { cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null || true; } | awk -v code="$2" '!done && $1 == "deb" {
        opts = ""
        if (match($0, /\[[^]]*\]/)) {
            opts = substr($0, RSTART + 1, RLENGTH - 2)
            sub(/\[[^]]*\]/, "")
            gsub(/arch=[^ ]*/, "", opts)
            gsub(/^ +| +$/, "", opts)
            if (opts != "") opts = "[" opts "] "
        }
        if ($3 == code) {
            print "deb-src " opts $2 " trixie main"
            done = 1
        }
    }' >"$1/view.list"
}

from_debian() {
    local line uri file empty
    exec 8>"$CACHE/apt.lock"
    flock 8
    if ! apt_view; then
        reason "Debian's source archive cannot be reached"
        return 1
    fi
    empty=$(mktemp -d) # in an empty folder, or apt takes what lies around for part of the answer
    line=$(cd "$empty" && apt-get "${APT[@]}" source --print-uris "$3" 2>/dev/null | grep -E "\.orig\.tar\.[a-z0-9]+ " | head -1 || true)
    rmdir "$empty"
    uri=$(echo "$line" | cut -d"'" -f2) file=$(echo "$line" | awk '{ print $2 }')
    if [ -z "$uri" ]; then
        rm -f "$CACHE/apt/updated"
        reason "Debian trixie has no source package $3"
        return 1
    fi
    case $file in
    *"$2"*) ;;
    *) reason "Debian trixie has moved on to $file"; return 1 ;;
    esac
    /usr/lib/apt/apt-helper "${APT[@]}" download-file "$uri" "$5" >/dev/null 2>&1 && [ -s "$5" ] ||
        { reason "Debian's archive did not give $file"; return 1; }
}

# One line of the list: fetch, check, keep.
try_line() { # NAME VERSION KIND SUM LOCATION
    local out=$DL/$4.part$$ got
    rm -f "$out"
    if ! "from_$3" "$1" "$2" "$5" "$4" "$out"; then
        rm -f "$out"
        return 1
    fi
    got=$(sum_of "$out")
    if [ "$got" != "$4" ]; then
        rm -f "$out"
        reason "wrong SHA-256 from $3 $5: got $got, parts.list says $4"
        return 1
    fi
    mv "$out" "$DL/$4"
    say "$1 $2 fetched from $3 $5 (SHA-256 ${4:0:8}… as listed)"
}

in_cache() { # NAME: prints the file
    local sum
    for sum in $(part_lines "$1" | awk '{ print $4 }'); do
        [ -e "$DL/$sum" ] || continue
        if [ "$(sum_of "$DL/$sum")" = "$sum" ]; then
            echo "$DL/$sum"
            return
        fi
        say "$DL/$sum is damaged, it is fetched again"
        rm -f "$DL/$sum"
    done
    return 1
}

fetch() {
    local name=$1 version later= n v kind sum location
    version=$(part_version "$name")
    in_cache "$name" && return
    need curl
    REASONS=
    while read -r n v kind sum location <&3; do
        case $kind in
        url)
            if [ -n "$UPSTREAM_DOWN" ]; then
                later="$later$n $v $kind $sum $location"$'\n'
                continue
            fi
            ;;
        debian | crate | pypi) ;;
        *) die "parts.list: $n has an unknown kind '$kind'" ;;
        esac
        if try_line "$n" "$v" "$kind" "$sum" "$location"; then
            echo "$DL/$sum"
            return
        fi
    done 3< <(part_lines "$name")
    while read -r n v kind sum location <&3; do # those that were passed over are the last hope
        if try_line "$n" "$v" "$kind" "$sum" "$location"; then
            echo "$DL/$sum"
            return
        fi
    done 3< <(printf %s "$later")
    case $REASONS in
    *"wrong SHA-256"*) die "$name $version: $REASONS. Nothing was kept; check the source before you change parts.list" ;;
    esac
    die "$name $version cannot be had ($REASONS). Check the network and proxy, or put the archive at $DL/$(part_lines "$name" | awk '{ print $4; exit }')"
}

[ $# -gt 0 ] || die "usage: fetch.sh NAME..., one or more of: $(part_names | tr '\n' ' ')"
mkdir -p "$DL" 2>/dev/null || die "cannot write $DL: set XDG_CACHE_HOME to a folder of yours"
for name; do fetch "$name"; done
