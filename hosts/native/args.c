/* SPDX-License-Identifier: Apache-2.0 */
/* Reading of options. */
#include "args.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const arg_option *find(const arg_option *options, const char *word, size_t len) {
    for (; options->name; options++) {
        if (strlen(options->name) == len && memcmp(options->name, word, len) == 0)
            return options;
    }
    return NULL;
}

static bool complain(const char *command, const char *format, const char *a, const char *b) {
    fprintf(stderr, "lwmix %s: ", command);
    fprintf(stderr, format, a, b);
    fprintf(stderr, "; try 'lwmix %s --help'\n", command);
    return false;
}

static bool set_number(const char *command, const arg_option *o, const char *value) {
    arg_number *n = o->into;
    char *end;
    errno = 0;
    long v = strtol(value, &end, 10);
    if (errno || end == value || *end || v < n->least || v > n->most) {
        char range[64];
        snprintf(range, sizeof range, "%ld to %ld", n->least, n->most);
        return complain(command, "%s takes a whole number from %s", o->name, range);
    }
    n->value = v;
    return true;
}

static bool set(const char *command, const arg_option *o, const char *value) {
    arg_list *list = o->into;
    switch (o->kind) {
    case ARG_FLAG:
        *(bool *)o->into = true;
        return true;
    case ARG_TEXT:
        *(const char **)o->into = value;
        return true;
    case ARG_NUMBER:
        return set_number(command, o, value);
    case ARG_LIST:
        if (list->count == ARG_LIST_MAX)
            return complain(command, "%s is given too often%s", o->name, "");
        list->items[list->count++] = value;
        return true;
    }
    return false;
}

bool args_read(const char *command, const arg_option *options, int argc, char **argv, arg_list *rest, bool *help) {
    bool only_words = false;
    *help = false;
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        if (only_words || word[0] != '-' || word[1] == 0) {
            if (!rest || rest->count == ARG_LIST_MAX)
                return complain(command, "'%s' is not understood%s", word, "");
            rest->items[rest->count++] = word;
            continue;
        }
        if (strcmp(word, "--") == 0) {
            only_words = true;
            continue;
        }
        if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
            *help = true;
            return true;
        }
        const char *equals = strchr(word, '=');
        const arg_option *o = find(options, word, equals ? (size_t)(equals - word) : strlen(word));
        if (!o)
            return complain(command, "there is no option '%s'%s", word, "");
        const char *value = equals ? equals + 1 : NULL;
        if (o->kind == ARG_FLAG && value)
            return complain(command, "%s takes no value%s", o->name, "");
        if (o->kind != ARG_FLAG && !value && ++i < argc)
            value = argv[i];
        if (o->kind != ARG_FLAG && !value)
            return complain(command, "%s needs a value: %s", o->name, o->value);
        if (!set(command, o, value))
            return false;
    }
    return true;
}

void args_help(FILE *out, const arg_option *options) {
    for (; options->name; options++) {
        char left[64];
        snprintf(left, sizeof left, "%s%s%s", options->name, options->value ? " " : "", options->value ? options->value : "");
        fprintf(out, "  %-28s %s\n", left, options->help);
    }
}
