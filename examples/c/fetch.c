/* SPDX-License-Identifier: Apache-2.0 */
/* Fetches a URL through the mixnet.
 *     cc fetch.c host.c $(pkg-config --cflags --libs lwmix libwebsockets) -o fetch
 *     ./fetch https://example.com/                             through the public network
 *     ./fetch http://site.example/ http://127.0.0.1:8000/api/  through one on this machine */
#include "host.h"

#include <mix/fetch.h>
#include <stdio.h>

typedef struct job {
    const char *url;
    uint32_t request;
    mix_failure failure;
} job;

static void print_body(mix_tunnel *t, uint32_t request) {
    uint8_t piece[4096];
    size_t len;
    while (mix_tunnel_fetch_read(t, request, piece, sizeof piece, &len, host_now()) == MIX_OK && len > 0)
        fwrite(piece, 1, len, stdout);
}

static bool on_event(mix_tunnel *t, const mix_tunnel_event *ev, void *user) {
    job *j = user;
    if (ev->kind == MIX_TUNNEL_EVENT_STATE) {
        fprintf(stderr, "%s\n", mix_tunnel_state_name(ev->state));
        if (ev->state == MIX_TUNNEL_READY && j->request == 0)
            j->failure.code = mix_tunnel_fetch(t, &j->request, &(mix_request){.url = j->url}, host_now());
        if (ev->state == MIX_TUNNEL_FAILED)
            j->failure = ev->failure;
        return j->failure.code == MIX_OK;
    }
    if (ev->kind != MIX_TUNNEL_EVENT_FETCH)
        return true;
    print_body(t, ev->id);
    if (ev->what != MIX_FETCH_WHAT_FINISHED)
        return true;
    j->failure = ev->failure;
    return false;
}

int main(int argc, char **argv) {
    job j = {.url = argv[1]};
    host h = {.event = on_event, .user = &j, .config = {.forget = true}};
    if (argc < 2)
        return 2;
    if (argc > 2) { /* a network of one's own */
        h.address = "127.0.0.1";
        h.config.directories = (const char *const *)argv + 2;
        h.config.directory_count = 1;
        h.config.plain_gateway = true;
    }
    int status = host_run(&h, &j.failure);
    if (status != MIX_OK)
        j.failure.code = status;
    if (j.failure.code != MIX_OK)
        fprintf(stderr, "%s: %s\n", mix_error_text(j.failure.code), j.failure.words);
    return j.failure.code != MIX_OK;
}
