/* SPDX-License-Identifier: Apache-2.0 */
/* lwmix: a table of commands. */
#include "commands.h"

#ifdef LWMIX_STATIC
#include <nss.h>
#endif
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} commands[] = {
    {"fetch", command_fetch, "get URLs"},
    {"dns", command_dns, "look a name up"},
    {"ws", command_ws, "open a WebSocket: lines in, lines out"},
    {"verify", command_verify, "judge a certificate chain as the tunnel does"},
    {"ping", command_ping, "measure the way through the mixnet to an exit and back"},
    {"proxy", command_proxy, "let curl, git or a browser use the tunnel, by SOCKS5 and HTTP"},
    {"bench", command_bench, "measure a tunnel"},
    {"playground", command_playground,
     "a page that shows the tunnel at work, with a mixnet of its own"},
    {"mixnet", command_mixnet, "run a whole mixnet on this machine, or one role of it"},
};

static void help(FILE *out) {
    fprintf(out, "usage: lwmix COMMAND [OPTION …]\n\n");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].help);
    fprintf(out, "\n'lwmix COMMAND --help' tells more.\n");
}

int main(int argc, char **argv) {
#ifdef LWMIX_STATIC
    /* Other ways to look names up are shared libraries that belong to another C library than ours.
     */
    __nss_configure_lookup("hosts", "files dns");
#endif
    if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
                      strcmp(argv[1], "help") == 0)) {
        help(stdout);
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        printf("lwmix %s\n", LWMIX_VERSION);
        return 0;
    }
    for (size_t i = 0; argc >= 2 && i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    }
    if (argc >= 2)
        fprintf(stderr, "lwmix: there is no command '%s'; try 'lwmix --help'\n", argv[1]);
    else
        help(stderr);
    return 2;
}
