/* SPDX-License-Identifier: Apache-2.0 */
/* The files of the playground's page, read once and kept: what is not in the list cannot be asked
 * for, whatever a path looks like. */
#ifndef HOSTS_NATIVE_PLAYGROUND_PAGE_H
#define HOSTS_NATIVE_PLAYGROUND_PAGE_H

#include "base/error.h"

#include "base/buf.h"

enum { PAGE_FILES_MAX = 64 };

typedef struct page_file {
    char path[64];    /* "/app.js" */
    const char *type; /* static */
    mix_buf content;
} page_file;

typedef struct page {
    page_file files[PAGE_FILES_MAX];
    size_t count;
} page;

/* The folder's files of known types, without those below it. MIX_ERR_STATE_FOLDER: it cannot be
 * read, has no index.html, or too much. The page is to be deinit in any case. */
int page_init(page *p, const char *folder, mix_error *e);
void page_deinit(page *p);
const page_file *page_find(const page *p, const char *path); /* "/" is index.html; NULL: none */

#endif
