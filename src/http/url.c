/* SPDX-License-Identifier: Apache-2.0 */
/* URLs by libcurl's parser, for those above who follow them. */
#include "http/internal.h"

static int put_part(mix_buf *out, CURLU *u, CURLUPart part, unsigned flags) {
    char *text = NULL;
    if (curl_url_get(u, part, &text, flags) != CURLUE_OK)
        return MIX_ERR_HTTP_URL;
    mix_buf_put_str(out, text);
    curl_free(text);
    return MIX_OK;
}

int mix_http_join(mix_buf *out, const char *base, const char *reference) {
    CURLU *u = curl_url();
    char *fragment = NULL, *scheme = NULL;
    int status = u ? MIX_ERR_HTTP_URL : MIX_ERR_MEMORY;
    if (u && curl_url_set(u, CURLUPART_URL, base, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK) {
        (void)curl_url_get(u, CURLUPART_FRAGMENT, &fragment, 0);
        if (curl_url_set(u, CURLUPART_URL, reference, CURLU_NON_SUPPORT_SCHEME | CURLU_URLENCODE) ==
            CURLUE_OK)
            status = MIX_OK;
    }
    if (status == MIX_OK && fragment &&
        !strchr(reference, '#')) /* Fetch, location URL: it passes on */
        (void)curl_url_set(u, CURLUPART_FRAGMENT, fragment, 0);
    if (status == MIX_OK && curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
        strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
        status = MIX_ERR_HTTP_SCHEME;
    if (status == MIX_OK)
        status = put_part(out, u, CURLUPART_URL, 0);
    curl_free(fragment);
    curl_free(scheme);
    curl_url_cleanup(u);
    return status == MIX_OK ? mix_buf_status(out) : status;
}

int mix_http_origin(mix_buf *out, const char *url) {
    CURLU *u = curl_url();
    int status = u && curl_url_set(u, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK
                     ? MIX_OK
                     : MIX_ERR_HTTP_URL;
    if (status == MIX_OK)
        status = put_part(out, u, CURLUPART_SCHEME, 0);
    mix_buf_put_str(out, "://");
    if (status == MIX_OK)
        status = put_part(out, u, CURLUPART_HOST, 0);
    mix_buf_put_str(out, ":");
    if (status == MIX_OK)
        status = put_part(out, u, CURLUPART_PORT, CURLU_DEFAULT_PORT);
    curl_url_cleanup(u);
    return status == MIX_OK ? mix_buf_status(out) : status;
}
