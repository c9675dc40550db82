# SPDX-License-Identifier: Apache-2.0
# The front door. `make demo` shows it, `make test` proves it; `make help` lists the rest.
.DEFAULT_GOAL := help
SHELL := /bin/bash
MAKEFLAGS += --no-print-directory
JOBS ?= $(shell nproc)
# Where tools/node.sh puts a newer Node.js than Debian's; not there where the one on PATH is new enough.
export PATH := $(shell tools/node.sh --path):$(PATH)

PARTS := openssl blake3 yyjson fiat lwip certifi zlib brotli zstd nghttp2 c-ares curl
NATIVE_PARTS := libwebsockets libslirp
WASM_PARTS := openssl-client
SETUP := build net
STARTED := $(shell date +%s%3N)

.PHONY: help packages docs dist dist-check examples conformance conformance-deps demo browser-deps e2e-deps soak deps build wasm asan fuzz-build test vectors bench bench-browser fuzz check install format clean distclean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# What the longer ones need beyond that is installed with the rest, at the start: minutes later nobody may be there to type a password.
demo: SETUP += browser
test: SETUP += browser firefox e2e conformance
test-firefox: SETUP += browser firefox e2e
soak examples bench-browser: SETUP += browser e2e
conformance: SETUP += conformance

deps: ## install missing Debian packages, fetch and build third parties (quiet when all is there)
	@tools/setup.sh $(SETUP)
	@third_party/build.sh native $(PARTS) $(NATIVE_PARTS)
	@third_party/build.sh wasm $(PARTS) $(WASM_PARTS)

# Configures once per preset; ninja itself sees changed build files. Quiet but for how far it is.
define compile
@[ -f build/$(1)/build.ninja ] || { mkdir -p build && cmake --preset $(1) > build/$(1).log 2>&1; } || { cat build/$(1).log >&2; exit 1; }
@set -o pipefail; cmake --build --preset $(1) -j $(JOBS) $(if $(2),--target $(2)) 2>&1 | node tools/progress.mjs $(1) build/$(1).log || { grep -A 12 -m 3 FAILED build/$(1).log >&2 || tail -n 20 build/$(1).log >&2; echo "the rest is in build/$(1).log" >&2; exit 1; }
endef

build: deps ## native release: libraries, programs and build/lwmix
	$(call compile,native)

wasm: deps ## the WASM module and the tests as WASM
	$(call compile,wasm)

# The npm packages that package-lock.json of a folder names.
define npm_ci
@[ $(1)/node_modules/.package-lock.json -nt $(1)/package-lock.json ] || (echo "npm: $(2)" && cd $(1) && npm ci --no-audit --no-fund --loglevel=error > /dev/null)
endef

# Only what changed since the stamp that a whole build leaves is a reason to build again.
define build_packages
$(call npm_ci,packages,what the packages are built with)
@[ -z "$$(for p in mix-tunnel mix-fetch mix-dns mix-websocket; do [ -f packages/$$p/dist/LICENSE ] || echo $$p; done)" ] && \
	[ -z "$$(find packages/*.json packages/*.mjs packages/*/*.json packages/*/*.mjs packages/*/src build/wasm/lwmix.wasm build/third_party/wasm include/mix/errors.h hosts/wasm/abi.h tools/error-table.mjs tools/wasm-abi.mjs tools/licences.mjs LICENSE -newer build/packages.stamp 2>&1 | head -1)" ] || \
	{ echo "build: packages" && node packages/build.mjs; }
endef

packages: wasm ## the npm packages, into packages/*/dist
	$(build_packages)

asan: deps ## native with AddressSanitizer and UndefinedBehaviorSanitizer
	$(call compile,asan)

fuzz-build: deps
	$(call compile,fuzz)

# What drives Chromium: npm packages at fixed versions.
browser-deps:
	@tools/setup.sh browser
	$(call npm_ci,e2e,what the tests in browsers need)

# What the tests of whole processes need besides.
e2e-deps: browser-deps
	@tools/setup.sh e2e
	$(call npm_ci,examples,what the examples are built with)

# The fuzzing server of the Autobahn test suite, in build/conformance.
conformance-deps:
	@tools/setup.sh conformance
	@node --input-type=module -e "import { installFuzzer } from './e2e/autobahn.mjs'; installFuzzer()"

examples: packages e2e-deps ## what examples/ need: bundlers, and the packages as they are packed
	@node --input-type=module -e "import { pack, unpackInto } from './e2e/packing.mjs'; unpackInto('examples', pack('build'))"

define build_page
$(call npm_ci,playground,what the playground is built with)
@[ -f build/playground/lwmix.wasm ] && [ -z "$$(find playground/*.* playground/src packages/*/dist -newer build/playground.stamp 2>&1 | head -1)" ] || \
	{ echo "build: playground" && node playground/build.mjs && touch build/playground.stamp; }
endef

.PHONY: playground playground-page
playground: deps ## a page that shows the tunnel at work, on a mixnet of its own, at http://127.0.0.1:8480/
	$(call compile,native,lwmix)
	$(call compile,wasm,lwmix_wasm)
	$(build_packages)
	$(build_page)
	@build/lwmix playground

playground-page: packages
	$(build_page)

demo: deps browser-deps ## a mixnet on this machine, and a page fetched through it, natively and in Chromium
	$(call compile,native,lwmix)
	$(call compile,wasm,lwmix_wasm)
	$(build_packages)
	@DEMO_STARTED=$(STARTED) node e2e/demo.mjs

soak: build e2e-deps ## the npm peer through the mixnet, 20 runs; our client against bad servers and networks, 5 runs; limits of minutes
	@node e2e/peer.mjs 20
	@node e2e/patience.mjs
	@for i in 1 2 3 4 5; do node e2e/hostile.test.mjs && node e2e/sites.test.mjs && node e2e/faults.test.mjs || exit 1; done

check: build packages ## layers, symbols, imports, sizes, licence lines
	@node tools/check.mjs

test: build wasm asan fuzz-build e2e-deps conformance-deps packages playground-page dist ## everything: checks, tests on three targets, 5 s a fuzz target
	@node tools/test.mjs --checks --suites --fuzz 5 native asan wasm

.PHONY: test-firefox test-nodes
test-firefox: build e2e-deps packages ## what `make test` runs in Chromium, in Firefox (some minutes)
	@BROWSER=firefox node e2e/packages.test.mjs && BROWSER=firefox node e2e/tunnel.test.mjs

test-nodes: build e2e-deps packages ## the packages in several versions of Node (NODES="20.0.0 20 22 24"), fetched by npm
	@node e2e/nodes.mjs $(or $(NODES),20.0.0 20 22 24)

vectors: build wasm asan ## only the vectors made by the original's code, on three targets
	@node tools/test.mjs --vectors native asan wasm

conformance: build conformance-deps ## src/websocket against the Autobahn test suite and the npm package ws
	$(call npm_ci,e2e,what the tests in browsers need)
	@node e2e/conformance.mjs

bench: build wasm ## tables of figures, native and WASM; JSON=1 for one object a line
	@node tools/bench.mjs

bench-browser: build e2e-deps packages ## the npm peer and ours in one Chromium: medians, ratios (ROUNDS, BENCH=row,row, JSON=1)
	@node bench/browser.mjs

fuzz: fuzz-build ## 60 s a fuzz target (FUZZ=seconds)
	@node tools/test.mjs --fuzz $(or $(FUZZ),60)

docs: packages ## the API reference of C and JavaScript, into build/docs
	@node tools/api-docs.mjs

# By sudo it copies and no more: what is built, and the cache of third parties, are the user's.
install: $(if $(SUDO_USER),,build) ## command, library, headers, man pages; PREFIX (/usr/local) and DESTDIR as usual
	@[ -f build/native/liblwmix.a ] || { echo "install: nothing is built here yet: make build, without sudo, comes first" >&2; exit 1; }
	@DESTDIR="$(DESTDIR)" cmake --install build/native --strip --prefix "$(or $(PREFIX),/usr/local)" > build/install.log || { cat build/install.log >&2; echo "install: if $(DESTDIR)$(or $(PREFIX),/usr/local) is not yours to write: sudo make install, or PREFIX=$$HOME/.local" >&2; exit 1; }
	@$(if $(SUDO_USER),chown --reference=build build/install.log build/native/install_manifest.txt)
	@echo "installed below $(DESTDIR)$(or $(PREFIX),/usr/local): bin/lwmix, lib/liblwmix.a, include/mix, lib/pkgconfig/lwmix.pc, share/man, share/doc/lwmix"

# Builds no more than goes into them.
dist: deps ## release files into build/dist: npm, source, static command, Debian packages, SBOM
	$(call compile,native,lwmix lwmix-static lwmix_archive)
	$(call compile,wasm,lwmix_wasm)
	$(build_packages)
	$(build_page)
	@node tools/dist.mjs

dist-check: ## two builds of the last commit in different folders give the same release files (some minutes)
	@node tools/dist-check.mjs

format: ## clang-format over our C
	@git ls-files '*.c' '*.h' | xargs clang-format-19 -i

clean: ## remove what was built here (the cache of third parties stays)
	@rm -rf build/native build/asan build/fuzz build/wasm build/*.log

distclean: clean ## and the links to third parties
	@rm -rf build
