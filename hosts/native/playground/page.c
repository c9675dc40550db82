/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the folder. */
#include "playground/page.h"

#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *ending, *type;
} types[] = {
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".wasm", "application/wasm"},
    {".svg", "image/svg+xml"},
    {".txt", "text/plain; charset=utf-8"},
};

/* NULL: not to be served. */
static const char *type_of(const char *name) {
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && dot != name && i < sizeof types / sizeof *types; i++) {
        if (strcmp(dot, types[i].ending) == 0)
            return types[i].type;
    }
    return NULL;
}

static int fail(mix_error *e, const char *folder, const char *name, const char *why) {
    return mix_error_note(e, MIX_ERR_STATE_FOLDER, "playground", 0, "%s/%s: %s", folder, name, why);
}

static int add(page *p, const char *folder, const char *name, mix_error *e) {
    const char *type = type_of(name);
    if (!type)
        return MIX_OK;
    if (p->count == PAGE_FILES_MAX)
        return fail(e, folder, name, "there are too many files");
    page_file *f = &p->files[p->count];
    if (snprintf(f->path, sizeof f->path, "/%s", name) >= (int)sizeof f->path)
        return fail(e, folder, name, "the name is too long");
    f->type = type;
    p->count++;
    int error = host_file_read(folder, name, &f->content);
    return error ? fail(e, folder, name, strerror(error)) : MIX_OK;
}

int page_init(page *p, const char *folder, mix_error *e) {
    struct dirent *entry;
    int status = MIX_OK;
    *p = (page){0};
    DIR *d = opendir(folder);
    if (!d)
        return fail(e, folder, "", strerror(errno));
    while (status == MIX_OK && (entry = readdir(d)) != NULL)
        status = add(p, folder, entry->d_name, e);
    closedir(d);
    if (status == MIX_OK && !page_find(p, "/"))
        status = fail(e, folder, "index.html", strerror(ENOENT));
    return status;
}

void page_deinit(page *p) {
    for (size_t i = 0; i < p->count; i++)
        mix_buf_deinit(&p->files[i].content);
    *p = (page){0};
}

const page_file *page_find(const page *p, const char *path) {
    const char *wanted = strcmp(path, "/") == 0 ? "/index.html" : path;
    for (size_t i = 0; i < p->count; i++) {
        if (strcmp(p->files[i].path, wanted) == 0)
            return &p->files[i];
    }
    return NULL;
}
