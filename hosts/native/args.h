/* SPDX-License-Identifier: Apache-2.0 */
/* Options of a command as a table: one row an option, with one line of help. */
#ifndef HOSTS_NATIVE_ARGS_H
#define HOSTS_NATIVE_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef enum arg_kind {
    ARG_FLAG,   /* bool * */
    ARG_TEXT,   /* const char ** */
    ARG_NUMBER, /* arg_number * */
    ARG_TIME,   /* int64_t *, microseconds; given in seconds: "2.5" */
    ARG_LIST,   /* arg_list *: may be given several times */
} arg_kind;

typedef struct arg_number {
    long value, least, most;
} arg_number;

enum { ARG_LIST_MAX = 64 };
typedef struct arg_list {
    const char *items[ARG_LIST_MAX];
    const char *names[ARG_LIST_MAX]; /* the option that it came with; NULL: a word */
    size_t count;
} arg_list;

typedef struct arg_option {
    const char *name; /* "--state", or "-o, --output": the value of a brief one may follow without a
                         space, and brief flags may share a dash */
    arg_kind kind;
    void *into;
    const char *value; /* how the help calls the value; NULL for a flag */
    const char *help;
} arg_option; /* a table ends with a row without name */

/* Reads argv[1…]; words that are no options go to rest (may be NULL: none are allowed). "--name
 * value" and "--name=value"; "-n value", "-nvalue", "-abc". False after one line on stderr that
 * names what is wrong; *help is set for --help. */
bool args_read(const char *command, const arg_option *options, int argc, char **argv,
               arg_list *rest, bool *help);
void args_help(FILE *out, const arg_option *options);

#endif
