// SPDX-License-Identifier: Apache-2.0
// Made by tools/error-table.mjs from include/mix/errors.h.

/** Errors of the core: name and number. */
export const ERROR_NUMBERS = {
    /** out of memory */
    MEMORY: -1,
    /** an argument is out of its range */
    ARGUMENT: -2,
    /** the host gave no random bytes */
    RANDOM: -3,
    /** not possible in this state */
    STATE: -4,
    /** a limit is reached */
    LIMIT: -5,
    /** the input ends too early */
    TRUNCATED: -6,
    /** a character is not of the base58 alphabet */
    BASE58_CHAR: -10,
    /** the base58 text has the wrong length */
    BASE58_LENGTH: -11,
    /** the base64 text is malformed */
    BASE64: -12,
    /** the hexadecimal text is malformed */
    HEX: -13,
    /** the node address is malformed */
    ADDRESS: -14,
    /** the crypto library failed */
    CRYPTO: -100,
    /** a key is not valid */
    KEY: -101,
    /** the signature does not match */
    SIGNATURE: -102,
    /** the sealed data do not open with this key */
    AEAD: -103,
    /** a wide block needs more than 32 bytes */
    LIONESS_SIZE: -104,
    /** the packet's size is none of the known ones */
    SPHINX_SIZE: -200,
    /** a route has 1 to 5 hops and a delay for each */
    SPHINX_ROUTE: -201,
    /** the header's gamma (MAC) does not match */
    SPHINX_MAC: -202,
    /** the routing flag is neither forward nor final */
    SPHINX_FLAG: -203,
    /** the payload does not open (zeros or end mark missing) */
    SPHINX_PAYLOAD: -204,
    /** the message is too long for the payload size */
    SPHINX_MESSAGE: -205,
    /** a payload has at least 33 bytes */
    SPHINX_PAYLOAD_SIZE: -206,
    /** the reply block (SURB) is malformed */
    SPHINX_SURB: -207,
    /** this version of packets cannot be built */
    SPHINX_VERSION: -208,
    /** the acknowledgement in front of the message is malformed */
    SPHINX_ACK: -209,
    /** the frame's packet_version is not supported */
    FRAME_VERSION: -220,
    /** the frame's packet_size is unknown */
    FRAME_SIZE: -221,
    /** the frame's packet_type is unknown */
    FRAME_TYPE: -222,
    /** the frame's key_rotation is unknown */
    FRAME_ROTATION: -223,
    /** the message is empty */
    MESSAGE_EMPTY: -300,
    /** the message's type is none of plain, repliable and reply */
    MESSAGE_TYPE: -301,
    /** the message ends in front of its content tag */
    MESSAGE_TRUNCATED: -302,
    /** the message's content tag is unknown */
    MESSAGE_CONTENT_TAG: -303,
    /** the message ends behind its content tag */
    MESSAGE_CONTENT: -304,
    /** the list of reply blocks ends within its header */
    SURB_LIST_HEADER: -305,
    /** the list's key_rotation is unknown */
    SURB_LIST_ROTATION: -306,
    /** the list holds fewer reply blocks than its count */
    SURB_LIST_COUNT: -307,
    /** a request for reply blocks has an address and an amount, 100 bytes */
    SURB_REQUEST: -308,
    /** the message's padding has no end mark */
    MESSAGE_PADDING: -309,
    /** this kind of message does not come on this way */
    MESSAGE_ORIGIN: -310,
    /** the fragment ends within its header */
    FRAGMENT_TRUNCATED: -320,
    /** the fragment's first bit is not set */
    FRAGMENT_MARK: -321,
    /** the fragment's set identifier is zero */
    FRAGMENT_SET: -322,
    /** the fragment's position is not within its total */
    FRAGMENT_POSITION: -323,
    /** the fragment's link lacks its first bit */
    FRAGMENT_LINK_MARK: -324,
    /** the fragment's link names set zero or its own */
    FRAGMENT_LINK_SET: -325,
    /** a link stands only on the first fragment or on the 255th */
    FRAGMENT_LINK_PLACE: -326,
    /** the fragment's total contradicts an earlier one of its set */
    FRAGMENT_TOTAL: -327,
    /** the links of two fragment sets contradict each other */
    FRAGMENT_CHAIN: -328,
    /** no reply blocks of this sender are known */
    SENDER_UNKNOWN: -340,
    /** a recipient's address has 96 bytes */
    RECIPIENT_LENGTH: -400,
    /** a recipient's address reads identity.encryption@gateway */
    RECIPIENT_TEXT: -401,
    /** a key in the recipient's address is no point of the curve */
    RECIPIENT_KEY: -402,
    /** what the gateway delivered is too short for a message */
    DELIVERED_SHORT: -410,
    /** the acknowledgement is malformed */
    ACK: -411,
    /** the fragment does not have the size of its packet */
    FRAGMENT_SIZE: -412,
    /** a fragment with this identifier is under way already */
    FRAGMENT_TWICE: -413,
    /** a text message is not valid JSON */
    GATEWAY_JSON: -500,
    /** a text message has no known type */
    GATEWAY_TYPE: -501,
    /** a member of a text message is missing, doubled or of the wrong kind */
    GATEWAY_FIELD: -502,
    /** a message is longer than any of this protocol */
    GATEWAY_LONG: -503,
    /** a binary frame is too short */
    GATEWAY_FRAME_SHORT: -504,
    /** a binary frame's encryption flag is unknown */
    GATEWAY_FRAME_FLAG: -505,
    /** a binary frame's kind is unknown */
    GATEWAY_FRAME_KIND: -506,
    /** a binary frame is not encrypted */
    GATEWAY_PLAINTEXT: -507,
    /** a message came that nothing asked for */
    GATEWAY_UNEXPECTED: -508,
    /** not a mix packet of a known form */
    GATEWAY_PACKET: -509,
    /** a message of the registration handshake is malformed */
    GATEWAY_HANDSHAKE: -510,
    /** the gateway does not prove the identity that the directory gives */
    GATEWAY_IDENTITY: -511,
    /** the gateway and we have no protocol version in common */
    GATEWAY_VERSION: -512,
    /** the gateway refused the registration */
    GATEWAY_REGISTRATION: -513,
    /** the gateway refused the authentication */
    GATEWAY_AUTHENTICATION: -514,
    /** the gateway no longer knows this client */
    GATEWAY_NOT_REGISTERED: -515,
    /** the gateway's clock and ours are too far apart */
    GATEWAY_CLOCK: -516,
    /** the gateway has seen this authentication or a later one */
    GATEWAY_STALE: -517,
    /** another client with this identity is connected to the gateway */
    GATEWAY_DUPLICATE: -518,
    /** the gateway gives no free bandwidth */
    GATEWAY_BANDWIDTH: -519,
    /** the gateway refused a request */
    GATEWAY_REFUSED: -520,
    /** the gateway refused a packet */
    GATEWAY_PACKET_REFUSED: -521,
    /** the gateway failed inside */
    GATEWAY_INTERNAL: -522,
    /** no connection to the gateway */
    GATEWAY_CONNECT: -530,
    /** the connection to the gateway is closed */
    GATEWAY_CLOSED: -531,
    /** the gateway did not answer in time */
    GATEWAY_TIMEOUT: -532,
    /** the gateway sent too much that makes no sense */
    GATEWAY_NOISE: -533,
    /** no gateway is chosen */
    GATEWAY_NONE: -534,
    /** the gateway's URL is too long, or not a WebSocket URL */
    GATEWAY_URL: -535,
    /** the stored identity is damaged */
    IDENTITY_DAMAGED: -540,
    /** the stored identity was written by a newer version */
    IDENTITY_VERSION: -541,
    /** the passphrase does not open the stored identity */
    IDENTITY_PASSPHRASE: -542,
    /** the stored identity needs a passphrase */
    IDENTITY_SEALED: -543,
    /** a passphrase is given, but the stored identity is not sealed */
    IDENTITY_PLAIN: -544,
    /** the directory knows no route to that gateway */
    NO_ROUTE: -600,
    /** the directory's answer is malformed */
    DIRECTORY_MALFORMED: -601,
    /** the directory answered with an HTTP error */
    DIRECTORY_STATUS: -602,
    /** the directory could not be reached */
    DIRECTORY_UNREACHABLE: -603,
    /** the directory did not answer in time */
    DIRECTORY_TIMEOUT: -604,
    /** the directory's answer is too large */
    DIRECTORY_SIZE: -605,
    /** the directory's answers do not belong together */
    DIRECTORY_INCONSISTENT: -606,
    /** the network has no usable node in a layer, or no gateway */
    DIRECTORY_INSUFFICIENT: -607,
    /** no entry gateway fits */
    NO_ENTRY: -610,
    /** the preferred gateway is unknown or cannot be used */
    PREFERRED_GATEWAY: -611,
    /** no exit fits */
    NO_EXIT: -612,
    /** the message is no stream frame */
    LP_NONE: -700,
    /** the stream frame's message type is unknown */
    LP_TYPE: -701,
    /** the packet router's protocol version is not supported */
    IPR_VERSION: -702,
    /** the request to the packet router is malformed */
    IPR_REQUEST: -703,
    /** the packet router's response is malformed */
    IPR_RESPONSE: -704,
    /** a line of the exit policy is malformed */
    POLICY: -705,
    /** the message belongs to another stream or session */
    IPR_STREAM: -706,
    /** the exit refused to connect */
    IPR_DENIED: -710,
    /** the exit did not answer the connect in time */
    IPR_TIMEOUT: -711,
    /** the exit stopped answering */
    IPR_SILENT: -712,
    /** the exit has forgotten this client */
    IPR_FORGOTTEN: -713,
    /** the exit ended the session */
    IPR_DISCONNECTED: -714,
    /** the exit's policy refuses this destination */
    IPR_REFUSED: -715,
    /** the IP packet is malformed, or nobody here waits for it */
    IP_PACKET: -800,
    /** the tunnel has no address of this IP version */
    IP_FAMILY: -801,
    /** too many sockets are open */
    SOCKET_LIMIT: -802,
    /** the connection was closed by ourselves */
    SOCKET_CLOSED: -803,
    /** the datagram does not fit one packet */
    DATAGRAM_SIZE: -804,
    /** the connection was refused */
    TCP_REFUSED: -810,
    /** the connection was reset by the peer */
    TCP_RESET: -811,
    /** the connection was not answered in time */
    TCP_TIMEOUT: -812,
    /** the peer stopped acknowledging */
    TCP_STALLED: -813,
    /** the destination cannot be reached */
    TCP_UNREACHABLE: -814,
    /** not a host name that can be looked up */
    DNS_NAME: -900,
    /** there is no such host name */
    DNS_NOT_FOUND: -901,
    /** the host name has no such records */
    DNS_NO_DATA: -902,
    /** the name servers failed */
    DNS_SERVER: -903,
    /** the name servers did not answer in time */
    DNS_TIMEOUT: -904,
    /** the name servers' answers are malformed */
    DNS_MALFORMED: -905,
    /** the host name is an alias of an alias, and so on for too long */
    DNS_CHAIN: -906,
    /** OpenSSL takes no randomness from the host */
    TLS_RANDOM: -1000,
    /** the root certificates to add are missing or malformed */
    TLS_ROOTS: -1001,
    /** the text is no PEM certificate */
    TLS_PEM: -1002,
    /** the server's certificate is not acceptable */
    TLS_CERTIFICATE: -1010,
    /** the server's certificate has expired, or is not valid yet */
    TLS_EXPIRED: -1011,
    /** the server's certificate is for another name */
    TLS_NAME: -1012,
    /** the server's certificate does not lead to a trusted root */
    TLS_UNTRUSTED: -1013,
    /** the TLS handshake failed */
    TLS_HANDSHAKE: -1014,
    /** the URL is malformed */
    HTTP_URL: -1100,
    /** the URL's scheme is neither http nor https */
    HTTP_SCHEME: -1101,
    /** the request's method or a header is malformed */
    HTTP_REQUEST: -1102,
    /** no connection to the server in time */
    HTTP_CONNECT_TIMEOUT: -1110,
    /** the server did not answer in time */
    HTTP_RESPONSE_TIMEOUT: -1111,
    /** the transfer stopped moving */
    HTTP_IDLE: -1112,
    /** the request took longer than its time limit */
    HTTP_TIMEOUT: -1113,
    /** the connection ended in the middle of the exchange */
    HTTP_CUT: -1120,
    /** the server's answer breaks the protocol */
    HTTP_PROTOCOL: -1121,
    /** the response's content encoding is broken */
    HTTP_ENCODING: -1122,
    /** the response's headers are too large */
    HTTP_TOO_LARGE: -1123,
    /** the request's body would have to be sent again, and streams only once */
    HTTP_REWIND: -1124,
    /** this method is not allowed, or cannot have a body */
    FETCH_METHOD: -1150,
    /** too many redirects */
    FETCH_REDIRECTS: -1151,
    /** the server redirects, which the request forbids */
    FETCH_REDIRECT_REFUSED: -1152,
    /** the server redirects to a URL that is malformed, or not http or https */
    FETCH_REDIRECT_URL: -1153,
    /** the server redirects from https to http */
    FETCH_DOWNGRADE: -1154,
    /** the server redirects a request whose body streams only once */
    FETCH_BODY_ONCE: -1155,
    /** the host is empty or has a character that a Host header cannot have */
    WEBSOCKET_HOST: -1200,
    /** the request's target does not start with a slash or has a character that it cannot have */
    WEBSOCKET_TARGET: -1201,
    /** a sub-protocol is no token, or is named twice */
    WEBSOCKET_PROTOCOLS: -1202,
    /** a header to send is malformed, or the handshake sets it itself */
    WEBSOCKET_HEADER: -1203,
    /** the text to send is not UTF-8 */
    WEBSOCKET_TEXT: -1204,
    /** the close code is none that may be sent */
    WEBSOCKET_CODE: -1205,
    /** the close reason has no code, is not UTF-8 or is longer than 123 bytes */
    WEBSOCKET_REASON: -1206,
    /** a ping carries at most 125 bytes */
    WEBSOCKET_PING: -1207,
    /** the server's answer is not an HTTP response */
    WEBSOCKET_HEAD: -1210,
    /** the head of the server's answer is too long */
    WEBSOCKET_HEAD_SIZE: -1211,
    /** the server did not switch to WebSocket */
    WEBSOCKET_STATUS: -1212,
    /** the answer's Upgrade or Connection header does not name the WebSocket */
    WEBSOCKET_UPGRADE: -1213,
    /** the answer's Sec-WebSocket-Accept does not belong to our key */
    WEBSOCKET_ACCEPT: -1214,
    /** the server uses an extension that was not offered */
    WEBSOCKET_EXTENSION: -1215,
    /** the server chose none of the sub-protocols that were offered */
    WEBSOCKET_PROTOCOL: -1216,
    /** the server did not answer the handshake in time */
    WEBSOCKET_OPEN_TIMEOUT: -1217,
    /** the server sent a frame that the protocol forbids */
    WEBSOCKET_FRAME: -1220,
    /** the server's close frame has a code that the protocol forbids */
    WEBSOCKET_CLOSE_FRAME: -1221,
    /** the server sent text that is not UTF-8 */
    WEBSOCKET_UTF8: -1222,
    /** the server sent a message larger than the limit */
    WEBSOCKET_SIZE: -1223,
    /** the connection ended without a closing handshake */
    WEBSOCKET_LOST: -1230,
    /** the server did not answer the close in time */
    WEBSOCKET_CLOSE_TIMEOUT: -1231,
    /** closed before the handshake was done */
    WEBSOCKET_ABORTED: -1232,
    /** the tunnel was not ready in time */
    TUNNEL_TIMEOUT: -1300,
    /** the node has no key for the packet's rotation */
    NODE_KEY: -1400,
    /** the packet was seen before */
    NODE_REPLAY: -1401,
    /** the node does not take this kind of packet */
    NODE_ROLE: -1402,
    /** a file of the network is malformed */
    NETWORK_FILE: -1403,
    /** the state folder cannot be used */
    STATE_FOLDER: -1404,
    /** an address cannot be listened on */
    LISTEN: -1405,
    /** a certificate cannot be made or read */
    CERTIFICATE: -1406,
    /** not the Noise handshake or channel that nodes use */
    NOISE: -1420,
    /** the other node's handshake takes too long */
    LINK_TIMEOUT: -1421,
} as const;
