/* SPDX-License-Identifier: Apache-2.0 */
/* Words into a request, and the request to the socket. */
#include "mixnet/ctl.h"

#include "args.h"
#include "mixnet/control.h"
#include "mixnet/verbs.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <yyjson.h>

enum { WAIT_SECONDS = 30 };

bool ctl_path(char *out, size_t size, const char *folder, const char *role) {
    int n = snprintf(out, size, "%s/control%s%s", folder, role ? "-" : "", role ? role : "");
    return n > 0 && (size_t)n < size;
}

static void help_verb(const verb *v) {
    char left[128];
    int n = snprintf(left, sizeof left, "%s", v->name);
    for (size_t i = 0; i < VERB_PARAMETERS && v->parameters[i].name; i++) {
        bool optional = v->parameters[i].optional;
        n += snprintf(left + n, sizeof left - (size_t)n, optional ? " [" : " ");
        for (const char *p = v->parameters[i].name; *p; p++)
            left[n++] = (char)toupper((unsigned char)*p);
        n += snprintf(left + n, sizeof left - (size_t)n, optional ? "]" : "");
    }
    printf("  %-28s %s%s\n", left, n > 28 ? "\n                               " : "", v->help);
}

static void help(const arg_option *options) {
    printf("usage: lwmix mixnet ctl --state DIR WORD [ARGUMENT …]\n\n"
           "Asks the mixnet that runs with this state folder to do something, and prints its "
           "answer: a line of JSON. Exit status 1 when\n"
           "it could not. Without the name of a gateway or exit: all of them. Arguments may be "
           "given as NAME=VALUE too.\n\n");
    args_help(stdout, options);
    printf("\n");
    for (const verb *v = verbs; v->name; v++)
        help_verb(v);
}

static int complain(const char *format, const char *a, const char *b) {
    fprintf(stderr, "lwmix mixnet ctl: ");
    fprintf(stderr, format, a, b);
    fprintf(stderr, "\n");
    return 2;
}

/* --- the request --- */

static const struct verb_parameter *find_parameter(const verb *v, const char *name, size_t len) {
    for (size_t i = 0; i < VERB_PARAMETERS && v->parameters[i].name; i++) {
        if (strlen(v->parameters[i].name) == len && memcmp(v->parameters[i].name, name, len) == 0)
            return &v->parameters[i];
    }
    return NULL;
}

static bool put(yyjson_mut_doc *doc, const char *name, size_t len, const char *value, bool number) {
    yyjson_mut_val *key = yyjson_mut_strncpy(doc, name, len), *v;
    char *end = NULL;
    unsigned long long n = 0;
    if (number && isdigit((unsigned char)*value)) {
        errno = 0;
        n = strtoull(value, &end, 10);
    }
    v = end && !*end && errno == 0
            ? yyjson_mut_uint(doc, n)
            : yyjson_mut_str(doc, value); /* what is no number the daemon refuses */
    return yyjson_mut_obj_put(yyjson_mut_doc_get_root(doc), key, v);
}

/* False after a line that says which word is wrong. */
static bool put_words(yyjson_mut_doc *doc, const verb *v, const arg_list *words) {
    size_t place = 0;
    for (size_t i = 1; i < words->count; i++) {
        const char *word = words->items[i], *equals = strchr(word, '=');
        const struct verb_parameter *p =
            equals ? find_parameter(v, word, (size_t)(equals - word)) : NULL;
        bool ok;
        if (equals) {
            ok = put(doc, word, (size_t)(equals - word), equals + 1, p && p->kind == VERB_NUMBER);
        } else if (place == VERB_PARAMETERS || !v->parameters[place].name) {
            complain("%s: '%s' is too much", v->name, word);
            return false;
        } else {
            p = &v->parameters[place++];
            ok = put(doc, p->name, strlen(p->name), word, p->kind == VERB_NUMBER);
        }
        if (!ok)
            return false;
    }
    return true;
}

static char *make_request(const arg_list *words) {
    const verb *v = verbs_find(words->items[0]);
    if (!v) {
        complain("there is no word '%s'%s", words->items[0], "; try 'lwmix mixnet ctl --help'");
        return NULL;
    }
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    yyjson_mut_doc_set_root(doc, root);
    yyjson_mut_obj_add_str(doc, root, "do", v->name);
    char *text = put_words(doc, v, words) ? yyjson_mut_write(doc, 0, NULL) : NULL;
    yyjson_mut_doc_free(doc);
    return text;
}

/* --- the socket --- */

static int open_socket(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval wait = {.tv_sec = WAIT_SECONDS};
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static bool send_all(int fd, const char *text, size_t len) {
    for (ssize_t n; len > 0; text += n, len -= (size_t)n) {
        n = send(fd, text, len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
    }
    return true;
}

/* Appends the answer without its end. */
static bool read_line(int fd, mix_buf *out) {
    char chunk[4096];
    for (ssize_t n; (n = recv(fd, chunk, sizeof chunk, 0)) > 0;) {
        char *end = memchr(chunk, '\n', (size_t)n);
        mix_buf_put(out, chunk, end ? (size_t)(end - chunk) : (size_t)n);
        if (end)
            return mix_buf_status(out) == MIX_OK;
    }
    return false;
}

static int ask(const char *path, const char *request) {
    mix_buf answer = {0};
    int fd = open_socket(path);
    if (fd < 0)
        return complain("%s: %s (does the mixnet run?)", path, strerror(errno));
    bool ok =
        send_all(fd, request, strlen(request)) && send_all(fd, "\n", 1) && read_line(fd, &answer);
    close(fd);
    if (!ok) {
        mix_buf_deinit(&answer);
        return complain("%s: no answer came%s", path, "");
    }
    printf("%.*s\n", (int)answer.len, (char *)answer.data);
    yyjson_doc *doc = yyjson_read((char *)answer.data, answer.len, 0);
    ok = yyjson_get_bool(yyjson_obj_get(yyjson_doc_get_root(doc), "ok"));
    yyjson_doc_free(doc);
    mix_buf_deinit(&answer);
    return ok ? 0 : 1;
}

int command_ctl(int argc, char **argv) {
    const char *folder = NULL, *role = NULL;
    bool wants_help = false;
    arg_list words = {0};
    char path[CONTROL_PATH_MAX + 1];
    const arg_option options[] = {
        {"--state", ARG_TEXT, &folder, "DIR", "folder of the running mixnet (required)"},
        {"--role", ARG_TEXT, &role, "NAME", "of the process to ask, when roles run alone"},
        {0},
    };
    if (!args_read("mixnet ctl", options, argc, argv, &words, &wants_help))
        return 2;
    if (wants_help) {
        help(options);
        return 0;
    }
    if (!folder || words.count == 0)
        return complain("%s; try 'lwmix mixnet ctl --help'%s",
                        folder ? "a word is missing" : "--state DIR is required", "");
    if (!ctl_path(path, sizeof path, folder, role))
        return complain("%s: the path is too long for a socket%s", folder, "");
    char *request = make_request(&words);
    int status = request ? ask(path, request) : 2;
    free(request);
    return status;
}
