/* SPDX-License-Identifier: Apache-2.0 */
/* What lwmix fetch tells: headers as they were, a line of JSON a request, why one failed, how far
 * it is. */
#include "fetch.h"

#include "base/text.h"
#include "env.h"
#include "report.h"

#include <string.h>

static const char *version_text(int version) {
    return version == 20 ? "2" : version == 10 ? "1.0" : "1.1";
}

void fetch_report_heads(mix_buf *out, const transfer *t) {
    const mix_tunnel *tunnel = client_tunnel(t->fetch->client);
    mix_response r;
    mix_header h;
    char line[64];
    if (mix_tunnel_fetch_response(tunnel, t->id, &r) != MIX_OK)
        return;
    snprintf(line, sizeof line, "HTTP/%s %d ", version_text(r.version), r.status);
    mix_buf_put_str(out, line);
    mix_buf_put_str(out, r.reason);
    for (size_t i = 0; mix_tunnel_fetch_header(tunnel, t->id, i, &h); i++) {
        mix_buf_put_str(out, "\r\n");
        mix_buf_put_str(out, h.name);
        mix_buf_put_str(out, ": ");
        mix_buf_put_str(out, h.value);
    }
    mix_buf_put_str(out, "\r\n\r\n");
}

void fetch_report_verbose(const transfer *t) {
    mix_buf heads = {0};
    fetch_report_heads(&heads, t);
    for (size_t i = 0, start = 0; i + 1 < heads.len; i++) {
        if (heads.data[i] != '\r' && heads.data[i] != '\n')
            heads.data[i] = (uint8_t)client_clean((char)heads.data[i]);
        if (heads.data[i] != '\r' || heads.data[i + 1] != '\n')
            continue;
        fprintf(stderr, "< %.*s\n", (int)(i - start), (const char *)heads.data + start);
        start = i + 2;
    }
    mix_buf_deinit(&heads);
}

/* ---- JSON ---- */

static void put_response(yyjson_mut_doc *doc, yyjson_mut_val *root, const transfer *t) {
    const mix_tunnel *tunnel = client_tunnel(t->fetch->client);
    yyjson_mut_val *headers = yyjson_mut_arr(doc);
    mix_response r;
    mix_header h;
    if (!t->running || mix_tunnel_fetch_response(tunnel, t->id, &r) != MIX_OK)
        return;
    (void)yyjson_mut_obj_add_int(doc, root, "status", r.status);
    report_put(doc, root, "reason", r.reason);
    report_put(doc, root, "version", version_text(r.version));
    report_put(doc, root, "final_url", r.url);
    (void)yyjson_mut_obj_add_bool(doc, root, "redirected", r.redirected);
    for (size_t i = 0; mix_tunnel_fetch_header(tunnel, t->id, i, &h); i++) {
        yyjson_mut_val *pair = yyjson_mut_arr(doc);
        (void)yyjson_mut_arr_append(pair, report_text(doc, h.name));
        (void)yyjson_mut_arr_append(pair, report_text(doc, h.value));
        (void)yyjson_mut_arr_append(headers, pair);
    }
    (void)yyjson_mut_obj_add_val(doc, root, "headers", headers);
}

static void put_ms(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name, mix_time at) {
    if (at >= 0)
        (void)yyjson_mut_obj_add_real(doc, object, name, (double)at / 1000);
    else
        (void)yyjson_mut_obj_add_null(doc, object, name);
}

static void put_timing(yyjson_mut_doc *doc, yyjson_mut_val *root, const transfer *t) {
    mix_fetch_timing times;
    mix_tunnel_stats s;
    yyjson_mut_val *ms = yyjson_mut_obj(doc);
    mix_tunnel_get_stats(client_tunnel(t->fetch->client), &s);
    put_ms(doc, ms, "setup", s.setup > 0 ? s.setup : -1);
    if (t->running &&
        mix_tunnel_fetch_timing(client_tunnel(t->fetch->client), t->id, &times) == MIX_OK) {
        (void)yyjson_mut_obj_add_uint(doc, root, "received", times.received);
        (void)yyjson_mut_obj_add_uint(doc, root, "uploaded", times.uploaded);
        (void)yyjson_mut_obj_add_bool(doc, root, "reused", times.reused);
        put_ms(doc, ms, "started", times.started);
        put_ms(doc, ms, "resolved", times.resolved);
        put_ms(doc, ms, "connected", times.connected);
        put_ms(doc, ms, "secured", times.secured);
        put_ms(doc, ms, "sent", times.sent);
        put_ms(doc, ms, "first_byte", times.first_byte);
        put_ms(doc, ms, "finished", times.finished);
    }
    (void)yyjson_mut_obj_add_val(doc, root, "ms", ms);
}

static void put_digest(yyjson_mut_doc *doc, yyjson_mut_val *root, const transfer *t) {
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    mix_buf hex = {0};
    if (!t->responded || !t->digest || EVP_DigestFinal_ex(t->digest, digest, &len) != 1)
        return;
    (void)mix_hex_encode(&hex, mix_bytes_of(digest, len));
    mix_buf_put_zeros(&hex, 1);
    if (mix_buf_status(&hex) == MIX_OK)
        report_put(doc, root, "sha256", (const char *)hex.data);
    mix_buf_deinit(&hex);
}

static void put_error(yyjson_mut_doc *doc, yyjson_mut_val *root, const transfer *t, int status) {
    if (!t->local[0] && !t->refused) {
        report_put_failure(doc, root, &t->failure);
        return;
    }
    yyjson_mut_val *error = yyjson_mut_obj(doc);
    report_put(doc, error, "code", t->refused ? "HTTP_STATUS" : "FILE");
    report_put(doc, error, "words", t->refused ? "the server answered with an error" : t->local);
    (void)yyjson_mut_obj_add_int(doc, error, "number", t->refused);
    (void)yyjson_mut_obj_add_int(doc, error, "exit_status", status);
    (void)yyjson_mut_obj_add_val(doc, root, "error", error);
}

static bool print_json(const transfer *t, int status) {
    yyjson_mut_doc *doc = report_new();
    yyjson_mut_val *root = yyjson_mut_doc_get_root(doc);
    report_put(doc, root, "url", t->url);
    put_response(doc, root, t);
    (void)yyjson_mut_obj_add_uint(doc, root, "bytes", t->received);
    put_digest(doc, root, t);
    if (t->path[0])
        report_put(doc, root, "file", status && t->part[0] ? t->part : t->path);
    put_timing(doc, root, t);
    put_error(doc, root, t, status);
    return report_print(doc, "fetch");
}

/* ---- the end of one ---- */

int fetch_report_end(const transfer *t) {
    const char *about = t->fetch->count > 1 ? t->url : NULL;
    mix_failure why = t->failure;
    int status = 0;
    fetch_report_clear(t->fetch);
    if (t->local[0]) {
        status = CLIENT_EXIT_STORAGE;
        fprintf(stderr, "lwmix fetch: %s%s%s\n", about ? about : "", about ? ": " : "", t->local);
    } else if (t->refused) {
        status = CLIENT_EXIT_HTTP;
        fprintf(stderr, "lwmix fetch: %s%sthe server answered %d\n", about ? about : "",
                about ? ": " : "", t->refused);
    } else if (why.code != MIX_OK) {
        size_t len = strlen(why.words);
        if (t->part[0] && t->received > 0)
            snprintf(why.words + len, sizeof why.words - len, "%swhat came is in %s",
                     len ? "; " : "", t->part);
        status = client_complain("fetch", about, &why);
    }
    if (t->fetch->o.json && !print_json(t, status) && status == 0)
        status = CLIENT_EXIT_STORAGE;
    return status;
}

void fetch_report_unstarted(fetch *f, const mix_failure *why) {
    for (size_t i = 0; i < f->count; i++) {
        f->transfers[i].failure = *why;
        (void)print_json(&f->transfers[i], client_exit_status(why->code));
    }
}

/* ---- the progress line ---- */

static void put_size(char out[static 24], double bytes) {
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    size_t unit = 0;
    while (bytes >= 1000 && unit < sizeof units / sizeof *units - 1) {
        bytes /= 1000;
        unit++;
    }
    snprintf(out, 24, unit && bytes < 100 ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
}

void fetch_report_clear(const fetch *f) {
    if (!f->shows_progress)
        return;
    fprintf(stderr, "\r\033[K");
    fflush(stderr);
}

void fetch_report_progress(const fetch *f) {
    char got[24], of[24], rate[24], sent[24], part[64] = "", up[64] = "";
    uint64_t received = 0, expected = 0, uploaded = 0;
    bool known = true;
    for (size_t i = 0; i < f->count; i++) {
        const transfer *t = &f->transfers[i];
        received += t->received;
        uploaded += t->uploaded;
        known &= t->expected >= 0;
        expected += t->expected > 0 ? (uint64_t)t->expected : 0;
    }
    double seconds = (double)(host_now() - f->started) / 1e6;
    put_size(got, (double)received);
    put_size(of, (double)expected);
    put_size(sent, (double)uploaded);
    put_size(rate, seconds > 0 ? (double)(received + uploaded) / seconds : 0);
    if (known && expected > 0)
        snprintf(part, sizeof part, " of %s, %.0f %%", of,
                 100 * (double)received / (double)expected);
    if (uploaded > 0)
        snprintf(up, sizeof up, "sent %s, ", sent);
    fprintf(stderr, "\r\033[K%s%s%s, %s/s", up, got, part, rate);
    if (f->count > 1)
        fprintf(stderr, ", %zu of %zu done", f->over, f->count);
    fflush(stderr);
}
