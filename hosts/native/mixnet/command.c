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

/* What the command line says; each command runs once in a process. */
static struct {
    const char *folder, *role, *log_file, *host, *release;
    const char
        *faults[sizeof faults_names / sizeof *faults_names]; /* in the order of their names */
    arg_number mixes, gateways, exits, directory, plain, level, mtu, seed, metrics;
    bool no_cover, allow_local, upstream_dns, tun, noise, nameless, until_eof;
    arg_list resolve, forward;
} given = {
    .host = "127.0.0.1",
    .mixes = {1, 1, 64},
    .gateways = {1, 1, 16},
    .exits = {1, 1, 16},
    .directory = {0, 0, 65535},
    .plain = {0, 0, 65535},
    .level = {MIX_LOG_INFO, MIX_LOG_NONE, MIX_LOG_TRACE},
    .mtu = {1500, 1280, 1500},
    .seed = {1, 0, LONG_MAX},
    .metrics = {-1, 0, 65535},
};

static const arg_option options[] = {
    {"--state", ARG_TEXT, &given.folder, "DIR",
     "folder of keys, certificates and clients (made when missing; required)"},
    {"--mixes", ARG_NUMBER, &given.mixes, "N", "mixes in each of the three layers (1)"},
    {"--gateways", ARG_NUMBER, &given.gateways, "N", "entry gateways (1)"},
    {"--exits", ARG_NUMBER, &given.exits, "N", "exits (1)"},
    {"--role", ARG_TEXT, &given.role, "NAME",
     "run one role alone: directory, mix1, gateway1, exit1, …"},
    {"--host", ARG_TEXT, &given.host, "IP", "address to listen on (127.0.0.1)"},
    {"--directory-port", ARG_NUMBER, &given.directory, "PORT",
     "port of the directory over TLS (a free one)"},
    {"--directory-http-port", ARG_NUMBER, &given.plain, "PORT",
     "port of the directory without TLS (a free one)"},
    {"--nameless", ARG_FLAG, &given.nameless, NULL,
     "gateways have no host names: a browser that does not trust ca.pem can use ws://IP:PORT"},
    {"--release", ARG_TEXT, &given.release, "X.Y.Z",
     "release that the nodes announce (1.37.0: IPR version 10)"},
    {"--resolve", ARG_LIST, &given.resolve, "NAME=IP[,TTL]", "the exits' DNS knows this name"},
    {"--forward", ARG_LIST, &given.forward, "IP:PORT=HOST:PORT",
     "packets to this destination go to that local server"},
    {"--upstream-dns", ARG_FLAG, &given.upstream_dns, NULL,
     "questions for other names go on to the DNS server that the client asked"},
    {"--allow-local", ARG_FLAG, &given.allow_local, NULL,
     "the exits let packets to private addresses through"},
    {"--mtu", ARG_NUMBER, &given.mtu, "BYTES", "of the exits' internet (1500)"},
    {"--tun", ARG_FLAG, &given.tun, NULL,
     "a TUN device and the kernel's TCP instead of user-mode NAT (root)"},
    {"--no-cover", ARG_FLAG, &given.no_cover, NULL, "the exits send no cover traffic"},
    {"--noise", ARG_FLAG, &given.noise, NULL,
     "nodes publish Noise keys and encrypt what they send each other; the folder keeps it"},
    {"--delay", ARG_TEXT, &given.faults[4], "MS[,JITTER]",
     "each frame between nodes is so late, up to JITTER more"},
    {"--loss", ARG_TEXT, &given.faults[0], "SHARE", "of the frames between nodes is lost (0 to 1)"},
    {"--reorder", ARG_TEXT, &given.faults[1], "SHARE", "of them is held back and overtaken"},
    {"--duplicate", ARG_TEXT, &given.faults[2], "SHARE", "of them comes twice"},
    {"--corrupt", ARG_TEXT, &given.faults[3], "SHARE", "of them has a bit flipped in its packet"},
    {"--seed", ARG_NUMBER, &given.seed, "N",
     "of the dice for these (1): the same faults in every run"},
    {"--until-eof", ARG_FLAG, &given.until_eof, NULL,
     "end when stdin is closed: with the process that started it"},
    {"--metrics", ARG_NUMBER, &given.metrics, "PORT",
     "figures for Prometheus at http://127.0.0.1:PORT/metrics (0: a free port)"},
    {"--log", ARG_TEXT, &given.log_file, "FILE", "write the log there instead of stderr"},
    {"--log-level", ARG_NUMBER, &given.level, "0-5",
     "none, errors, warnings, info (3), debug, trace"},
    {0},
};

static void help(void) {
    printf(
        "usage: lwmix mixnet [OPTION …]\n"
        "       lwmix mixnet ctl --state DIR WORD [ARGUMENT …]     ('lwmix mixnet ctl --help')\n\n"
        "Runs a mixnet on loopback: a directory, gateways, three layers of mixes, exits with an IP "
        "packet router. When all of it\n"
        "listens, one line of JSON on stdout says where. SIGTERM ends it. The state folder keeps "
        "keys, certificates and clients.\n\n");
    args_help(stdout, options);
}

static bool read_faults(faults_rule *rule) {
    for (size_t i = 0; faults_names[i]; i++) {
        mix_error e = {0};
        if (given.faults[i] && faults_set(rule, faults_names[i], given.faults[i], &e) != MIX_OK) {
            fprintf(stderr, "lwmix mixnet: --%s\n", e.words);
            return false;
        }
    }
    return true;
}

static bool check(mix_address *address, faults_rule *rule) {
    if (!given.folder) {
        fprintf(stderr, "lwmix mixnet: --state DIR is required; try 'lwmix mixnet --help'\n");
        return false;
    }
    if (mix_ip_parse(address, mix_bytes_str(given.host)) != MIX_OK) {
        fprintf(stderr, "lwmix mixnet: --host: '%s' is not an IP address\n", given.host);
        return false;
    }
    return read_faults(rule);
}

static int run(const mix_address *address, const faults_rule *rule) {
    FILE *log = given.log_file ? fopen(given.log_file, "ae") : stderr;
    if (!log) {
        fprintf(stderr, "lwmix mixnet: --log %s: %s\n", given.log_file, strerror(errno));
        return 2;
    }
    mix_env env;
    host_env_init(&env, log, (mix_log_level)given.level.value);
    daemon_options o = {
        .folder = given.folder,
        .plan = {(uint32_t)given.mixes.value, (uint32_t)given.gateways.value,
                 (uint32_t)given.exits.value, *address, given.release, given.nameless},
        .role = given.role,
        .directory_port = (uint16_t)given.directory.value,
        .plain_directory_port = (uint16_t)given.plain.value,
        .noise = given.noise,
        .faults = *rule,
        .seed = (uint64_t)given.seed.value,
        .until_eof = given.until_eof,
        .metrics_port = (int)given.metrics.value,
        .service = {.no_cover = given.no_cover,
                    .allow_local = given.allow_local,
                    .release = given.release,
                    .mtu = (uint16_t)given.mtu.value,
                    .resolve = given.resolve.items,
                    .resolve_count = given.resolve.count,
                    .forward = given.forward.items,
                    .forward_count = given.forward.count,
                    .upstream_dns = given.upstream_dns,
                    .tun = given.tun},
        .env = &env,
    };
    int exit_status = daemon_run(&o);
    if (given.log_file)
        fclose(log);
    return exit_status;
}

int command_mixnet(int argc, char **argv) {
    bool wants_help;
    mix_address address;
    faults_rule rule = {0};
    if (argc > 1 && strcmp(argv[1], "ctl") == 0)
        return command_ctl(argc - 1, argv + 1);
    if (!args_read("mixnet", options, argc, argv, NULL, &wants_help))
        return 2;
    if (wants_help) {
        help();
        return 0;
    }
    return check(&address, &rule) ? run(&address, &rule) : 2;
}
