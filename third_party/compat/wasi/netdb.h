/* SPDX-License-Identifier: Apache-2.0 */
/* Name lookup as POSIX declares it, which wasi-libc leaves out; src/sockets defines what is linked (numbers only). */
#ifndef COMPAT_NETDB_H
#define COMPAT_NETDB_H
#include <netinet/in.h>
#include <sys/socket.h>

struct addrinfo {
    int ai_flags;
    int ai_family;
    int ai_socktype;
    int ai_protocol;
    socklen_t ai_addrlen;
    struct sockaddr *ai_addr;
    char *ai_canonname;
    struct addrinfo *ai_next;
};

struct hostent {
    char *h_name;
    char **h_aliases;
    int h_addrtype;
    int h_length;
    char **h_addr_list;
};

struct servent {
    char *s_name;
    char **s_aliases;
    int s_port;
    char *s_proto;
};

/* Macros, since sources ask for some of them with #ifdef. The values are ours alone: the same build has both sides. */
#define AI_PASSIVE 1
#define AI_CANONNAME 2
#define AI_NUMERICHOST 4
#define AI_NUMERICSERV 8
#define NI_NUMERICHOST 1
#define NI_NUMERICSERV 2
#define NI_MAXSERV 32
#define NI_MAXHOST 255
#define EAI_AGAIN 1
#define EAI_FAIL 2
#define EAI_MEMORY 3
#define EAI_NONAME 4
#define EAI_FAMILY 5
#define EAI_SERVICE 6
#define EAI_SOCKTYPE 7
#define EAI_BADFLAGS 8
#define HOST_NOT_FOUND 1
#define TRY_AGAIN 2
#define NO_RECOVERY 3
#define NO_DATA 4

int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **out);
void freeaddrinfo(struct addrinfo *list);
const char *gai_strerror(int code);
int getnameinfo(const struct sockaddr *addr, socklen_t len, char *host, socklen_t hostlen, char *service,
                socklen_t servicelen, int flags);
struct hostent *gethostbyname(const char *name);
struct servent *getservbyname(const char *name, const char *proto);
struct servent *getservbyport(int port, const char *proto);

#endif
