# SPDX-License-Identifier: Apache-2.0
# Mozilla's root certificates as certifi publishes them: the PEM file alone, from which a table is compiled in.

licence=LICENSE

build() {
    install_headers . certifi/cacert.pem # beside no header, but where a build looks
}
