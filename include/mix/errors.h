/* SPDX-License-Identifier: Apache-2.0 */
/* The one table of errors: it makes the C enum, the texts (src/base/error.c) and the TypeScript codes (tools/). */
#ifndef MIX_ERRORS_H
#define MIX_ERRORS_H

#ifdef __cplusplus
extern "C" {
#endif

/* What an error ends: nothing but the call, one packet, one stream (request, lookup, socket), or the whole tunnel. */
typedef enum mix_ends {
    MIX_ENDS_CALL = 0,
    MIX_ENDS_PACKET,
    MIX_ENDS_STREAM,
    MIX_ENDS_TUNNEL,
} mix_ends;

/*
 * E(name, number, ends, text). Numbers are stable for ever; each layer has a hundred of its own:
 * 1 base, 100 crypto, 200 sphinx, 300 messages, 400 traffic, 500 gateway, 600 directory, 700 ipr, 800 tcpip and
 * sockets, 900 dns, 1000 tls, 1100 http and fetch, 1200 websocket, 1300 tunnel, 1400 mixnet.
 * The text is one lower-case phrase without a full stop: it is put behind "layer: ".
 */
#define MIX_ERRORS_BASE(E) \
    E(MEMORY, 1, CALL, "out of memory") \
    E(ARGUMENT, 2, CALL, "an argument is out of its range") \
    E(RANDOM, 3, TUNNEL, "the host gave no random bytes") \
    E(STATE, 4, CALL, "not possible in this state") \
    E(LIMIT, 5, CALL, "a limit is reached") \
    E(TRUNCATED, 6, CALL, "the input ends too early") \
    E(BASE58_CHAR, 10, CALL, "a character is not of the base58 alphabet") \
    E(BASE58_LENGTH, 11, CALL, "the base58 text has the wrong length") \
    E(BASE64, 12, CALL, "the base64 text is malformed") \
    E(HEX, 13, CALL, "the hexadecimal text is malformed") \
    E(ADDRESS, 14, CALL, "the node address is malformed")
#define MIX_ERRORS_CRYPTO(E) \
    E(CRYPTO, 100, CALL, "the crypto library failed") \
    E(KEY, 101, CALL, "a key is not valid") \
    E(SIGNATURE, 102, CALL, "the signature does not match") \
    E(AEAD, 103, CALL, "the sealed data do not open with this key") \
    E(LIONESS_SIZE, 104, CALL, "a wide block needs more than 32 bytes")
#define MIX_ERRORS_SPHINX(E) \
    E(SPHINX_SIZE, 200, PACKET, "the packet's size is none of the known ones") \
    E(SPHINX_ROUTE, 201, CALL, "a route has 1 to 5 hops and a delay for each") \
    E(SPHINX_MAC, 202, PACKET, "the header's gamma (MAC) does not match") \
    E(SPHINX_FLAG, 203, PACKET, "the routing flag is neither forward nor final") \
    E(SPHINX_PAYLOAD, 204, PACKET, "the payload does not open (zeros or end mark missing)") \
    E(SPHINX_MESSAGE, 205, CALL, "the message is too long for the payload size") \
    E(SPHINX_PAYLOAD_SIZE, 206, PACKET, "a payload has at least 33 bytes") \
    E(SPHINX_SURB, 207, PACKET, "the reply block (SURB) is malformed") \
    E(SPHINX_VERSION, 208, CALL, "this version of packets cannot be built") \
    E(SPHINX_ACK, 209, PACKET, "the acknowledgement in front of the message is malformed") \
    E(FRAME_VERSION, 220, STREAM, "the frame's packet_version is not supported") \
    E(FRAME_SIZE, 221, STREAM, "the frame's packet_size is unknown") \
    E(FRAME_TYPE, 222, STREAM, "the frame's packet_type is unknown") \
    E(FRAME_ROTATION, 223, STREAM, "the frame's key_rotation is unknown")
#define MIX_ERRORS_MESSAGES(E) \
    E(MESSAGE_EMPTY, 300, PACKET, "the message is empty") \
    E(MESSAGE_TYPE, 301, PACKET, "the message's type is none of plain, repliable and reply") \
    E(MESSAGE_TRUNCATED, 302, PACKET, "the message ends in front of its content tag") \
    E(MESSAGE_CONTENT_TAG, 303, PACKET, "the message's content tag is unknown") \
    E(MESSAGE_CONTENT, 304, PACKET, "the message ends behind its content tag") \
    E(SURB_LIST_HEADER, 305, PACKET, "the list of reply blocks ends within its header") \
    E(SURB_LIST_ROTATION, 306, PACKET, "the list's key_rotation is unknown") \
    E(SURB_LIST_COUNT, 307, PACKET, "the list holds fewer reply blocks than its count") \
    E(SURB_REQUEST, 308, PACKET, "a request for reply blocks has an address and an amount, 100 bytes") \
    E(MESSAGE_PADDING, 309, PACKET, "the message's padding has no end mark") \
    E(MESSAGE_ORIGIN, 310, PACKET, "this kind of message does not come on this way") \
    E(FRAGMENT_TRUNCATED, 320, PACKET, "the fragment ends within its header") \
    E(FRAGMENT_MARK, 321, PACKET, "the fragment's first bit is not set") \
    E(FRAGMENT_SET, 322, PACKET, "the fragment's set identifier is zero") \
    E(FRAGMENT_POSITION, 323, PACKET, "the fragment's position is not within its total") \
    E(FRAGMENT_LINK_MARK, 324, PACKET, "the fragment's link lacks its first bit") \
    E(FRAGMENT_LINK_SET, 325, PACKET, "the fragment's link names set zero or its own") \
    E(FRAGMENT_LINK_PLACE, 326, PACKET, "a link stands only on the first fragment or on the 255th") \
    E(FRAGMENT_TOTAL, 327, PACKET, "the fragment's total contradicts an earlier one of its set") \
    E(FRAGMENT_CHAIN, 328, PACKET, "the links of two fragment sets contradict each other") \
    E(SENDER_UNKNOWN, 340, CALL, "no reply blocks of this sender are known")
#define MIX_ERRORS_TRAFFIC(E) \
    E(RECIPIENT_LENGTH, 400, CALL, "a recipient's address has 96 bytes") \
    E(RECIPIENT_TEXT, 401, CALL, "a recipient's address reads identity.encryption@gateway") \
    E(RECIPIENT_KEY, 402, CALL, "a key in the recipient's address is no point of the curve") \
    E(DELIVERED_SHORT, 410, PACKET, "what the gateway delivered is too short for a message") \
    E(ACK, 411, PACKET, "the acknowledgement is malformed") \
    E(FRAGMENT_SIZE, 412, CALL, "the fragment does not have the size of its packet") \
    E(FRAGMENT_TWICE, 413, CALL, "a fragment with this identifier is under way already")
#define MIX_ERRORS_GATEWAY(E) \
    E(GATEWAY_JSON, 500, CALL, "a text message is not valid JSON") \
    E(GATEWAY_TYPE, 501, CALL, "a text message has no known type") \
    E(GATEWAY_FIELD, 502, CALL, "a member of a text message is missing, doubled or of the wrong kind") \
    E(GATEWAY_LONG, 503, CALL, "a message is longer than any of this protocol") \
    E(GATEWAY_FRAME_SHORT, 504, CALL, "a binary frame is too short") \
    E(GATEWAY_FRAME_FLAG, 505, CALL, "a binary frame's encryption flag is unknown") \
    E(GATEWAY_FRAME_KIND, 506, CALL, "a binary frame's kind is unknown") \
    E(GATEWAY_PLAINTEXT, 507, CALL, "a binary frame is not encrypted") \
    E(GATEWAY_UNEXPECTED, 508, CALL, "a message came that nothing asked for") \
    E(GATEWAY_PACKET, 509, PACKET, "not a mix packet of a known form") \
    E(GATEWAY_HANDSHAKE, 510, CALL, "a message of the registration handshake is malformed") \
    E(GATEWAY_IDENTITY, 511, CALL, "the gateway does not prove the identity that the directory gives") \
    E(GATEWAY_VERSION, 512, CALL, "the gateway and we have no protocol version in common") \
    E(GATEWAY_REGISTRATION, 513, CALL, "the gateway refused the registration") \
    E(GATEWAY_AUTHENTICATION, 514, CALL, "the gateway refused the authentication") \
    E(GATEWAY_NOT_REGISTERED, 515, CALL, "the gateway no longer knows this client") \
    E(GATEWAY_CLOCK, 516, CALL, "the gateway's clock and ours are too far apart") \
    E(GATEWAY_STALE, 517, CALL, "the gateway has seen this authentication or a later one") \
    E(GATEWAY_DUPLICATE, 518, TUNNEL, "another client with this identity is connected to the gateway") \
    E(GATEWAY_BANDWIDTH, 519, CALL, "the gateway gives no free bandwidth") \
    E(GATEWAY_REFUSED, 520, CALL, "the gateway refused a request") \
    E(GATEWAY_PACKET_REFUSED, 521, PACKET, "the gateway refused a packet") \
    E(GATEWAY_INTERNAL, 522, CALL, "the gateway failed inside") \
    E(GATEWAY_CONNECT, 530, CALL, "no connection to the gateway") \
    E(GATEWAY_CLOSED, 531, CALL, "the connection to the gateway is closed") \
    E(GATEWAY_TIMEOUT, 532, CALL, "the gateway did not answer in time") \
    E(GATEWAY_NOISE, 533, CALL, "the gateway sent too much that makes no sense") \
    E(GATEWAY_NONE, 534, TUNNEL, "no gateway is chosen") \
    E(GATEWAY_URL, 535, CALL, "the gateway's URL is too long, or not a WebSocket URL") \
    E(IDENTITY_DAMAGED, 540, TUNNEL, "the stored identity is damaged") \
    E(IDENTITY_VERSION, 541, TUNNEL, "the stored identity was written by a newer version") \
    E(IDENTITY_PASSPHRASE, 542, TUNNEL, "the passphrase does not open the stored identity") \
    E(IDENTITY_SEALED, 543, TUNNEL, "the stored identity needs a passphrase") \
    E(IDENTITY_PLAIN, 544, TUNNEL, "a passphrase is given, but the stored identity is not sealed")
#define MIX_ERRORS_DIRECTORY(E) \
    E(NO_ROUTE, 600, CALL, "the directory knows no route to that gateway") \
    E(DIRECTORY_MALFORMED, 601, CALL, "the directory's answer is malformed") \
    E(DIRECTORY_STATUS, 602, CALL, "the directory answered with an HTTP error") \
    E(DIRECTORY_UNREACHABLE, 603, CALL, "the directory could not be reached") \
    E(DIRECTORY_TIMEOUT, 604, CALL, "the directory did not answer in time") \
    E(DIRECTORY_SIZE, 605, CALL, "the directory's answer is too large") \
    E(DIRECTORY_INCONSISTENT, 606, CALL, "the directory's answers do not belong together") \
    E(DIRECTORY_INSUFFICIENT, 607, CALL, "the network has no usable node in a layer, or no gateway") \
    E(NO_ENTRY, 610, TUNNEL, "no entry gateway fits") \
    E(PREFERRED_GATEWAY, 611, TUNNEL, "the preferred gateway is unknown or cannot be used") \
    E(NO_EXIT, 612, TUNNEL, "no exit fits")
#define MIX_ERRORS_IPR(E) \
    E(LP_NONE, 700, PACKET, "the message is no stream frame") \
    E(LP_TYPE, 701, PACKET, "the stream frame's message type is unknown") \
    E(IPR_VERSION, 702, PACKET, "the packet router's protocol version is not supported") \
    E(IPR_REQUEST, 703, PACKET, "the request to the packet router is malformed") \
    E(IPR_RESPONSE, 704, PACKET, "the packet router's response is malformed") \
    E(POLICY, 705, CALL, "a line of the exit policy is malformed") \
    E(IPR_STREAM, 706, PACKET, "the message belongs to another stream or session") \
    E(IPR_DENIED, 710, TUNNEL, "the exit refused to connect") \
    E(IPR_TIMEOUT, 711, TUNNEL, "the exit did not answer the connect in time") \
    E(IPR_SILENT, 712, TUNNEL, "the exit stopped answering") \
    E(IPR_FORGOTTEN, 713, TUNNEL, "the exit has forgotten this client") \
    E(IPR_DISCONNECTED, 714, TUNNEL, "the exit ended the session") \
    E(IPR_REFUSED, 715, STREAM, "the exit's policy refuses this destination")
#define MIX_ERRORS_SOCKETS(E) \
    E(IP_PACKET, 800, PACKET, "the IP packet is malformed, or nobody here waits for it") \
    E(IP_FAMILY, 801, STREAM, "the tunnel has no address of this IP version") \
    E(SOCKET_LIMIT, 802, CALL, "too many sockets are open") \
    E(SOCKET_CLOSED, 803, STREAM, "the connection was closed by ourselves") \
    E(DATAGRAM_SIZE, 804, CALL, "the datagram does not fit one packet") \
    E(TCP_REFUSED, 810, STREAM, "the connection was refused") \
    E(TCP_RESET, 811, STREAM, "the connection was reset by the peer") \
    E(TCP_TIMEOUT, 812, STREAM, "the connection was not answered in time") \
    E(TCP_STALLED, 813, STREAM, "the peer stopped acknowledging") \
    E(TCP_UNREACHABLE, 814, STREAM, "the destination cannot be reached") \
    E(TCP_MOVED, 815, STREAM, "the tunnel got another address, and the connection is gone with the old one")
#define MIX_ERRORS_DNS(E) \
    E(DNS_NAME, 900, STREAM, "not a host name that can be looked up") \
    E(DNS_NOT_FOUND, 901, STREAM, "there is no such host name") \
    E(DNS_NO_DATA, 902, STREAM, "the host name has no such records") \
    E(DNS_SERVER, 903, STREAM, "the name servers failed") \
    E(DNS_TIMEOUT, 904, STREAM, "the name servers did not answer in time") \
    E(DNS_MALFORMED, 905, STREAM, "the name servers' answers are malformed") \
    E(DNS_CHAIN, 906, STREAM, "the host name is an alias of an alias, and so on for too long")
#define MIX_ERRORS_TLS(E) \
    E(TLS_RANDOM, 1000, TUNNEL, "OpenSSL takes no randomness from the host") \
    E(TLS_ROOTS, 1001, CALL, "the root certificates to add are missing or malformed") \
    E(TLS_PEM, 1002, CALL, "the text is no PEM certificate") \
    E(TLS_CERTIFICATE, 1010, STREAM, "the server's certificate is not acceptable") \
    E(TLS_EXPIRED, 1011, STREAM, "the server's certificate has expired, or is not valid yet") \
    E(TLS_NAME, 1012, STREAM, "the server's certificate is for another name") \
    E(TLS_UNTRUSTED, 1013, STREAM, "the server's certificate does not lead to a trusted root") \
    E(TLS_HANDSHAKE, 1014, STREAM, "the TLS handshake failed")
#define MIX_ERRORS_FETCH(E) \
    E(HTTP_URL, 1100, CALL, "the URL is malformed") \
    E(HTTP_SCHEME, 1101, CALL, "the URL's scheme is neither http nor https") \
    E(HTTP_REQUEST, 1102, CALL, "the request's method or a header is malformed") \
    E(HTTP_CONNECT_TIMEOUT, 1110, STREAM, "no connection to the server in time") \
    E(HTTP_RESPONSE_TIMEOUT, 1111, STREAM, "the server did not answer in time") \
    E(HTTP_IDLE, 1112, STREAM, "the transfer stopped moving") \
    E(HTTP_TIMEOUT, 1113, STREAM, "the request took longer than its time limit") \
    E(HTTP_CUT, 1120, STREAM, "the connection ended in the middle of the exchange") \
    E(HTTP_PROTOCOL, 1121, STREAM, "the server's answer breaks the protocol") \
    E(HTTP_ENCODING, 1122, STREAM, "the response's content encoding is broken") \
    E(HTTP_TOO_LARGE, 1123, STREAM, "the response's headers are too large") \
    E(HTTP_REWIND, 1124, STREAM, "the request's body would have to be sent again, and streams only once") \
    E(FETCH_METHOD, 1150, CALL, "this method is not allowed, or cannot have a body") \
    E(FETCH_REDIRECTS, 1151, STREAM, "too many redirects") \
    E(FETCH_REDIRECT_REFUSED, 1152, STREAM, "the server redirects, which the request forbids") \
    E(FETCH_REDIRECT_URL, 1153, STREAM, "the server redirects to a URL that is malformed, or not http or https") \
    E(FETCH_DOWNGRADE, 1154, STREAM, "the server redirects from https to http") \
    E(FETCH_BODY_ONCE, 1155, STREAM, "the server redirects a request whose body streams only once")
#define MIX_ERRORS_WEBSOCKET(E) \
    E(WEBSOCKET_HOST, 1200, CALL, "the host is empty or has a character that a Host header cannot have") \
    E(WEBSOCKET_TARGET, 1201, CALL, "the request's target does not start with a slash or has a character that it cannot have") \
    E(WEBSOCKET_PROTOCOLS, 1202, CALL, "a sub-protocol is no token, or is named twice") \
    E(WEBSOCKET_HEADER, 1203, CALL, "a header to send is malformed, or the handshake sets it itself") \
    E(WEBSOCKET_TEXT, 1204, CALL, "the text to send is not UTF-8") \
    E(WEBSOCKET_CODE, 1205, CALL, "the close code is none that may be sent") \
    E(WEBSOCKET_REASON, 1206, CALL, "the close reason has no code, is not UTF-8 or is longer than 123 bytes") \
    E(WEBSOCKET_PING, 1207, CALL, "a ping carries at most 125 bytes") \
    E(WEBSOCKET_HEAD, 1210, STREAM, "the server's answer is not an HTTP response") \
    E(WEBSOCKET_HEAD_SIZE, 1211, STREAM, "the head of the server's answer is too long") \
    E(WEBSOCKET_STATUS, 1212, STREAM, "the server did not switch to WebSocket") \
    E(WEBSOCKET_UPGRADE, 1213, STREAM, "the answer's Upgrade or Connection header does not name the WebSocket") \
    E(WEBSOCKET_ACCEPT, 1214, STREAM, "the answer's Sec-WebSocket-Accept does not belong to our key") \
    E(WEBSOCKET_EXTENSION, 1215, STREAM, "the server uses an extension that was not offered") \
    E(WEBSOCKET_PROTOCOL, 1216, STREAM, "the server chose none of the sub-protocols that were offered") \
    E(WEBSOCKET_OPEN_TIMEOUT, 1217, STREAM, "the server did not answer the handshake in time") \
    E(WEBSOCKET_FRAME, 1220, STREAM, "the server sent a frame that the protocol forbids") \
    E(WEBSOCKET_CLOSE_FRAME, 1221, STREAM, "the server's close frame has a code that the protocol forbids") \
    E(WEBSOCKET_UTF8, 1222, STREAM, "the server sent text that is not UTF-8") \
    E(WEBSOCKET_SIZE, 1223, STREAM, "the server sent a message larger than the limit") \
    E(WEBSOCKET_LOST, 1230, STREAM, "the connection ended without a closing handshake") \
    E(WEBSOCKET_CLOSE_TIMEOUT, 1231, STREAM, "the server did not answer the close in time") \
    E(WEBSOCKET_ABORTED, 1232, STREAM, "closed before the handshake was done")
#define MIX_ERRORS_TUNNEL(E) \
    E(TUNNEL_TIMEOUT, 1300, TUNNEL, "the tunnel was not ready in time")
#define MIX_ERRORS_MIXNET(E) \
    E(NODE_KEY, 1400, PACKET, "the node has no key for the packet's rotation") \
    E(NODE_REPLAY, 1401, PACKET, "the packet was seen before") \
    E(NODE_ROLE, 1402, PACKET, "the node does not take this kind of packet")  \
    E(NETWORK_FILE, 1403, CALL, "a file of the network is malformed") \
    E(STATE_FOLDER, 1404, CALL, "the state folder cannot be used") \
    E(LISTEN, 1405, CALL, "an address cannot be listened on") \
    E(CERTIFICATE, 1406, CALL, "a certificate cannot be made or read") \
    E(NOISE, 1420, STREAM, "not the Noise handshake or channel that nodes use") \
    E(LINK_TIMEOUT, 1421, STREAM, "the other node's handshake takes too long")

#define MIX_ERROR_TABLE(E) \
    MIX_ERRORS_BASE(E) \
    MIX_ERRORS_CRYPTO(E) \
    MIX_ERRORS_SPHINX(E) \
    MIX_ERRORS_MESSAGES(E) \
    MIX_ERRORS_TRAFFIC(E) \
    MIX_ERRORS_GATEWAY(E) \
    MIX_ERRORS_DIRECTORY(E) \
    MIX_ERRORS_IPR(E) \
    MIX_ERRORS_SOCKETS(E) \
    MIX_ERRORS_DNS(E) \
    MIX_ERRORS_TLS(E) \
    MIX_ERRORS_FETCH(E) \
    MIX_ERRORS_WEBSOCKET(E) \
    MIX_ERRORS_TUNNEL(E) \
    MIX_ERRORS_MIXNET(E)

#define MIX_ERROR_NAME_(name, number, ends, text) MIX_ERR_##name = -(number),
enum mix_status {
    MIX_OK = 0,
    MIX_DONE = 1,    /* nothing (more) to give now */
    MIX_BLOCKED = 2, /* nothing was taken; try again when there is room */
    MIX_ERROR_TABLE(MIX_ERROR_NAME_)
};
#undef MIX_ERROR_NAME_

/* "MIX_ERR_SPHINX_MAC" for -202, "MIX_OK" for 0; never NULL. */
const char *mix_error_name(int status);
/* The phrase of the table; "ok" for 0, "unknown error" for numbers outside it; never NULL. */
const char *mix_error_text(int status);
/* What the error ends; MIX_ENDS_CALL for numbers outside the table. */
mix_ends mix_error_ends(int status);

#ifdef __cplusplus
}
#endif

#endif
