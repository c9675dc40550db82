/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and saving of the folder. */
#include "mixnet/state.h"

#include "files.h"

#include <errno.h>
#include <string.h>

static int folder_error(mix_error *e, const char *folder, const char *name, int error) {
    return mix_error_note(e, MIX_ERR_STATE_FOLDER, "mixnet", error, "%s/%s: %s", folder, name,
                          strerror(error));
}

static int save(const char *folder, const char *name, mix_buf *text, int status, mode_t mode,
                mix_error *e) {
    int error = status == MIX_OK ? host_file_write(folder, name, mix_buf_bytes(text), mode) : 0;
    mix_buf_deinit_wiped(text);
    if (status != MIX_OK)
        return mix_error_note(e, status, "mixnet", 0, "%s: %s", name, mix_error_text(status));
    return error ? folder_error(e, folder, name, error) : MIX_OK;
}

int state_save(const char *folder, const mixnet_network *net, mix_error *e) {
    mix_buf text = {0};
    int status = mixnet_network_write(&text, net);
    return save(folder, "network.json", &text, status, 0644, e);
}

static int make(const char *folder, const mixnet_plan *plan, mixnet_network *out,
                mix_crypto *crypto, const mix_env *env, mix_error *e) {
    mix_buf keys = {0};
    int status = mixnet_network_make(out, plan, crypto, env);
    if (status != MIX_OK)
        return mix_error_note(e, status, "mixnet", 0, "no network can be made: %s",
                              mix_error_text(status));
    status = mixnet_network_write_keys(&keys, out);
    status = save(folder, "keys.json", &keys, status, 0600,
                  e); /* first: a network without keys would be of no use */
    return status == MIX_OK ? state_save(folder, out, e) : status;
}

static int check_plan(const mixnet_network *net, const mixnet_plan *plan, const char *folder,
                      mix_error *e) {
    size_t mixes = 0, gateways = 0, exits = 0;
    for (size_t i = 0; i < net->count; i++) {
        mixes += net->members[i].kind == MIXNET_MIX;
        gateways += net->members[i].kind == MIXNET_GATEWAY;
        exits += net->members[i].kind == MIXNET_EXIT;
    }
    if (mixes == (size_t)plan->mixes_per_layer * MIX_LAYERS && gateways == plan->gateways &&
        exits == plan->exits)
        return MIX_OK;
    return mix_error_note(e, MIX_ERR_NETWORK_FILE, "mixnet", 0,
                          "%s holds a network of %zu mixes, %zu gateways and %zu exits", folder,
                          mixes, gateways, exits);
}

static int read_both(const char *folder, mix_bytes network, mixnet_network *out, mix_crypto *crypto,
                     mix_error *e) {
    mix_buf keys = {0};
    int status = mixnet_network_read(out, network, e);
    int error = status == MIX_OK ? host_file_read(folder, "keys.json", &keys) : 0;
    if (error)
        status = folder_error(e, folder, "keys.json", error);
    if (status == MIX_OK)
        status = mixnet_network_read_keys(out, mix_buf_bytes(&keys), crypto, e);
    mix_buf_deinit_wiped(&keys);
    return status;
}

int state_open(const char *folder, const mixnet_plan *plan, mixnet_network *out, mix_crypto *crypto,
               const mix_env *env, mix_error *e) {
    mix_buf network = {0};
    int error = host_folder_make(folder);
    if (error)
        return folder_error(e, folder, "", error);
    error = host_file_read(folder, "network.json", &network);
    int status;
    if (error == ENOENT)
        status = make(folder, plan, out, crypto, env, e);
    else if (error)
        status = folder_error(e, folder, "network.json", error);
    else
        status = read_both(folder, mix_buf_bytes(&network), out, crypto, e);
    mix_buf_deinit(&network);
    return status == MIX_OK && error == 0 ? check_plan(out, plan, folder, e) : status;
}
