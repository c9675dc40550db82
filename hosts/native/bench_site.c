/* SPDX-License-Identifier: Apache-2.0 */
/* A site on libwebsockets and a mixnet in front of it, each in a process of its own, so that what
 * the client costs is the client's alone. */
#include "base/buf.h"
#include "bench.h"
#include "commands.h"
#include "mixnet/certificates.h"

#include <errno.h>
#include <ftw.h>
#include <libwebsockets.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#define SITE_IP "93.184.216.34"
enum { CHUNK = 16384, LINE = 4096, HEADS = 1024, ECHO_MOST = 1 << 20 };

/* ---- the site ---- */

typedef struct session {
    bool sends, takes;
    uint64_t left, received; /* bytes of the answer's body; of the request's */
    mix_buf in, out;         /* WebSocket: fragments of a message; an answer */
} session;

static int send_head(struct lws *wsi, session *s, uint64_t length) {
    uint8_t storage[LWS_PRE + HEADS], *start = storage + LWS_PRE, *p = start;
    uint8_t *end = storage + sizeof storage - 1;
    if (lws_add_http_common_headers(wsi, 200, "application/octet-stream", length, &p, end) != 0 ||
        lws_finalize_write_http_header(wsi, start, &p, end) != 0)
        return -1;
    s->left = length;
    s->sends = length > 0;
    if (s->sends)
        lws_callback_on_writable(wsi);
    return s->sends || lws_http_transaction_completed(wsi) == 0 ? 0 : -1;
}

static int on_request(struct lws *wsi, session *s, const char *path) {
    unsigned long long n = 2;
    *s = (session){0};
    s->takes = lws_hdr_total_length(wsi, WSI_TOKEN_POST_URI) > 0;
    if (s->takes)
        return 0;
    if (strncmp(path, "/bytes/", 7) == 0)
        n = strtoull(path + 7, NULL, 10);
    return n <= BENCH_BYTES_MOST ? send_head(wsi, s, n) : -1;
}

static int send_body(struct lws *wsi, session *s) {
    static uint8_t chunk[LWS_PRE + CHUNK];
    if (!s->sends)
        return 0;
    size_t n = s->left < CHUNK ? (size_t)s->left : CHUNK;
    bool last = n == s->left;
    if (lws_write(wsi, chunk + LWS_PRE, n, last ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) < (int)n)
        return -1;
    s->left -= n;
    s->sends = !last;
    if (last)
        return lws_http_transaction_completed(wsi) ? -1 : 0;
    lws_callback_on_writable(wsi);
    return 0;
}

/* One message after the other: whoever sends a second before the first is back is cut off. */
static int on_message(struct lws *wsi, session *s, const void *in, size_t len) {
    if (s->out.len > 0 || s->in.len + len > ECHO_MOST)
        return -1;
    if (s->in.len == 0)
        mix_buf_put_zeros(&s->in, LWS_PRE);
    mix_buf_put(&s->in, in, len);
    if (mix_buf_status(&s->in) != MIX_OK)
        return -1;
    if (lws_remaining_packet_payload(wsi) > 0 || !lws_is_final_fragment(wsi))
        return 0;
    mix_buf swap = s->out;
    s->out = s->in;
    s->in = swap;
    lws_callback_on_writable(wsi);
    return 0;
}

static int send_echo(struct lws *wsi, session *s) {
    if (s->out.len == 0)
        return 0;
    size_t n = s->out.len - LWS_PRE;
    int sent = lws_write(wsi, s->out.data + LWS_PRE, n, LWS_WRITE_BINARY);
    mix_buf_truncate(&s->out, 0);
    return sent < (int)n ? -1 : 0;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t len) {
    session *s = user;
    switch (reason) {
    case LWS_CALLBACK_HTTP:
        return on_request(wsi, s, in);
    case LWS_CALLBACK_HTTP_BODY:
        s->received += len;
        return 0;
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        return send_head(wsi, s, 2);
    case LWS_CALLBACK_HTTP_WRITEABLE:
        return send_body(wsi, s);
    case LWS_CALLBACK_ESTABLISHED:
        *s = (session){0};
        return 0;
    case LWS_CALLBACK_RECEIVE:
        return on_message(wsi, s, in, len);
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return send_echo(wsi, s);
    case LWS_CALLBACK_CLOSED:
        mix_buf_deinit(&s->in);
        mix_buf_deinit(&s->out);
        return 0;
    default:
        return 0;
    }
}

static const struct lws_protocols protocols[] = {
    {.name = "bench",
     .callback = on_event,
     .per_session_data_size = sizeof(session),
     .rx_buffer_size = CHUNK},
    LWS_PROTOCOL_LIST_TERM,
};

/* A line with its port on stdout, then it serves until it is killed. */
static int serve(int argc, char **argv) {
    const char *folder = argv[argc - 1];
    char certificate[PATH_MAX + 16], key[PATH_MAX + 16];
    mix_error e = {0};
    if (certificates_open(folder, NULL, 0, &e) != MIX_OK) {
        fprintf(stderr, "lwmix bench: %s\n", e.words);
        return 1;
    }
    snprintf(certificate, sizeof certificate, "%s/server.pem", folder);
    snprintf(key, sizeof key, "%s/server.key", folder);
    lws_set_log_level(0, NULL);
    struct lws_context_creation_info info = {
        .port = 0,
        .iface = "127.0.0.1",
        .protocols = protocols,
        .ssl_cert_filepath = certificate,
        .ssl_private_key_filepath = key,
        .keepalive_timeout = 300,
        .timeout_secs = 120,
        .pt_serv_buf_size = 65536,
        .options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
    };
    struct lws_context *context = lws_create_context(&info);
    struct lws_vhost *vhost = context ? lws_create_vhost(context, &info) : NULL;
    if (!vhost) {
        fprintf(stderr, "lwmix bench: no server can be started on loopback\n");
        return 1;
    }
    printf("%d\n", lws_get_vhost_listen_port(vhost));
    fflush(stdout);
    while (lws_service(context, 0) >= 0)
        ;
    return 1;
}

/* ---- processes ---- */

static void prepare_child(int out) {
    dup2(out, STDOUT_FILENO);
    close(out);
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
}

/* Reads one line of what it writes; false: it ended before. */
static bool read_line(int fd, char *line, size_t cap) {
    size_t len = 0;
    while (len + 1 < cap && (len == 0 || line[len - 1] != '\n')) {
        ssize_t n = read(fd, line + len, 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        len++;
    }
    line[len] = 0;
    return true;
}

/* The child's first line; its pipe is closed then: nobody listens to more. */
static pid_t start(int (*run)(int argc, char **argv), char **argv, char *line, size_t cap) {
    int fds[2], argc = 0;
    while (argv[argc])
        argc++;
    if (pipe(fds) != 0)
        return 0;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        close(fds[0]);
        prepare_child(fds[1]);
        int status = run(argc, argv);
        fflush(NULL);
        _exit(status);
    }
    close(fds[1]);
    bool well = child > 0 && read_line(fds[0], line, cap);
    close(fds[0]);
    if (child > 0 && !well) {
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
    }
    return well ? child : 0;
}

static void end(pid_t *child, int signal) {
    if (*child == 0)
        return;
    kill(*child, signal);
    while (waitpid(*child, NULL, 0) < 0 && errno == EINTR)
        ;
    *child = 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at) {
    (void)st, (void)type, (void)at;
    return remove(path);
}

void bench_site_stop(bench_site *s) {
    end(&s->mixnet, SIGTERM);
    end(&s->site, SIGKILL);
    if (s->folder[0])
        (void)nftw(s->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    s->folder[0] = 0;
}

static bool start_mixnet(bench_site *s, int port) {
    char line[LINE], log[PATH_MAX + 8], forward[96];
    snprintf(log, sizeof log, "%s/log", s->folder);
    snprintf(forward, sizeof forward, "--forward=" SITE_IP ":443=127.0.0.1:%d", port);
    char *words[] = {
        "mixnet", "--resolve=" BENCH_HOST "=" SITE_IP, forward, "--state", s->folder, "--log", log,
        NULL};
    s->mixnet = start(command_mixnet, words, line, sizeof line);
    return s->mixnet != 0;
}

int bench_site_start(bench_site *s) {
    const char *tmp = getenv("TMPDIR");
    char line[LINE];
    *s = (bench_site){0};
    snprintf(s->folder, sizeof s->folder, "%s/lwmix-bench-XXXXXX", tmp && tmp[0] ? tmp : "/tmp");
    if (!mkdtemp(s->folder)) {
        fprintf(stderr, "lwmix bench: %s: %s\n", s->folder, strerror(errno));
        s->folder[0] = 0;
        return CLIENT_EXIT_STORAGE;
    }
    char *words[] = {"site", s->folder, NULL};
    s->site = start(serve, words, line, sizeof line);
    if (s->site != 0 && start_mixnet(s, atoi(line)))
        return 0;
    fprintf(stderr, "lwmix bench: the local mixnet cannot be started\n");
    bench_site_stop(s);
    return CLIENT_EXIT_OTHER;
}
