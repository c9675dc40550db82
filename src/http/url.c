/* SPDX-License-Identifier: Apache-2.0 */
/* URLs by libcurl's parser, for those above who follow them. */
#include "http/internal.h"

int mix_http_url_status(CURLUcode rc) {
    switch (rc) {
    case CURLUE_OK:
        return MIX_OK;
    case CURLUE_OUT_OF_MEMORY:
        return MIX_ERR_MEMORY;
    case CURLUE_UNSUPPORTED_SCHEME:
        return MIX_ERR_HTTP_SCHEME;
    default:
        return MIX_ERR_HTTP_URL;
    }
}

static int put_part(mix_buf *out, CURLU *u, CURLUPart part, unsigned flags) {
    char *text = NULL;
    CURLUcode rc = curl_url_get(u, part, &text, flags);
    if (rc == CURLUE_OK)
        mix_buf_put_str(out, text);
    curl_free(text);
    return mix_http_url_status(rc);
}

static bool is_web(const char *scheme) {
    return strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0;
}

int mix_http_join(mix_buf *out, const char *base, const char *reference) {
    CURLU *u = curl_url();
    char *fragment = NULL, *scheme = NULL;
    CURLUcode rc = u ? curl_url_set(u, CURLUPART_URL, base, 0) : CURLUE_OUT_OF_MEMORY;
    if (rc == CURLUE_OK &&
        (rc = curl_url_get(u, CURLUPART_FRAGMENT, &fragment, 0)) == CURLUE_NO_FRAGMENT)
        rc = CURLUE_OK;
    if (rc == CURLUE_OK)
        rc = curl_url_set(u, CURLUPART_URL, reference, CURLU_NON_SUPPORT_SCHEME | CURLU_URLENCODE);
    if (rc == CURLUE_OK && fragment &&
        !strchr(reference, '#')) /* Fetch, location URL: it passes on */
        rc = curl_url_set(u, CURLUPART_FRAGMENT, fragment, 0);
    if (rc == CURLUE_OK)
        rc = curl_url_get(u, CURLUPART_SCHEME, &scheme, 0);
    int status = mix_http_url_status(rc);
    if (status == MIX_OK && !is_web(scheme))
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
    int status =
        mix_http_url_status(u ? curl_url_set(u, CURLUPART_URL, url, 0) : CURLUE_OUT_OF_MEMORY);
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
