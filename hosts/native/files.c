/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and atomic writing. */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int path_of(char out[static PATH_MAX], const char *folder, const char *name,
                   const char *suffix) {
    return snprintf(out, PATH_MAX, "%s/%s%s", folder, name, suffix) < PATH_MAX ? 0 : ENAMETOOLONG;
}

static int read_all(int fd, mix_buf *out) {
    size_t start = out->len;
    for (;;) {
        uint8_t chunk[65536];
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        if (n == 0)
            return 0;
        if (out->len - start + (size_t)n > HOST_FILE_MAX)
            return EFBIG;
        mix_buf_put(out, chunk, (size_t)n);
        if (mix_buf_status(out) != 0)
            return ENOMEM;
    }
}

int host_path_read(const char *path, mix_buf *out) {
    size_t mark = out->len;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    int error = read_all(fd, out);
    close(fd);
    if (error)
        mix_buf_truncate(out, mark);
    return error;
}

int host_file_read(const char *folder, const char *name, mix_buf *out) {
    char path[PATH_MAX];
    int error = path_of(path, folder, name, "");
    return error ? error : host_path_read(path, out);
}

static int write_all(int fd, mix_bytes content) {
    while (content.len > 0) {
        ssize_t n = write(fd, content.data, content.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        content = mix_bytes_slice(content, (size_t)n, content.len);
    }
    return fsync(fd) == 0 ? 0 : errno;
}

/* So that the new name survives a crash too. */
static void sync_folder(const char *folder) {
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
}

int host_file_write(const char *folder, const char *name, mix_bytes content, mode_t mode) {
    char path[PATH_MAX], temporary[PATH_MAX];
    int error = path_of(path, folder, name, "");
    if (!error)
        error = path_of(temporary, folder, name, ".new");
    int fd = error ? -1 : open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (fd < 0)
        return error ? error : errno;
    error = write_all(fd, content);
    if (close(fd) != 0 && !error)
        error = errno;
    if (!error && rename(temporary, path) != 0)
        error = errno;
    if (error)
        unlink(temporary);
    else
        sync_folder(folder);
    return error;
}

int host_file_remove(const char *folder, const char *name) {
    char path[PATH_MAX];
    int error = path_of(path, folder, name, "");
    return error ? error : unlink(path) == 0 ? 0 : errno;
}

int host_folder_make(const char *path) {
    char part[PATH_MAX];
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof part)
        return ENAMETOOLONG;
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != 0)
            continue;
        memcpy(part, path, i);
        part[i] = 0;
        if (mkdir(part, 0700) != 0 && errno != EEXIST)
            return errno;
    }
    struct stat s;
    return stat(path, &s) != 0 ? errno : S_ISDIR(s.st_mode) ? 0 : ENOTDIR;
}
