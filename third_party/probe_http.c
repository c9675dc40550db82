/* SPDX-License-Identifier: Apache-2.0 */
/* Checks what libcurl and c-ares were built with; linked natively against empty stubs of the socket seam by test.sh. */
#include <ares.h>
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

static int bad;

static void check(const char *what, int holds) {
    if (!holds) {
        printf("not so: %s\n", what);
        bad = 1;
    }
}

int main(void) {
    const curl_version_info_data *v = curl_version_info(CURLVERSION_NOW);
    const long wanted = CURL_VERSION_SSL | CURL_VERSION_LIBZ | CURL_VERSION_HTTP2 | CURL_VERSION_BROTLI |
                        CURL_VERSION_ZSTD | CURL_VERSION_IPV6;
    const long unwanted = CURL_VERSION_ASYNCHDNS | CURL_VERSION_NTLM | CURL_VERSION_PSL | CURL_VERSION_UNIX_SOCKETS |
                          CURL_VERSION_ALTSVC | CURL_VERSION_HSTS;
    char protocols[100] = "";

    check("TLS, gzip, HTTP/2, br, zstd and IPv6 are in libcurl", (v->features & wanted) == wanted);
    check("no resolver, NTLM, PSL, local sockets, Alt-Svc or HSTS is in libcurl", (v->features & unwanted) == 0);
    for (const char *const *p = v->protocols; *p; p++) {
        strcat(protocols, *p);
        strcat(protocols, " ");
    }
    check("libcurl speaks http and ws alone", strcmp(protocols, "http https ws wss ") == 0);
    check("libcurl's TLS is ours", strcmp(v->ssl_version, "OpenSSL/3.5.7") == 0);
    check("c-ares runs in one thread", ares_threadsafety() == ARES_FALSE);
    if (!bad)
        puts("all there");
    return bad;
}
