/* SPDX-License-Identifier: Apache-2.0 */
/* directory/: scalars, edges of both forms, what hostile bodies cost. What is marked "seen" in
 * 4-directory.md is tested here in those words, unless vectors_directory.c does it. */
#include "alloc_fail.h"
#include "base/alloc.h"
#include "directory/json.h"
#include "directory/release.h"
#include "directory/wire.h"
#include "directory/wire_text.h"
#include "testing.h"

#include <stdlib.h>

#define TEXT(s) mix_bytes_str(s)
#define KEY "Bu4Xaz9fhr3AEnnEYi9QpgfL3Pv1KSg7idsKhfSxAbmD"

static void performance_is_a_decimal_text(void **state) {
    (void)state;
    static const struct {
        const char *text, *again;
        uint64_t value;
        uint32_t percent;
    } good[] = {
        {"1", "1", MIX_PERFORMANCE_ONE, 100},
        {"0", "0", 0, 0},
        {"0.97", "0.97", 970000000000000000, 97},
        {"1.000000000000000000", "1", MIX_PERFORMANCE_ONE, 100},
        {"0.4999999999", "0.4999999999", 499999999900000000, 49},
        {"0.000000000000000001", "0.000000000000000001", 1, 0},
        {"0.999999999999999999", "0.999999999999999999", MIX_PERFORMANCE_ONE - 1, 99},
        {"00.5", "0.5", MIX_PERFORMANCE_ONE / 2, 50},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        uint64_t v = 7;
        char text[MIX_PERFORMANCE_TEXT];
        assert_true(mix_performance_parse(&v, TEXT(good[i].text)));
        assert_true(v == good[i].value);
        assert_int_equal(mix_performance_percent(v), good[i].percent);
        mix_performance_format(text, v);
        assert_string_equal(text, good[i].again);
    }
    static const char *const bad[] = {"",
                                      ".",
                                      ".5",
                                      "1.",
                                      "1.1",
                                      "1.000000000000000001",
                                      "2",
                                      "10",
                                      "-0.5",
                                      "+1",
                                      "0.5 ",
                                      " 1",
                                      "0.0000000000000000001",
                                      "1e0",
                                      "0,5",
                                      "99999999999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint64_t v = 7;
        assert_false(mix_performance_parse(&v, TEXT(bad[i])));
        assert_int_equal(v, 7);
    }
}

/* Seconds: date -u -d TIME +%s. */
static void times_in_both_forms(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t micros;
    } strict[] = {
        {"2026-11-22T20:00:00Z", 1795377600000000},
        {"2026-11-22T20:00:00.250Z", 1795377600250000},
        {"2026-11-22T21:30:00+01:30", 1795377600000000},
        {"2026-11-22T15:00:00.123456789-05:00", 1795377600123456},
        {"1970-01-01T00:00:00Z", 0},
        {"1969-12-31T23:59:59.5Z", -500000},
        {"2000-02-29T00:00:00Z", 951782400000000},
        {"2024-02-29t12:00:00z", 1709208000000000},
        {"0000-01-01T00:00:00Z", -62167219200000000},
        {"9999-12-31T23:59:59Z", 253402300799000000},
        {"1900-03-01T00:00:00Z", -2203891200000000},
    };
    for (size_t i = 0; i < sizeof strict / sizeof *strict; i++) {
        int64_t t = 1, again = 2;
        char text[MIX_TIME_TEXT];
        assert_true(mix_time_parse_strict(&t, TEXT(strict[i].text)));
        assert_true(t == strict[i].micros);
        assert_true(mix_time_parse_lenient(TEXT(strict[i].text)) == t);
        mix_time_format_strict(text, t);
        assert_true(mix_time_parse_strict(&again, TEXT(text)) && again == t);
        mix_time_format_human(text, t);
        assert_true(mix_time_parse_lenient(TEXT(text)) == t);
    }
    static const char *const bad[] = {
        "2026-11-22 20:00:00.25 +00:00:00", /* the human form where the strict one is due */
        "2026-11-22T20:00:00",
        "2026-11-22T20:00:00.Z",
        "2026-11-22T24:00:00Z",
        "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-11-22T20:00:00Z ",
        "2026-11-22T20:00:60Z",
        "26-11-22T20:00:00Z",
        "2026-11-22T20:00:00.1234567890Z",
        "1900-02-29T00:00:00Z",
        "",
        "soon",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t t = 7;
        assert_false(mix_time_parse_strict(&t, TEXT(bad[i])));
        assert_true(t == 7);
        assert_true(mix_time_parse_lenient(TEXT(bad[i])) ==
                    (i == 0 ? 1795377600250000 : 0)); /* seen: others are 1970 */
    }
    assert_true(mix_time_parse_lenient(TEXT("2026-11-22 21:00:00.5 +01:00:00")) ==
                1795377600500000);
    assert_true(mix_time_parse_lenient(TEXT("2026-11-22 20:00:00 +00:00:00")) ==
                0); /* one to nine digits */
    char text[MIX_TIME_TEXT];
    mix_time_format_human(text, 1795377600250000);
    assert_string_equal(text, "2026-11-22 20:00:00.25 +00:00:00");
    mix_time_format_human(text, 1795377600000000);
    assert_string_equal(text, "2026-11-22 20:00:00.0 +00:00:00");
    mix_time_format_strict(text, INT64_MAX);
    assert_string_equal(text, "9999-12-31T23:59:59.999999Z");
    mix_time_format_strict(text, INT64_MIN);
    assert_string_equal(text, "0000-01-01T00:00:00Z");
}

static void releases_are_semantic_versions(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint8_t version;
    } rows[] = {
        {"1.30.0", 9},
        {"1.31.0", 9},
        {"1.36.99", 9},
        {"1.37.0", 10},
        {"1.37.0-rc.1", 9},
        {"1.37.1-rc.1", 10},
        {"1.30.0-rc.1", 0},
        /* seen */ {"v1.31", 0},
        /* seen */ {"v1.31.0", 0},
        {"1.29.9", 0},
        {"0.99.0", 0},
        {"2.0.0", 10},
        {"2.0.0-alpha", 10},
        {"1.30.0+build.7", 9},
        {"1.37.0-rc.1+x", 9},
        {"1.31", 0},
        {"1.031.0", 0},
        {"1.31.0-", 0},
        {"1.31.0-01", 0},
        {"1.31.0-0a", 9},
        {"1.31.0+", 0},
        {"1.31.0-a..b", 0},
        {"", 0},
        {" 1.31.0", 0},
        {"1.31.0 ", 0},
        {"99999999999999999999.0.0", 0},
        {"1.4294967333.0", 10},
        {"1.31.0-a+b+c", 0},
        {"1.100.0", 10},
        {"1", 0},
        {"x.y.z", 0},
        {"1.30.1-rc1", 9},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (mix_release_ipr_version(TEXT(rows[i].text)) != rows[i].version)
            fail_msg("%s gives %d, expected %d", rows[i].text,
                     mix_release_ipr_version(TEXT(rows[i].text)), rows[i].version);
    }
}

static void format_is_chosen_by_content_type(void **state) {
    (void)state;
    assert_int_equal(mix_wire_format_of(TEXT("application/bincode")), MIX_WIRE_BINCODE);
    assert_int_equal(mix_wire_format_of(TEXT("Application/Bincode; v=1")), MIX_WIRE_BINCODE);
    static const char *const json[] = {"application/json", "", "text/plain", "application/bincode2",
                                       "application/binc"};
    for (size_t i = 0; i < sizeof json / sizeof *json; i++)
        assert_int_equal(mix_wire_format_of(TEXT(json[i])), MIX_WIRE_JSON);
    assert_int_equal(mix_wire_format_of((mix_bytes){0}), MIX_WIRE_JSON);
}

typedef struct sink {
    size_t nodes, roles[5];
    int stop_at; /* the n-th node is refused */
    uint64_t performance;
} sink;

static int on_skimmed(void *user, const mix_skimmed *node) {
    sink *s = user;
    s->nodes++;
    s->roles[node->role]++;
    s->performance = node->performance;
    return s->stop_at != 0 && (int)s->nodes == s->stop_at ? MIX_ERR_LIMIT : MIX_OK;
}

#define META "\"metadata\":{\"absolute_epoch_id\":1,\"rotation_id\":1,\"refreshed_at\":\"x\"}"
#define PAGES "\"pagination\":{\"total\":1,\"page\":0,\"size\":1}"
#define NODE(role, performance)                                                                    \
    "{\"node_id\":4,\"ed25519_identity_pubkey\":\"" KEY                                            \
    "\",\"ip_addresses\":[],\"mix_port\":1,\"x25519_sphinx_pubkey\":\"" KEY "\",\"role\":" role    \
    ",\"performance\":" performance "}"
#define LIST(nodes) "{" META ",\"nodes\":{" PAGES ",\"data\":[" nodes "]}}"

static int decode(sink *s, const char *text, mix_error *e) {
    const mix_list_visitor visitor = {.user = s, .skimmed = on_skimmed};
    mix_page page = {0};
    size_t len = strlen(text);
    uint8_t *exact = malloc(len + 1); /* of its own size: a read past the end is seen */
    memcpy(exact, text, len);
    int status =
        mix_list_decode(&page, mix_bytes_of(exact, len), MIX_WIRE_JSON, "list", &visitor, e);
    free(exact);
    return status;
}

static void lists_are_read_in_any_order(void **state) {
    (void)state;
    static const char *const good[] = {
        LIST(""),
        LIST(NODE("\"Standby\"", "\"0.5\"")),
        "{\"nodes\":{\"data\":[" NODE("\"gateway\"", "\"1\"") "]," PAGES "}," META "}",
        " { \"x\" : [ 1 , {\"nodes\":[]} ] , \"nodes\" : { \"zz\":\"]}\\\"\" , " PAGES
        " , \"data\" : [ ] } , " META " } ",
        "{\"data\":[1,2,3]," META ",\"nodes\":{" PAGES
        ",\"data\":[]}}", /* another list of that name is none of ours */
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        sink s = {0};
        mix_error e = {0};
        int status = decode(&s, good[i], &e);
        if (status != MIX_OK)
            fail_msg("%s: %s", good[i], e.words);
    }
    static const struct {
        const char *role;
        mix_skimmed_role is;
    } roles[] = {{"\"EntryGateway\"", MIX_SKIMMED_ENTRY},
                 {"\"entry\"", MIX_SKIMMED_ENTRY},
                 {"\"gateway\"", MIX_SKIMMED_ENTRY},
                 {"\"ExitGateway\"", MIX_SKIMMED_EXIT},
                 {"\"exit\"", MIX_SKIMMED_EXIT},
                 {"\"Inactive\"", MIX_SKIMMED_INACTIVE},
                 {"{\"Mixnode\":{\"layer\":2}}", MIX_SKIMMED_MIXNODE}};
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        char text[1024];
        sink s = {0};
        snprintf(text, sizeof text,
                 "{" META ",\"nodes\":{" PAGES ",\"data\":[" NODE("%s", "\"1\"") "]}}",
                 roles[i].role);
        assert_status(decode(&s, text, NULL), MIX_OK);
        assert_int_equal(s.roles[roles[i].is], 1);
    }
}

static void complaints_name_the_place(void **state) {
    (void)state;
    static const struct {
        const char *text, *words;
    } rows[] = {
        {LIST(NODE("\"Standby\"", "1")),
         "list: nodes.data[0].performance: expected a text with a decimal from 0 to 1, found 1"},
        {LIST(NODE("\"Standby\"", "\"1.01\"")), "nodes.data[0].performance: expected a text with a "
                                                "decimal from 0 to 1, found the text \"1.01\""},
        {LIST(NODE("\"Standby\"", "\"1\"") ",7"), "nodes.data[1]: expected an object, found 7"},
        {LIST(NODE("\"Chef\"", "\"1\"")),
         "nodes.data[0].role: expected {\"Mixnode\": {\"layer\": …}} or the name of a role"},
        {LIST("{"), "list: nodes.data[0]: not JSON: "},
        {"", "not JSON: expected more, but it ends at byte 0"},
        {"[]", "not JSON: expected an object at byte 0"},
        {"{" META ",\"nodes\":{" PAGES "}}", "nodes.data: expected an array, found nothing"},
        {"{" META ",\"nodes\":{" PAGES ",\"data\":{}}}",
         "nodes.data: expected an array, found nothing"},
        {"{" META ",\"nodes\":{\"data\":[]}}",
         "nodes.pagination: expected an object, found nothing"},
        {"{\"nodes\":{" PAGES ",\"data\":[]}}", "metadata: expected an object, found nothing"},
        {"{" META "," META ",\"nodes\":{" PAGES ",\"data\":[]}}", "metadata: expected it once"},
        {"{" META ",\"nodes\":{" PAGES ",\"data\":[],\"data\":[]}}", "expected one list"},
        {LIST("") "x", "not JSON: expected the end"},
        {"{" META ",\"x\":tru,\"nodes\":{" PAGES ",\"data\":[]}}", "not JSON"},
        {"{" META " \"nodes\":{" PAGES ",\"data\":[]}}",
         "expected a comma or the end of what is open"},
        {"{" META ",\"nodes\":{" PAGES ",\"data\":[,]}}", "expected a value"},
        {"{" META ",\"nodes\":{" PAGES ",\"data\":[]},}", "expected a key"},
        {"{\"a\" 1}", "expected a colon"},
        {LIST("{\"node_id\":\"a\nb\"}"), "nodes.data[0]"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sink s = {0};
        mix_error e = {0};
        assert_status(decode(&s, rows[i].text, &e), MIX_ERR_DIRECTORY_MALFORMED);
        assert_int_equal(e.code, MIX_ERR_DIRECTORY_MALFORMED);
        if (!strstr(e.words, rows[i].words))
            fail_msg("noted: %s\nexpected: %s", e.words, rows[i].words);
    }
}

static void rotation_info_that_would_trap_is_refused(void **state) {
    (void)state;
    const char *form =
        "{\"key_rotation_state\":{\"validity_epochs\":%s,\"initial_epoch_id\":0},\"current_"
        "absolute_epoch_id\":100,"
        "\"current_epoch_start\":%s,\"epoch_duration\":{\"secs\":%s,\"nanos\":%s},\"progress\":"
        "{\"current_key_rotation_id\":4,\"current_rotation_starting_epoch\":96,\"current_rotation_"
        "ending_epoch\":119}}";
    static const struct {
        const char *validity, *start, *secs, *nanos;
        const char *words; /* NULL: accepted */
    } rows[] = {
        {"24", "\"2026-11-22T20:00:00Z\"", "3600", "0", NULL},
        {"0", "\"2026-11-22T20:00:00Z\"", "3600", "0",
         "key_rotation_state.validity_epochs: expected at least one epoch, found 0"},
        {"24", "\"2026-11-22T20:00:00Z\"", "0", "0",
         "epoch_duration: expected a duration above zero"},
        {"24", "\"2026-11-22T20:00:00Z\"", "18446744073709551615", "0",
         "epoch_duration: expected a duration"},
        {"24", "\"2026-11-22 20:00:00.25 +00:00:00\"", "3600", "0",
         "current_epoch_start: expected a time as RFC 3339 writes it"}, /* seen */
        {"24", "\"2026-11-22T20:00:00Z\"", "3600", "0,\"x\":1",
         "epoch_duration: expected secs and nanos only"}, /* seen */
        {"-1", "\"2026-11-22T20:00:00Z\"", "3600", "0",
         "validity_epochs: expected an integer from 0 to 4294967295"},
        {"4294967296", "\"2026-11-22T20:00:00Z\"", "3600", "0",
         "expected an integer from 0 to 4294967295, found 4294967296"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[512];
        mix_error e = {0};
        mix_rotation_info info = {.epoch = 77};
        snprintf(text, sizeof text, form, rows[i].validity, rows[i].start, rows[i].secs,
                 rows[i].nanos);
        assert_status(mix_rotation_info_decode(&info, TEXT(text), &e),
                      rows[i].words ? MIX_ERR_DIRECTORY_MALFORMED : MIX_OK);
        assert_int_equal(info.epoch, rows[i].words ? 77 : 100); /* untouched on failure */
        if (rows[i].words && !strstr(e.words, rows[i].words))
            fail_msg("noted: %s\nexpected: %s", e.words, rows[i].words);
    }
}

static void visitors_can_stop(void **state) {
    (void)state;
    sink s = {.stop_at = 2};
    const char *text =
        LIST(NODE("\"exit\"", "\"1\"") "," NODE("\"exit\"", "\"1\"") "," NODE("\"exit\"", "\"1\""));
    assert_status(decode(&s, text, NULL), MIX_ERR_LIMIT);
    assert_int_equal(s.nodes, 2);
    const mix_list_visitor none = {0};
    mix_list *l = NULL;
    assert_status(mix_list_new(&l, MIX_WIRE_JSON, "list", &none), MIX_ERR_ARGUMENT);
    assert_null(l);
}

/* A node above the limit is skipped, so that one operator's endless description does not take the
 * whole network away. */
static void too_large_nodes_are_skipped(void **state) {
    (void)state;
    sink s = {0};
    const mix_list_visitor visitor = {.user = &s, .skimmed = on_skimmed};
    mix_buf text = {0};
    mix_buf_put_str(&text, "{" META ",\"nodes\":{" PAGES
                           ",\"data\":[" NODE("\"exit\"", "\"1\"") ",{\"x\":\"");
    uint8_t *filler = mix_buf_space(&text, MIX_LIST_NODE_MAX);
    memset(filler, 'a', MIX_LIST_NODE_MAX);
    mix_buf_put_str(&text, "\"}," NODE("\"exit\"", "\"1\"") "]}}");
    mix_page page = {0};
    assert_status(
        mix_list_decode(&page, mix_buf_bytes(&text), MIX_WIRE_JSON, "list", &visitor, NULL),
        MIX_OK);
    assert_int_equal(s.nodes, 2);
    assert_int_equal(page.count, 3);
    assert_int_equal(page.skipped, 1);
    mix_buf_deinit(&text);
}

static uint8_t filler_of(size_t i, int pattern) {
    static const char *const patterns[] = {"[", "1,", "{\"a\":", "\"\\", "[],", "9", " "};
    return (uint8_t)patterns[pattern][i % strlen(patterns[pattern])];
}

/* Megabytes of brackets, numbers, escapes: memory stays at one node's. */
static void hostile_lists_take_bounded_memory(void **state) {
    (void)state;
    for (int pattern = 0; pattern < 7; pattern++) {
        sink s = {0};
        const mix_list_visitor visitor = {.user = &s, .skimmed = on_skimmed};
        mix_list *l = NULL;
        mix_alloc_fail_at(0, 0);
        size_t before = mix_alloc_live_bytes();
        assert_status(mix_list_new(&l, MIX_WIRE_JSON, "list", &visitor), MIX_OK);
        int status = mix_list_feed(l, TEXT("{" META ",\"nodes\":{" PAGES ",\"data\":["), NULL);
        uint8_t piece[4096];
        for (size_t at = 0; status == MIX_OK && at < 4 << 20; at += sizeof piece) {
            for (size_t i = 0; i < sizeof piece; i++)
                piece[i] = filler_of(at + i, pattern);
            status = mix_list_feed(l, MIX_BYTES(piece), NULL);
        }
        mix_list_free(l);
        assert_true(mix_alloc_peak_bytes() - before < 3 << 20);
        assert_int_equal(mix_alloc_live_bytes(), before);
    }
}

static void each_failing_allocation_is_an_error(void **state) {
    (void)state;
    size_t live = mix_alloc_live(), n = 1;
    for (;; n++) {
        sink s = {0};
        mix_error e = {0};
        mix_alloc_fail_at(n, 0);
        int status = decode(&s, LIST(NODE("\"exit\"", "\"1\"")), &e);
        mix_alloc_fail_at(0, 0);
        assert_int_equal(mix_alloc_live(), live);
        if (status == MIX_OK)
            break;
        assert_status(status, MIX_ERR_MEMORY);
    }
    assert_true(n > 4);
    for (n = 1;; n++) {
        mix_rewarded r = {0};
        mix_alloc_fail_at(n, 0);
        int status = mix_rewarded_decode(&r,
                                         TEXT("{\"epoch_id\":1,\"layer1\":[1],\"layer2\":[2],"
                                              "\"layer3\":[3],\"entry_gateways\":[4],"
                                              "\"exit_gateways\":[5],\"standby\":[6,7]}"),
                                         NULL);
        mix_alloc_fail_at(0, 0);
        mix_rewarded_deinit(&r);
        assert_int_equal(mix_alloc_live(), live);
        if (status == MIX_OK)
            break;
        assert_status(status, MIX_ERR_MEMORY);
    }
    assert_true(n > 6);
}

static void bincode_refuses_what_it_does_not_know(void **state) {
    (void)state;
    static const struct {
        uint8_t bytes[24];
        size_t len;
        const char *words;
    } rows[] = {
        {{2}, 1, "metadata.status: expected 0 or 1 before byte 1"},
        {{1, 2}, 2, "metadata.status: expected an integer of its size before byte 2"},
        {{0, 254}, 2, "metadata.absolute_epoch_id"},
        {{0, 253, 0, 0, 0, 0, 1, 0, 0, 0},
         10,
         "metadata.absolute_epoch_id: expected an integer of its size before byte 10"},
        {{0, 1, 1, 253, 255, 255, 255, 255, 255, 255, 255, 255},
         12,
         "metadata.refreshed_at: expected a text"},
        {{0, 1, 1, 0, 0, 0, 0, 253, 255, 255, 255, 255, 255, 255, 255, 255},
         16,
         "nodes.data[0].node_id"},
        {{0, 1, 1, 0, 0, 0, 0, 0, 9}, 9, "nodes.data: expected the end"},
    };
    sink s = {0};
    const mix_list_visitor visitor = {.user = &s, .skimmed = on_skimmed};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mix_page page = {.count = 99};
        mix_error e = {0};
        assert_status(mix_list_decode(&page, mix_bytes_of(rows[i].bytes, rows[i].len),
                                      MIX_WIRE_BINCODE, "list", &visitor, &e),
                      MIX_ERR_DIRECTORY_MALFORMED);
        assert_int_equal(page.count, 99);
        if (!strstr(e.words, rows[i].words))
            fail_msg("noted: %s\nexpected: %s", e.words, rows[i].words);
    }
    mix_list *l = NULL;
    mix_error e = {0};
    assert_status(mix_list_new(&l, MIX_WIRE_BINCODE, "list", &visitor), MIX_OK);
    uint8_t *piece = calloc(1, 1 << 20);
    int status = MIX_OK;
    for (int i = 0; i < 5 && status == MIX_OK; i++)
        status = mix_list_feed(l, mix_bytes_of(piece, 1 << 20), &e);
    assert_status(status, MIX_ERR_DIRECTORY_SIZE);
    free(piece);
    mix_list_free(l);
}

/* §13: each node of the semi-skimmed page is that of the skimmed one, under "basic". */
static void semi_skimmed_wraps_skimmed(void **state) {
    (void)state;
    mix_skimmed nodes[2] = {{.id = 4, .performance = MIX_PERFORMANCE_ONE, .role = MIX_SKIMMED_EXIT},
                            {.id = 5, .has_entry = true, .hostname = TEXT("a.test")}};
    const mix_page page = {.metadata = {.epoch_id = 7}, .pagination = {2, 0, 2}};
    mix_buf plain = {0}, semi = {0};
    nodes[1].has_noise = true;
    nodes[1].noise_version = 1; /* with a key of zeros, in base58 one "1" a byte */
    assert_status(mix_skimmed_encode(&plain, MIX_WIRE_JSON, &page, nodes, 2), MIX_OK);
    assert_status(mix_semi_skimmed_encode(&semi, &page, nodes, 2), MIX_OK);
    yyjson_doc *a = yyjson_read((char *)plain.data, plain.len, 0);
    yyjson_doc *b = yyjson_read((char *)semi.data, semi.len, 0);
    yyjson_val *x = yyjson_doc_get_root(a), *y = yyjson_doc_get_root(b);
    assert_true(yyjson_equals(yyjson_obj_get(x, "metadata"), yyjson_obj_get(y, "metadata")));
    x = yyjson_obj_get(x, "nodes");
    y = yyjson_obj_get(y, "nodes");
    assert_true(yyjson_equals(yyjson_obj_get(x, "pagination"), yyjson_obj_get(y, "pagination")));
    for (size_t i = 0; i < 2; i++) {
        yyjson_val *node = yyjson_arr_get(yyjson_obj_get(y, "data"), i);
        assert_int_equal(yyjson_obj_size(node), 2);
        yyjson_val *noise = yyjson_obj_get(node, "x25519_noise_versioned_key");
        assert_true(i == 0 ? yyjson_is_null(noise) : yyjson_obj_size(noise) == 2);
        if (i == 1) {
            assert_int_equal(yyjson_get_uint(yyjson_obj_get(noise, "supported_version")), 1);
            assert_string_equal(yyjson_get_str(yyjson_obj_get(noise, "x25519_pubkey")),
                                "11111111111111111111111111111111");
        }
        assert_true(yyjson_equals(yyjson_obj_get(node, "basic"),
                                  yyjson_arr_get(yyjson_obj_get(x, "data"), i)));
    }
    yyjson_doc_free(a);
    yyjson_doc_free(b);
    mix_buf_deinit(&plain);
    mix_buf_deinit(&semi);
}

static void utf8_is_checked(void **state) {
    (void)state;
    static const char *const good[] = {
        "",     "abc",         "\xc3\xbc", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf",
        "\x7f", "\xed\x9f\xbf"};
    static const char *const bad[] = {"\x80",
                                      "\xc3",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xe0\x9f\xbf",
                                      "\xed\xa0\x80",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xf8\x88\x80\x80\x80",
                                      "\xff",
                                      "a\xe2\x82",
                                      "\xe2\x28\xa1"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(mix_is_utf8(TEXT(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(mix_is_utf8(TEXT(bad[i])));
}

static void text_survives_json(void **state) {
    (void)state;
    const char *odd = "quote\" slash\\ tab\t line\n \x01 umlaut \xc3\xbc";
    mix_buf b = {0};
    mix_json_writer w = {.out = &b};
    mix_json_open(&w, NULL, '{');
    mix_json_put_str(&w, "a", odd);
    mix_json_put_null(&w, "b");
    mix_json_close(&w, '}');
    mix_json_fault fault = {.answer = "test"};
    mix_json top = {.fault = &fault};
    yyjson_doc *doc;
    assert_status(mix_json_parse(&doc, &top, mix_buf_bytes(&b)), MIX_OK);
    top.value = yyjson_doc_get_root(doc);
    assert_bytes(mix_json_text(&top, "a"), TEXT(odd));
    assert_null(mix_json_optional(&top, "b").value);
    assert_status(fault.status, MIX_OK);
    yyjson_doc_free(doc);
    mix_buf_deinit(&b);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(performance_is_a_decimal_text),
    cmocka_unit_test(times_in_both_forms),
    cmocka_unit_test(releases_are_semantic_versions),
    cmocka_unit_test(format_is_chosen_by_content_type),
    cmocka_unit_test(lists_are_read_in_any_order),
    cmocka_unit_test(complaints_name_the_place),
    cmocka_unit_test(rotation_info_that_would_trap_is_refused),
    cmocka_unit_test(visitors_can_stop),
    cmocka_unit_test(too_large_nodes_are_skipped),
    cmocka_unit_test(hostile_lists_take_bounded_memory),
    cmocka_unit_test(each_failing_allocation_is_an_error),
    cmocka_unit_test(bincode_refuses_what_it_does_not_know),
    cmocka_unit_test(semi_skimmed_wraps_skimmed),
    cmocka_unit_test(utf8_is_checked),
    cmocka_unit_test(text_survives_json),
};
MIX_TEST_MAIN(directory_wire_test, tests)
