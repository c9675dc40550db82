/* SPDX-License-Identifier: Apache-2.0 */
/* SOCKS version 5: method, password, request; then the relay, or datagrams. */
#include "proxy/connection.h"

static bool step_greeting(connection *c);
static bool step_password(connection *c);
static bool step_request(connection *c);
static bool step_connecting(connection *c);

/* The input does not hold a whole message yet, or nothing that makes sense. */
static bool give_up_or_wait(connection *c, int status) {
    if (status != MIX_DONE || c->client_ended)
        connection_end(c, false);
    return false;
}

bool socks_step(connection *c) {
    c->step = step_greeting;
    return true;
}

static bool step_greeting(connection *c) {
    bool anyone, by_password, wants = c->proxy->asks_password;
    size_t used;
    int status = socks_read_greeting(mix_buf_bytes(&c->in), &used, &anyone, &by_password);
    if (status != MIX_OK)
        return give_up_or_wait(c, status);
    mix_buf_consume(&c->in, used);
    if (wants ? !by_password : !anyone) {
        socks_write_method(&c->out, SOCKS_NO_METHOD);
        connection_finish(c);
        return true;
    }
    socks_write_method(&c->out, wants ? SOCKS_BY_PASSWORD : SOCKS_ANYONE);
    c->step = wants ? step_password : step_request;
    return true;
}

static bool step_password(connection *c) {
    mix_bytes user, password;
    size_t used;
    int status = socks_read_password(mix_buf_bytes(&c->in), &used, &user, &password);
    if (status != MIX_OK)
        return give_up_or_wait(c, status);
    bool right = credentials_match(c->proxy, user, password);
    mix_buf_consume(&c->in, used);
    socks_write_password_status(&c->out, right);
    if (right)
        c->step = step_request;
    else
        connection_finish(c);
    return true;
}

static bool refuse(connection *c, socks_reply reply) {
    socks_write_reply(&c->out, reply, NULL);
    connection_hang_up(c, true);
    connection_finish(c);
    return true;
}

static bool step_holding(connection *c) {
    mix_buf_truncate(&c->in, 0);
    if (c->client_ended)
        connection_end(c, false);
    return false;
}

static bool begin_datagrams(connection *c, const socks_target *from) {
    mix_address bound;
    if (!associate_begin(c, from, &bound))
        return refuse(c, SOCKS_FAILURE);
    connection_deadline(c, 0);
    socks_write_reply(&c->out, SOCKS_OK, &bound);
    c->step = step_holding;
    return true;
}

static bool step_request(connection *c) {
    socks_target to;
    uint8_t command = 0;
    size_t used = 0;
    int status = socks_read_request(mix_buf_bytes(&c->in), &used, &command, &to);
    if (status == MIX_DONE || status == MIX_ERR_ARGUMENT)
        return give_up_or_wait(c, status);
    mix_buf_consume(&c->in, used);
    if (status != MIX_OK)
        return refuse(c, status == MIX_ERR_ADDRESS ? SOCKS_NO_ADDRESS_TYPE : failure_reply(status));
    if (command == SOCKS_ASSOCIATE)
        return begin_datagrams(c, &to);
    if (command != SOCKS_CONNECT)
        return refuse(c, SOCKS_NO_COMMAND);
    connection_deadline(c, 0);
    connection_open(c, to.host, to.number.port);
    c->step = step_connecting;
    return true;
}

static bool step_connecting(connection *c) {
    if (c->failed) {
        connection_note(c, mix_error_text(c->failure.code));
        return refuse(c, failure_reply(c->failure.code));
    }
    if (!c->connected)
        return false;
    connection_note(c, "connected, by SOCKS");
    socks_write_reply(&c->out, SOCKS_OK, NULL);
    relay_begin(c);
    return true;
}
