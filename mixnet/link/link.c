/* SPDX-License-Identifier: Apache-2.0 */
/* Cutting frames out of what TCP gives, in bounded memory: at most a frame that is not whole yet,
 * with Noise also a message that is not, and the message before it. */
#include "mixnet/link/link.h"

#include "base/alloc.h"
#include "base/queue.h"
#include "mixnet/link/noise.h"
#include "mixnet/link/wire.h"

#include <assert.h>

enum { NOISE_ROOM = MIXNET_NOISE_MESSAGE_MAX - MIXNET_NOISE_TAG };

struct mixnet_link {
    bool connects, secured;
    int status; /* MIX_OK, or why it is broken */
    mix_crypto *crypto;
    mixnet_noise noise;
    mix_time deadline; /* of the handshake */
    mix_queue waiting; /* frames to be sent */
    mix_buf sealed;    /* a Noise message, not whole yet */
    mix_buf plain;     /* the frame given last, and what follows it */
    size_t given;      /* bytes of that frame in plain */
    mixnet_link_stats *stats, own;
};

int mixnet_link_new(mixnet_link **out, const mixnet_link_config *config, mix_crypto *crypto,
                    const mix_env *env, mix_time now) {
    mixnet_link *l = mix_alloc_zero(1, sizeof *l);
    if (!l)
        return MIX_ERR_MEMORY;
    l->connects = config->connects;
    l->secured = config->noise != NULL;
    l->crypto = crypto;
    l->stats = config->stats ? config->stats : &l->own;
    l->deadline = l->secured ? now + MIX_MS(MIXNET_LINK_HANDSHAKE_MS) : MIX_NEVER;
    mix_queue_init(&l->waiting, MIXNET_LINK_QUEUE, MIXNET_LINK_QUEUE_BYTES);
    int status = MIX_OK;
    if (l->secured)
        status = mixnet_noise_init(&l->noise, crypto, env, config->noise->secret,
                                   l->connects ? config->noise->peer : NULL);
    if (status == MIX_OK)
        *out = l;
    else
        mixnet_link_free(l);
    return status;
}

void mixnet_link_free(mixnet_link *l) {
    if (!l)
        return;
    l->stats->broken += l->waiting.items;
    mixnet_noise_wipe(&l->noise);
    mix_queue_deinit(&l->waiting);
    mix_buf_deinit(&l->sealed);
    mix_buf_deinit(&l->plain);
    mix_free(l);
}

bool mixnet_link_open(const mixnet_link *l) {
    return l->status == MIX_OK && (!l->secured || mixnet_noise_done(&l->noise));
}

void mixnet_link_connected(mixnet_link *l, mix_time now) {
    if (l->deadline != MIX_NEVER)
        l->deadline = now + MIX_MS(MIXNET_LINK_HANDSHAKE_MS);
}

/* Notes why the link is of no more use; counted once. */
static int breaks(mixnet_link *l, int status) {
    if (status >= 0 || l->status != MIX_OK)
        return status;
    l->status = status;
    l->deadline = MIX_NEVER;
    switch (status) {
    case MIX_ERR_MEMORY:
    case MIX_ERR_CRYPTO:
        l->stats->no_memory++;
        break;
    case MIX_ERR_NOISE:
    case MIX_ERR_AEAD:
    case MIX_ERR_LIMIT:
        l->stats->bad_noise++;
        break;
    case MIX_ERR_LINK_TIMEOUT:
        l->stats->late++;
        break;
    default:
        l->stats->bad_frame++;
        break;
    }
    return status;
}

/* ---- reading ---- */

/* Takes from the front of *in to held; gives back what lies behind the item that made it whole.
 * decode says MIX_DONE until it is. */
typedef int decoder(void *item, size_t *used, mixnet_link *l, mix_bytes in);

static int take(mixnet_link *l, mix_buf *held, size_t most, mix_bytes *in, void *item,
                decoder *decode) {
    size_t used = 0, before = held->len;
    if (before == 0) { /* whole in the input: no copy */
        int status = decode(item, &used, l, *in);
        if (status == MIX_OK)
            *in = mix_bytes_slice(*in, used, in->len);
        if (status != MIX_DONE)
            return status;
    }
    mix_buf_put_bytes(held, mix_bytes_slice(*in, 0, most - before));
    int status = mix_buf_status(held);
    if (status == MIX_OK)
        status = decode(item, &used, l, mix_buf_bytes(held));
    if (status == MIX_OK) {
        *in = mix_bytes_slice(*in, used - before, in->len);
        mix_buf_truncate(held, used);
    } else if (status == MIX_DONE) {
        assert(before + in->len < most); /* nothing is longer than most */
        *in = (mix_bytes){0};
    }
    return status;
}

static int decode_frame(void *item, size_t *used, mixnet_link *l, mix_bytes in) {
    (void)l;
    return mix_frame_decode(item, used, in);
}

static int decode_message(void *item, size_t *used, mixnet_link *l, mix_bytes in) {
    return mixnet_noise_decode(
        item, used, mixnet_noise_done(&l->noise) ? MIXNET_NOISE_DATA : MIXNET_NOISE_HANDSHAKE, in);
}

/* The next Noise message of the input, handled. */
static int read_noise(mixnet_link *l, mix_bytes *in) {
    mix_bytes message;
    int status = take(l, &l->sealed, MIXNET_NOISE_HEAD + MIXNET_NOISE_MESSAGE_MAX, in, &message,
                      decode_message);
    if (status != MIX_OK)
        return status;
    if (mixnet_noise_done(&l->noise)) {
        status = mixnet_noise_open(&l->noise, l->crypto, &l->plain, message);
    } else if (mixnet_noise_writes(&l->noise)) {
        status = MIX_ERR_NOISE; /* it is not the peer's turn */
    } else {
        status = mixnet_noise_read(&l->noise, l->crypto, message);
        if (status == MIX_OK && mixnet_noise_done(&l->noise)) {
            l->stats->handshakes++;
            l->deadline = MIX_NEVER;
        }
    }
    mix_buf_truncate(&l->sealed, 0);
    return status;
}

static int read_secured(mixnet_link *l, mix_bytes *in, mix_frame *out) {
    for (;;) {
        size_t used;
        int status = mix_frame_decode(out, &used, mix_buf_bytes(&l->plain));
        if (status == MIX_OK)
            l->given = used;
        else if (status == MIX_DONE)
            status = in->len > 0 ? read_noise(l, in) : MIX_DONE;
        if (status != MIX_OK || l->given > 0)
            return status;
    }
}

/* The side that connects reads nothing but its half of the handshake. */
static int read_answer(mixnet_link *l, mix_bytes *in) {
    int status = MIX_OK;
    while (status == MIX_OK && in->len > 0)
        status = mixnet_link_open(l) || mixnet_noise_writes(&l->noise) ? MIX_ERR_STATE
                                                                       : read_noise(l, in);
    return status == MIX_OK ? MIX_DONE : status;
}

int mixnet_link_feed(mixnet_link *l, mix_bytes *in, mix_frame *out) {
    if (l->status != MIX_OK)
        return l->status;
    mix_buf_consume(&l->plain, l->given);
    l->given = 0;
    size_t before = in->len;
    int status;
    if (l->connects)
        status = read_answer(l, in);
    else if (l->secured)
        status = read_secured(l, in, out);
    else
        status = take(l, &l->plain, MIX_FRAME_MAX, in, out, decode_frame);
    if (status == MIX_OK && !l->secured)
        l->given = l->plain.len; /* all of it, or nothing if the frame lies in the input */
    l->stats->bytes_in += before - in->len;
    l->stats->frames_in += status == MIX_OK;
    return breaks(l, status);
}

/* ---- writing ---- */

int mixnet_link_write(mixnet_link *l, mix_bytes frame) {
    if (l->status != MIX_OK)
        return l->status;
    if (!l->connects)
        return MIX_ERR_STATE;
    if (frame.len > MIX_FRAME_MAX)
        return MIX_ERR_SPHINX_SIZE;
    int status = mix_queue_push(&l->waiting, frame, 0);
    l->stats->full += status == MIX_BLOCKED;
    return status;
}

/* Moves frames from the queue to out as long as they fit in most bytes; how many. */
static size_t gather(mixnet_link *l, mix_buf *out, size_t most) {
    mix_bytes frame;
    size_t start = out->len, count = 0;
    for (; mix_queue_peek(&l->waiting, &frame, NULL) && frame.len <= most - (out->len - start);
         count++) {
        mix_buf_put_bytes(out, frame);
        mix_queue_pop(&l->waiting);
    }
    return count;
}

static int write_secured(mixnet_link *l, mix_buf *out, size_t *count) {
    mix_buf plain = {0};
    *count = gather(l, &plain, NOISE_ROOM);
    int status = mix_buf_status(&plain);
    if (status == MIX_OK) {
        mixnet_noise_head_encode(out, MIXNET_NOISE_DATA, plain.len + MIXNET_NOISE_TAG);
        status = mix_buf_status(out);
    }
    if (status == MIX_OK)
        status = mixnet_noise_seal(&l->noise, l->crypto, out, mix_buf_bytes(&plain));
    mix_buf_deinit(&plain);
    return status;
}

static int write_handshake(mixnet_link *l, mix_buf *out) {
    mix_buf message = {0};
    if (!mixnet_noise_writes(&l->noise))
        return MIX_DONE;
    int status = mixnet_noise_write(&l->noise, l->crypto, &message);
    if (status == MIX_OK) {
        mixnet_noise_head_encode(out, MIXNET_NOISE_HANDSHAKE, message.len);
        mix_buf_put_bytes(out, mix_buf_bytes(&message));
        status = mix_buf_status(out);
    }
    if (status == MIX_OK && mixnet_noise_done(&l->noise)) {
        l->stats->handshakes++;
        l->deadline = MIX_NEVER;
    }
    mix_buf_deinit(&message);
    return status;
}

int mixnet_link_drain(mixnet_link *l, mix_buf *out) {
    if (l->status != MIX_OK)
        return l->status;
    size_t start = out->len, count = 0;
    int status;
    if (l->secured && !mixnet_noise_done(&l->noise)) {
        status = write_handshake(l, out);
    } else if (l->waiting.items == 0) {
        return MIX_DONE;
    } else if (l->secured) {
        status = write_secured(l, out, &count);
    } else {
        count = gather(l, out, MIXNET_LINK_DRAIN_MAX);
        status = mix_buf_status(out);
    }
    if (status < 0) {
        mix_buf_truncate(out, start);
        l->stats->broken += count;
        return breaks(l, status);
    }
    l->stats->bytes_out += out->len - start;
    l->stats->frames_out += count;
    return status;
}

/* ---- time and figures ---- */

mix_time mixnet_link_deadline(const mixnet_link *l) {
    return l->deadline;
}

int mixnet_link_tick(mixnet_link *l, mix_time now) {
    if (l->status == MIX_OK && now >= l->deadline)
        return breaks(l, MIX_ERR_LINK_TIMEOUT);
    return l->status;
}

bool mixnet_link_peer(const mixnet_link *l, uint8_t out[static MIX_KEY_LEN]) {
    if (!l->secured || !mixnet_link_open(l))
        return false;
    memcpy(out, l->noise.peer, MIX_KEY_LEN);
    return true;
}
