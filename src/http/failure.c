/* SPDX-License-Identifier: Apache-2.0 */
/* libcurl's results as our errors: where one of the layers below knows better what happened, its
 * word counts. */
#include "http/internal.h"

#include "sockets/sockets.h"

static int of_certificate(const exchange *x, int64_t *number) {
    long verify = 0;
    (void)curl_easy_getinfo(x->easy, CURLINFO_SSL_VERIFYRESULT, &verify);
    *number = verify;
    /* libcurl compares names itself, when the chain was found good; 1 is what stands there before
     * any judgement. */
    return verify > 1 ? mix_tls_verify_status(verify) : MIX_ERR_TLS_NAME;
}

/* The connection's own word, if it is still there: one that several requests share is not closed
 * for the failure of one. */
static int of_socket(const mix_http *h, const exchange *x, int otherwise) {
    curl_socket_t fd = CURL_SOCKET_BAD;
    int status = MIX_OK;
    if (curl_easy_getinfo(x->easy, CURLINFO_ACTIVESOCKET, &fd) == CURLE_OK && fd != CURL_SOCKET_BAD)
        status = mix_sockets_status(fd);
    if (status == MIX_OK || status == MIX_ERR_ARGUMENT)
        status = x->opened ? x->socket_status : h->socket_status;
    return status != MIX_OK ? status : otherwise;
}

/* What libcurl refuses to read has the code of what it could not read; its words tell. */
static int of_words(const mix_http *h, const exchange *x, int otherwise) {
    static const struct {
        const char *begin;
        int code;
    } rows[] = {
        {"Too large response headers", MIX_ERR_HTTP_TOO_LARGE},
        {"Too many response headers", MIX_ERR_HTTP_TOO_LARGE},
        {"chunk hex-length", MIX_ERR_HTTP_PROTOCOL},
        {"nghttp2 ", MIX_ERR_HTTP_PROTOCOL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strncmp(x->words, rows[i].begin, strlen(rows[i].begin)) == 0)
            return rows[i].code;
    return of_socket(h, x, otherwise);
}

static int code_of(const mix_http *h, const exchange *x, CURLcode rc, int64_t *number) {
    switch (rc) {
    case CURLE_OK:
        return MIX_OK;
    case CURLE_OUT_OF_MEMORY:
        return MIX_ERR_MEMORY;
    case CURLE_COULDNT_RESOLVE_HOST:
        return MIX_ERR_DNS_NOT_FOUND;
    case CURLE_COULDNT_CONNECT:
        return of_socket(h, x, MIX_ERR_TCP_UNREACHABLE);
    case CURLE_OPERATION_TIMEDOUT:
        return of_socket(h, x,
                         MIX_ERR_HTTP_CONNECT_TIMEOUT); /* the only one that libcurl keeps for us */
    case CURLE_PEER_FAILED_VERIFICATION:
        return of_certificate(x, number);
    case CURLE_SSL_CONNECT_ERROR:
        return of_socket(h, x, MIX_ERR_TLS_HANDSHAKE);
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
        return of_words(h, x, MIX_ERR_HTTP_CUT);
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
        return of_socket(h, x, MIX_ERR_HTTP_CUT);
    case CURLE_HTTP2: /* without a word about what is wrong: the connection has ended */
        return x->words[0] ? MIX_ERR_HTTP_PROTOCOL : of_socket(h, x, MIX_ERR_HTTP_CUT);
    case CURLE_BAD_CONTENT_ENCODING:
        return MIX_ERR_HTTP_ENCODING;
    case CURLE_SEND_FAIL_REWIND:
        return MIX_ERR_HTTP_REWIND;
    case CURLE_TOO_LARGE:
        return MIX_ERR_HTTP_TOO_LARGE;
    case CURLE_URL_MALFORMAT:
        return MIX_ERR_HTTP_URL;
    default:
        return MIX_ERR_HTTP_PROTOCOL;
    }
}

void mix_http_note_failure(mix_http *h, exchange *x, CURLcode rc) {
    int64_t number = (int64_t)rc;
    int code = code_of(h, x, rc, &number);
    if (code == MIX_OK || x->failure.code != MIX_OK)
        return;
    mix_error_note(&x->failure, code, "http", number, "%s",
                   code == MIX_ERR_TCP_MOVED ? mix_error_text(code)
                   : x->words[0]             ? x->words
                                             : curl_easy_strerror(rc));
}
