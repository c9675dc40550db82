/* SPDX-License-Identifier: Apache-2.0 */
/* Files of a state folder: read whole, written so that a crash or a full disk leaves the old one.
 */
#ifndef HOSTS_NATIVE_FILES_H
#define HOSTS_NATIVE_FILES_H

#include "base/buf.h"

#include <sys/types.h>

enum { HOST_FILE_MAX = 16 << 20 };

/* Appends the file's content. 0, or the errno: ENOENT when it is not there, EFBIG above
 * HOST_FILE_MAX. */
int host_file_read(const char *folder, const char *name, mix_buf *out);
int host_path_read(const char *path, mix_buf *out); /* the same by its whole name */
/* Writes to a temporary name, syncs, renames. 0 or the errno; the old file is untouched then. */
int host_file_write(const char *folder, const char *name, mix_bytes content, mode_t mode);
int host_file_remove(const char *folder, const char *name); /* 0 or the errno */
int host_folder_make(
    const char *path); /* like mkdir -p with mode 0700 for what is new; 0 or the errno */

#endif
