/* SPDX-License-Identifier: Apache-2.0 */
/* The mixnet's process, and its folder. */
#include "playground/local.h"

#include "files.h"
#include "mixnet/certificates.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ARGUMENTS_MAX = 32, LINE_MAX_BYTES = 65536 };

/* --- the folder --- */

int local_init(local *l, mix_error *e) {
    const char *parent = getenv("TMPDIR");
    *l = (local){0};
    snprintf(l->folder, sizeof l->folder, "%.3000s/lwmix-playground-XXXXXX",
             parent && parent[0] ? parent : "/tmp");
    if (!mkdtemp(l->folder))
        return mix_error_note(e, MIX_ERR_STATE_FOLDER, "playground", errno, "%.100s: %s", l->folder,
                              strerror(errno));
    l->temporary = true;
    return certificates_open(l->folder, NULL, 0, e);
}

/* There are only files in it. */
static void remove_folder(const char *folder) {
    struct dirent *entry;
    DIR *d = opendir(folder);
    while (d && (entry = readdir(d)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            (void)unlinkat(dirfd(d), entry->d_name, 0);
    }
    if (d)
        closedir(d);
    (void)rmdir(folder);
}

void local_deinit(local *l) {
    mix_buf_deinit(&l->line);
    if (l->temporary)
        remove_folder(l->folder);
    l->temporary = false;
}

/* --- the process --- */

static void on_exit_status(uv_process_t *process, int64_t status, int number) {
    local *l = process->data;
    l->running = false;
    uv_close((uv_handle_t *)&l->alive, NULL);
    uv_close((uv_handle_t *)&l->ready, NULL);
    uv_close((uv_handle_t *)process, NULL);
    l->on_end(l->user, status, number);
}

static void on_space(uv_handle_t *handle, size_t wanted, uv_buf_t *out) {
    static char space[4096];
    (void)handle;
    (void)wanted;
    *out = uv_buf_init(space, sizeof space);
}

/* The first line says that it is ready; what it says is in its folder too. */
static void on_line(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf) {
    local *l = stream->data;
    if (len < 0) {
        uv_read_stop(stream);
        return;
    }
    if (l->told_ready || l->line.len > LINE_MAX_BYTES)
        return;
    mix_buf_put(&l->line, buf->base, (size_t)len);
    if (!memchr(buf->base, '\n', (size_t)len))
        return;
    l->told_ready = true;
    l->on_ready(l->user);
}

int local_start(local *l, uv_loop_t *loop, long mixes, const char *const *arguments, mix_error *e) {
    char own[PATH_MAX], number[24];
    size_t own_len = sizeof own, n = 0;
    const char *argv[ARGUMENTS_MAX] = {NULL};
    int error = uv_exepath(own, &own_len);
    if (error)
        return mix_error_note(e, MIX_ERR_STATE_FOLDER, "playground", error,
                              "the mixnet cannot be started: %s", uv_strerror(error));
    snprintf(number, sizeof number, "%ld", mixes);
    const char *const first[] = {own,       "mixnet", "--state",    l->folder,
                                 "--mixes", number,   "--nameless", "--until-eof"};
    for (; n < sizeof first / sizeof *first; n++)
        argv[n] = first[n];
    for (; *arguments && n + 1 < ARGUMENTS_MAX; arguments++)
        argv[n++] = *arguments;
    uv_pipe_init(loop, &l->alive, 0);
    uv_pipe_init(loop, &l->ready, 0);
    uv_stdio_container_t stdio[3] = {
        {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE, .data.stream = (uv_stream_t *)&l->alive},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&l->ready},
        {.flags = UV_INHERIT_FD, .data.fd = 2},
    };
    /* Detached: a Ctrl-C on the terminal is for us, and we end it in order. */
    uv_process_options_t o = {.file = own,
                              .args = (char **)argv,
                              .stdio = stdio,
                              .stdio_count = 3,
                              .exit_cb = on_exit_status,
                              .flags = UV_PROCESS_DETACHED};
    l->process.data = l->ready.data = l;
    error = uv_spawn(loop, &l->process, &o);
    if (!error)
        error = uv_read_start((uv_stream_t *)&l->ready, on_space, on_line);
    if (error) {
        uv_close((uv_handle_t *)&l->alive, NULL);
        uv_close((uv_handle_t *)&l->ready, NULL);
        return mix_error_note(e, MIX_ERR_STATE_FOLDER, "playground", error,
                              "the mixnet cannot be started: %s", uv_strerror(error));
    }
    l->running = true;
    return MIX_OK;
}

void local_stop(local *l) {
    if (l->running)
        (void)uv_process_kill(&l->process, SIGTERM);
}
