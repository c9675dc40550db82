# SPDX-License-Identifier: Apache-2.0
# fiat-crypto: field arithmetic of curve25519 proven correct, two headers, as carried inside the crate ring.

licence=third_party/fiat/LICENSE

build() {
    install_headers fiat third_party/fiat/curve25519_32.h third_party/fiat/curve25519_64.h
}
