/* SPDX-License-Identifier: Apache-2.0 */
/* A gateway with a scripted client for tests: the client's half comes from src/gateway's wire code.
 */
#ifndef MIXNET_GATEWAY_ROLE_TESTING_H
#define MIXNET_GATEWAY_ROLE_TESTING_H

#include "base/buf.h"
#include "mixnet/gateway/gateway.h"
#include "gateway/wire_handshake.h"
#include "testing.h"

typedef struct test_client {
    uint8_t seed[MIX_KEY_LEN], identity[MIX_KEY_LEN], key[MIX_KEY_LEN];
} test_client;

typedef struct test_gateway {
    mix_test_env env;
    mix_crypto *crypto;
    mixnet_gateway *gateway;
    uint8_t seed[MIX_KEY_LEN], identity[MIX_KEY_LEN];
    mix_time now;
    mix_buf text, scratch, plain;
    mixnet_gateway_stats stats;
} test_gateway;

void test_gateway_setup(test_gateway *t, mixnet_gateway_limits limits);
void test_gateway_teardown(test_gateway *t);
void test_client_init(test_gateway *t, test_client *c, uint8_t number);
/* Moves both clocks. */
void test_pass(test_gateway *t, mix_time time);
const mixnet_gateway_stats *test_stats(test_gateway *t);

/* ---- what the client sends ---- */
void test_open(test_gateway *t, uint64_t conn);
void test_send(test_gateway *t, uint64_t conn, mixnet_ws_kind kind, mix_bytes message);
void test_send_str(test_gateway *t, uint64_t conn, const char *text);
void test_send_text(test_gateway *t, uint64_t conn, const mix_text *text);
/* A sealed frame of this kind with the plaintext. */
void test_send_frame(test_gateway *t, uint64_t conn, const test_client *c, uint8_t kind,
                     mix_bytes plain);
/* authenticateV2 with the timestamp of the wall clock and so many seconds. */
void test_send_login(test_gateway *t, uint64_t conn, const test_client *c, int64_t seconds);

/* ---- what it gets ---- */
mixnet_gateway_out test_take(test_gateway *t, uint64_t conn); /* fails when there is nothing */
void test_expect_str(test_gateway *t, uint64_t conn, const char *text);
void test_expect_error(test_gateway *t, uint64_t conn, const char *message);
void test_expect_close(test_gateway *t, uint64_t conn, mixnet_close reason);
void test_expect_nothing(test_gateway *t, uint64_t conn);
/* The same error so many times, and the end of the connection. */
void test_expect_refusal(test_gateway *t, uint64_t conn, const char *message, int times);
/* A text of this type, valid until the next call. */
mix_text test_expect_text(test_gateway *t, uint64_t conn, mix_text_side side, mix_text_type type);
/* A pushed message of this content. */
void test_expect_message(test_gateway *t, uint64_t conn, const test_client *c, mix_bytes content);

/* ---- whole steps ---- */
/* Message 1 of a registration. */
void test_start_registration(test_gateway *t, uint64_t conn, const test_client *c,
                             mix_handshake *h);
void test_register(test_gateway *t, uint64_t conn, test_client *c); /* opens the connection too */
void test_login(test_gateway *t, uint64_t conn, const test_client *c);
void test_claim(test_gateway *t, uint64_t conn);
void test_deliver(test_gateway *t, const test_client *c, const char *message);

#endif
