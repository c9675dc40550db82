/* SPDX-License-Identifier: Apache-2.0 */
/* Every sentence with which a gateway refuses, what it means, and what the client does about it.
 * The local mixnet's gateway takes its texts from here. Spec: 3-gateway.md §3.6, §3.7, §3.11,
 * §3.13, §3.14. */
#ifndef MIX_GATEWAY_WIRE_REFUSALS_H
#define MIX_GATEWAY_WIRE_REFUSALS_H

#include "base/buf.h"
#include "mix/errors.h"

/* What a failure asks of the session. */
typedef enum mix_remedy {
    MIX_REMEDY_NONE,       /* the one request is lost, the connection stays */
    MIX_REMEDY_RECONNECT,  /* again after a pause; after too many tries another gateway */
    MIX_REMEDY_REREGISTER, /* forget the shared key and register anew with this gateway; if that was
                              just done, another */
    MIX_REMEDY_REPLACE,    /* trying again is no use: another gateway */
    MIX_REMEDY_INSIST,     /* again after a pause; after too many tries the session has failed */
} mix_remedy;

/* How a text is compared: the whole of it, its beginning, or a beginning behind which another text
 * of the table may stand, which then counts. */
typedef enum mix_refusal_match {
    MIX_REFUSAL_WHOLE,
    MIX_REFUSAL_FRONT,
    MIX_REFUSAL_AROUND
} mix_refusal_match;

/* R(name, match, error, remedy, text) */
#define MIX_REFUSAL_TABLE(R)                                                                       \
    /* before authentication (§3.14) */                                                            \
    R(SLOW, WHOLE, GATEWAY_TIMEOUT, RECONNECT, "timed out while waiting for initial data")         \
    R(FIRST_REQUEST, WHOLE, GATEWAY_REFUSED, REPLACE,                                              \
      "Only 'Register' or 'Authenticate' requests are allowed")                                    \
    R(EARLY_PACKET, WHOLE, GATEWAY_REFUSED, RECONNECT,                                             \
      "possibly received a sphinx packet without prior authentication. Request is going to be "    \
      "ignored")                                                                                   \
    R(EARLY_FRAME, FRONT, GATEWAY_REFUSED, RECONNECT, "received a Message of type ")               \
    R(READ, FRONT, GATEWAY_CLOSED, RECONNECT, "failed to obtain message from websocket stream: ")  \
    R(CLOSED, WHOLE, GATEWAY_CLOSED, RECONNECT, "the connection has unexpectedly closed")          \
    R(STORAGE, WHOLE, GATEWAY_INTERNAL, RECONNECT, "Internal gateway storage error")               \
    /* registration (§3.6) */                                                                      \
    R(REGISTRATION, AROUND, GATEWAY_REGISTRATION, REPLACE,                                         \
      "Failed to perform registration handshake: ")                                                \
    R(REMOTE, AROUND, GATEWAY_REGISTRATION, REPLACE, "error on the remote: ")                      \
    R(HANDSHAKE_REQUEST, WHOLE, GATEWAY_REGISTRATION, REPLACE, "sent request was malformed")       \
    R(HANDSHAKE_RESPONSE, WHOLE, GATEWAY_REGISTRATION, REPLACE,                                    \
      "received response was malformed:")                                                          \
    R(HANDSHAKE_SIGNATURE, WHOLE, GATEWAY_REGISTRATION, REPLACE, "received invalid signature")     \
    R(SEAL, WHOLE, GATEWAY_NOT_REGISTERED, REREGISTER,                                             \
      "failed to either encrypt or decrypt provided message")                                      \
    R(HANDSHAKE_SLOW, WHOLE, GATEWAY_TIMEOUT, RECONNECT,                                           \
      "timed out waiting for a handshake message")                                                 \
    R(HANDSHAKE_NETWORK, WHOLE, GATEWAY_CLOSED, RECONNECT, "encountered network error")            \
    R(SHUTDOWN, WHOLE, GATEWAY_CLOSED, RECONNECT, "received shutdown")                             \
    R(HANDSHAKE_VERSION, FRONT, GATEWAY_VERSION, REPLACE,                                          \
      "the gateway requests protocol version that's not supported by this client. it wants to "    \
      "use v")                                                                                     \
    /* authentication (§3.7) */                                                                    \
    R(VERSION, FRONT, GATEWAY_VERSION, REPLACE,                                                    \
      "Attempted to negotiate connection with client using incompatible protocol version. Ours "   \
      "is ")                                                                                       \
    R(CLOCK, FRONT, GATEWAY_CLOCK, RECONNECT,                                                      \
      "the provided request timestamp is excessively skewed. got ")                                \
    R(SIGNATURE, WHOLE, GATEWAY_AUTHENTICATION, REPLACE, "failed to verify request signature")     \
    R(NOT_REGISTERED, WHOLE, GATEWAY_NOT_REGISTERED, REREGISTER, "the client is not registered")   \
    R(ADDRESS, WHOLE, GATEWAY_NOT_REGISTERED, REREGISTER,                                          \
      "failed to verify provided address ciphertext")                                              \
    R(NONCE, WHOLE, GATEWAY_AUTHENTICATION, REPLACE,                                               \
      "the provided nonce (or legacy IV) did not have the expected length")                        \
    R(REUSE, WHOLE, GATEWAY_STALE, RECONNECT,                                                      \
      "the provided request timestamp is smaller or equal to one previously used")                 \
    R(STALE, WHOLE, GATEWAY_STALE, RECONNECT,                                                      \
      "attempted to overwrite client session with a stale authentication")                         \
    R(DUPLICATE, WHOLE, GATEWAY_DUPLICATE, INSIST,                                                 \
      "There is already an open connection to this client")                                        \
    R(OLD_AUTHENTICATION, WHOLE, GATEWAY_AUTHENTICATION, REPLACE,                                  \
      "the legacy authentication method is no longer supported. please update your client")        \
    /* afterwards (§3.11, §3.13, §3.14) */                                                         \
    R(TEXT, FRONT, GATEWAY_REFUSED, RECONNECT, "Provided text request was malformed - ")           \
    R(BINARY, AROUND, GATEWAY_PACKET_REFUSED, NONE, "Provided binary request was malformed - ")    \
    R(BINARY_SHORT, WHOLE, GATEWAY_PACKET_REFUSED, NONE, "the request is too short")               \
    R(BINARY_FLAG, WHOLE, GATEWAY_PACKET_REFUSED, NONE,                                            \
      "the encryption flag had an unexpected value")                                               \
    R(BINARY_KIND, FRONT, GATEWAY_PACKET_REFUSED, NONE, "received request with an unknown kind: ") \
    R(BINARY_PACKET, FRONT, GATEWAY_PACKET_REFUSED, NONE,                                          \
      "failed to serialise created sphinx packet: ")                                               \
    R(TICKET_DATA, WHOLE, GATEWAY_REFUSED, NONE, "the received encrypted data was malformed")      \
    R(UNKNOWN_TEXT, WHOLE, GATEWAY_REFUSED, RECONNECT,                                             \
      "received a text request of an unknown type")                                                \
    R(SEALED_TEXT, WHOLE, GATEWAY_NOT_REGISTERED, REREGISTER,                                      \
      "failed to decrypt provided text request")                                                   \
    R(CONTEXT, FRONT, GATEWAY_REFUSED, RECONNECT,                                                  \
      "The received request is not valid in the current context: ")                                \
    R(NO_FREE_BANDWIDTH, WHOLE, GATEWAY_BANDWIDTH, REPLACE,                                        \
      "This gateway is only accepting coconut credentials for bandwidth")                          \
    R(SPENT, WHOLE, GATEWAY_BANDWIDTH, NONE,                                                       \
      "the provided bandwidth credential has already been spent before at this gateway")

#define MIX_REFUSAL_NAME_(name, match, error, remedy, text) MIX_REFUSAL_##name,
typedef enum mix_refusal { MIX_REFUSAL_TABLE(MIX_REFUSAL_NAME_) MIX_REFUSAL_UNKNOWN } mix_refusal;
#undef MIX_REFUSAL_NAME_

/* The text, or its beginning; "" for MIX_REFUSAL_UNKNOWN. */
const char *mix_refusal_text(mix_refusal r);
/* What a text is; never fails, a new one is MIX_REFUSAL_UNKNOWN. */
mix_refusal mix_refusal_find(mix_bytes text);
int mix_refusal_error(mix_refusal r);         /* MIX_ERR_GATEWAY_REFUSED when unknown */
mix_remedy mix_refusal_remedy(mix_refusal r); /* reconnect when unknown */

/* The whole text for a binary request that could not be read (§3.11). status is what the frame's or
 * the mix packet's decoder said; frame is the request as it came, plain the mix packet in it once
 * it is open. MIX_ERR_MEMORY. */
int mix_refusal_binary_encode(mix_buf *out, int status, mix_bytes frame, mix_bytes plain);

/* The whole text of MIX_REFUSAL_CLOCK: the request's timestamp in seconds since 1970 and the
 * server's time in microseconds. MIX_ERR_MEMORY. */
int mix_refusal_clock_encode(mix_buf *out, uint64_t received, int64_t server);
/* The server's time in such a text, in whole seconds since 1970; false when it has none that can be
 * read. */
bool mix_refusal_clock_decode(int64_t *server, mix_bytes text);

#endif
