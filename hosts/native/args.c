/* SPDX-License-Identifier: Apache-2.0 */
/* Reading of options. */
#include "args.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const double time_most = 1e7; /* seconds */

/* Whether the word is the name, or one of the two in "-o, --output". */
static bool is(const char *name, const char *word, size_t len) {
    const char *comma = strchr(name, ',');
    if (comma && (size_t)(comma - name) == len && memcmp(name, word, len) == 0)
        return true;
    const char *full = comma ? comma + 2 : name;
    return strlen(full) == len && memcmp(full, word, len) == 0;
}

static const arg_option *find(const arg_option *options, const char *word, size_t len) {
    for (; options->name; options++) {
        if (is(options->name, word, len))
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

static bool set_time(const char *command, const arg_option *o, const char *value) {
    char *end;
    double seconds = value[0] >= '0' && value[0] <= '9' ? strtod(value, &end) : -1;
    if (!(seconds >= 0.001 && seconds <= time_most) || *end ||
        strspn(value, "0123456789.") != strlen(value))
        return complain(command, "%s takes a number of seconds above 0, not '%s'", o->name, value);
    *(int64_t *)o->into = (int64_t)(seconds * 1e6);
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
    case ARG_TIME:
        return set_time(command, o, value);
    case ARG_LIST:
        if (list->count == ARG_LIST_MAX)
            return complain(command, "%s is given too often%s", o->name, "");
        list->names[list->count] = o->name;
        list->items[list->count++] = value;
        return true;
    }
    return false;
}

/* "--name=value", "--name value", "-n value", "-nvalue", "-abc" at *at; it moves to the last word
 * that was read. */
static bool read_option(const char *command, const arg_option *options, int argc, char **argv,
                        int *at) {
    const char *word = argv[*at], *value = NULL;
    const char *equals = word[1] == '-' ? strchr(word, '=') : NULL;
    const arg_option *o = find(options, word, equals ? (size_t)(equals - word) : strlen(word));
    if (equals)
        value = equals + 1;
    while (!o && word[1] != '-') { /* a bundle of brief ones */
        const char brief[3] = {'-', *++word, 0};
        const arg_option *one = *word ? find(options, brief, 2) : NULL;
        if (!one)
            break;
        if (one->kind != ARG_FLAG && word[1])
            value = word + 1;
        if (one->kind != ARG_FLAG || !word[1])
            o = one;
        else if (!set(command, one, NULL))
            return false;
    }
    if (!o)
        return complain(command, "there is no option '%s'%s", argv[*at], "");
    if (o->kind == ARG_FLAG && value)
        return complain(command, "%s takes no value%s", o->name, "");
    if (o->kind != ARG_FLAG && !value && ++*at < argc)
        value = argv[*at];
    if (o->kind != ARG_FLAG && !value)
        return complain(command, "%s needs a value: %s", o->name, o->value);
    return set(command, o, value);
}

bool args_read(const char *command, const arg_option *options, int argc, char **argv,
               arg_list *rest, bool *help) {
    bool only_words = false;
    *help = false;
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        if (only_words || word[0] != '-' || word[1] == 0) {
            if (!rest || rest->count == ARG_LIST_MAX)
                return complain(command, "'%s' is not understood%s", word, "");
            rest->names[rest->count] = NULL;
            rest->items[rest->count++] = word;
        } else if (strcmp(word, "--") == 0) {
            only_words = true;
        } else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
            *help = true;
            return true;
        } else if (!read_option(command, options, argc, argv, &i)) {
            return false;
        }
    }
    return true;
}

void args_help(FILE *out, const arg_option *options) {
    for (; options->name; options++) {
        char left[64];
        snprintf(left, sizeof left, "%s%s%s", options->name, options->value ? " " : "",
                 options->value ? options->value : "");
        fprintf(out, "  %-28s %s\n", left, options->help);
    }
}
