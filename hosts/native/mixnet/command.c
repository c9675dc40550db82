/* SPDX-License-Identifier: Apache-2.0 */
/* lwmix mixnet: options, then the daemon. */
#include "commands.h"

#include "args.h"
#include "env.h"
#include "mixnet/ctl.h"
#include "mixnet/daemon.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static void help(const arg_option *options) {
    printf("usage: lwmix mixnet [OPTION …]\n"
           "       lwmix mixnet ctl --state DIR WORD [ARGUMENT …]     ('lwmix mixnet ctl --help')\n\n"
           "Runs a mixnet on loopback: a directory, gateways, three layers of mixes, exits with an IP packet router. When all of it\n"
           "listens, one line of JSON on stdout says where. SIGTERM ends it. The state folder keeps keys, certificates and clients.\n\n");
    args_help(stdout, options);
}

int command_mixnet(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "ctl") == 0)
        return command_ctl(argc - 1, argv + 1);
    const char *folder = NULL, *role = NULL, *log_file = NULL, *host = "127.0.0.1", *release = NULL;
    arg_number mixes = {1, 1, 64}, gateways = {1, 1, 16}, exits = {1, 1, 16}, directory = {0, 0, 65535}, plain = {0, 0, 65535},
               level = {MIX_LOG_INFO, MIX_LOG_NONE, MIX_LOG_TRACE}, mtu = {1500, 1280, 1500};
    arg_number seed = {1, 0, LONG_MAX}, metrics = {-1, 0, 65535};
    const char *faults[sizeof faults_names / sizeof *faults_names] = {0}; /* in the order of their names */
    bool no_cover = false, allow_local = false, upstream_dns = false, tun = false, wants_help = false;
    arg_list resolve = {0}, forward = {0};
    const arg_option options[] = {
        {"--state", ARG_TEXT, &folder, "DIR", "folder of keys, certificates and clients (made when missing; required)"},
        {"--mixes", ARG_NUMBER, &mixes, "N", "mixes in each of the three layers (1)"},
        {"--gateways", ARG_NUMBER, &gateways, "N", "entry gateways (1)"},
        {"--exits", ARG_NUMBER, &exits, "N", "exits (1)"},
        {"--role", ARG_TEXT, &role, "NAME", "run one role alone: directory, mix1, gateway1, exit1, …"},
        {"--host", ARG_TEXT, &host, "IP", "address to listen on (127.0.0.1)"},
        {"--directory-port", ARG_NUMBER, &directory, "PORT", "port of the directory over TLS (a free one)"},
        {"--directory-http-port", ARG_NUMBER, &plain, "PORT", "port of the directory without TLS (a free one)"},
        {"--release", ARG_TEXT, &release, "X.Y.Z", "release that the nodes announce (1.37.0: IPR version 10)"},
        {"--resolve", ARG_LIST, &resolve, "NAME=IP[,TTL]", "the exits' DNS knows this name"},
        {"--forward", ARG_LIST, &forward, "IP:PORT=HOST:PORT", "packets to this destination go to that local server"},
        {"--upstream-dns", ARG_FLAG, &upstream_dns, NULL, "ask the machine's DNS for other names"},
        {"--allow-local", ARG_FLAG, &allow_local, NULL, "the exits let packets to private addresses through"},
        {"--mtu", ARG_NUMBER, &mtu, "BYTES", "of the exits' internet (1500)"},
        {"--tun", ARG_FLAG, &tun, NULL, "a TUN device and the kernel's TCP instead of user-mode NAT (root)"},
        {"--no-cover", ARG_FLAG, &no_cover, NULL, "the exits send no cover traffic"},
        {"--delay", ARG_TEXT, &faults[4], "MS[,JITTER]", "each frame between nodes is so late, up to JITTER more"},
        {"--loss", ARG_TEXT, &faults[0], "SHARE", "of the frames between nodes is lost (0 to 1)"},
        {"--reorder", ARG_TEXT, &faults[1], "SHARE", "of them is held back and overtaken"},
        {"--duplicate", ARG_TEXT, &faults[2], "SHARE", "of them comes twice"},
        {"--corrupt", ARG_TEXT, &faults[3], "SHARE", "of them has a bit flipped in its packet"},
        {"--seed", ARG_NUMBER, &seed, "N", "of the dice for these (1): the same faults in every run"},
        {"--metrics", ARG_NUMBER, &metrics, "PORT", "figures for Prometheus at http://127.0.0.1:PORT/metrics (0: a free port)"},
        {"--log", ARG_TEXT, &log_file, "FILE", "write the log there instead of stderr"},
        {"--log-level", ARG_NUMBER, &level, "0-5", "none, errors, warnings, info (3), debug, trace"},
        {0},
    };
    if (!args_read("mixnet", options, argc, argv, NULL, &wants_help))
        return 2;
    if (wants_help) {
        help(options);
        return 0;
    }
    if (!folder) {
        fprintf(stderr, "lwmix mixnet: --state DIR is required; try 'lwmix mixnet --help'\n");
        return 2;
    }
    mix_address address;
    if (mix_ip_parse(&address, mix_bytes_str(host)) != MIX_OK) {
        fprintf(stderr, "lwmix mixnet: --host: '%s' is not an IP address\n", host);
        return 2;
    }
    faults_rule rule = {0};
    for (size_t i = 0; faults_names[i]; i++) {
        mix_error e = {0};
        if (faults[i] && faults_set(&rule, faults_names[i], faults[i], &e) != MIX_OK) {
            fprintf(stderr, "lwmix mixnet: --%s\n", e.words);
            return 2;
        }
    }
    FILE *log = log_file ? fopen(log_file, "ae") : stderr;
    if (!log) {
        fprintf(stderr, "lwmix mixnet: --log %s: %s\n", log_file, strerror(errno));
        return 2;
    }
    mix_env env;
    host_env_init(&env, log, (mix_log_level)level.value);
    daemon_options o = {
        .folder = folder,
        .plan = {(uint32_t)mixes.value, (uint32_t)gateways.value, (uint32_t)exits.value, address, release},
        .role = role,
        .directory_port = (uint16_t)directory.value,
        .plain_directory_port = (uint16_t)plain.value,
        .faults = rule,
        .seed = (uint64_t)seed.value,
        .metrics_port = (int)metrics.value,
        .service = {.no_cover = no_cover, .allow_local = allow_local, .release = release, .mtu = (uint16_t)mtu.value,
                    .resolve = resolve.items, .resolve_count = resolve.count, .forward = forward.items, .forward_count = forward.count,
                    .upstream_dns = upstream_dns, .tun = tun},
        .env = &env,
    };
    int exit_status = daemon_run(&o);
    if (log_file)
        fclose(log);
    return exit_status;
}
