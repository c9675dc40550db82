/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the stored value of the directory: what is read is written again to the same bytes,
 * and an engine that was given them offers what it says or asks anew. */
#include "directory/wire_stored.h"
#include "directory_testing.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ASKED = 1 + 8 + 8 }; /* where the digest of the URLs is */
static const char *const urls[] = {"https://one.test/api/"};

static void must(bool holds) {
    if (!holds)
        abort();
}

static void read_and_write(mix_bytes in, int64_t *fetched) {
    mix_stored s;
    mix_error e = {0};
    mix_buf out = {0};
    int status = mix_stored_decode(&s, in, &e);
    must(status == e.code);
    if (status != MIX_OK)
        return;
    must(mix_stored_encode(&out, &s) == MIX_OK);
    must(mix_bytes_equal(mix_buf_bytes(&out), in));
    *fetched = s.fetched;
    mix_buf_deinit(&out);
    mix_stored_deinit(&s);
}

static void begin(mix_bytes in, int64_t wall) {
    const mix_directory_config c = {.urls = urls, .url_count = 1, .stored = in, .stores = true};
    mix_test_env env;
    mix_directory *d = NULL;
    mix_directory_event ev;
    mix_directory_call call;
    mix_entry entries[4];
    mix_exit exits[4];
    size_t count = 0;
    mix_test_env_init(&env, 1);
    env.wall = wall;
    must(mix_directory_new(&d, &c, &env.env, 0) == MIX_OK);
    bool taken = mix_directory_drain(d, &call, 0) == MIX_DONE;
    must(taken == mix_directory_is_stored(d));
    if (taken) {
        must(mix_directory_next(d, &ev) == MIX_OK && ev.kind == MIX_DIRECTORY_TOPOLOGY);
        must(mix_directory_entries(d, entries, 4, &count, NULL, 0) == MIX_OK && count > 0);
        must(mix_directory_exits(d, NULL, exits, 4, &count, NULL, 0) == MIX_OK && count > 0);
        must(mix_directory_offers(d, &exits[0].address));
        must(mix_topology_check(ev.topology, exits[0].address.gateway) == MIX_OK);
        (void)mix_rotation_stuck(mix_directory_rotation(d), ev.topology->epoch_id,
                                 ev.topology->refreshed_at);
        must(mix_directory_deadline(d) > 0);
    }
    mix_directory_free(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mix_bytes in = mix_bytes_of(data, size);
    int64_t fetched = 0;
    read_and_write(in, &fetched);
    uint8_t *copy = malloc(size + 1); /* with the right digest, which none would guess */
    memcpy(copy, data, size);
    if (size >= ASKED + MIX_KEY_LEN)
        must(mix_stored_digest(copy + ASKED, (char *const *)urls, 1) == MIX_OK);
    begin(mix_bytes_of(copy, size),
          fetched >= 0 && fetched < INT64_MAX - 1000 ? fetched + 1000 : 0);
    free(copy);
    return 0;
}
