/* The key-value service: what its clients use it for. */
#include "kv.h"

// What is put is got, by other clients too; a second put replaces it.
TEST(put_get)
{
    struct service s = serve_kib("256");
    struct kv kv = open_kv();
    long other;

    CHECK_EQ(put_text(&kv, "a", "first"), 0);
    CHECK_EQ(put_text(&kv, "b", "another"), 0);
    CHECK_TEXT(&kv, "a", "first");
    CHECK_EQ(put_text(&kv, "a", "second"), 0);
    other = SPAWN({
        struct kv mine = open_kv();

        CHECK_TEXT(&mine, "a", "second");
        CHECK_TEXT(&mine, "b", "another");
        CHECK_EQ(put_text(&mine, "b", "its"), 0);
        kv_close(&mine);
    });
    CHECK_EQ(JOIN(other), 0);
    CHECK_TEXT(&kv, "b", "its");
    CHECK_ERR(kv_get(&kv, "c", 0, 0), E_NOENT);
    CHECK_EQ(kv_stat_of(&kv).live, 9);
    CHECK_EQ(put_text(&kv, "a", "3rd"), 0);
    CHECK_EQ(kv_stat_of(&kv).live, 6);
    kv_close(&kv);
    end_service(&s);
}

// G10: values of all sizes, of no bytes and of 64 KiB.
TEST(sizes)
{
    static const uint32_t sizes[] = {
        0, 1, 39, 40, 4095, 4096, 4097, 8192, 30000, 65535, KV_VALUE_MAX};
    struct service s = serve_kib("1024");
    struct kv kv = open_kv();
    char key[16];

    for (uint32_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        snprintf(key, sizeof(key), "key %u", i);
        CHECK_EQ(put_bytes(&kv, key, i, sizes[i]), 0);
    }
    for (uint32_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        snprintf(key, sizeof(key), "key %u", i);
        CHECK(has_bytes(&kv, key, i, sizes[i]));
    }
    kv_close(&kv);
    end_service(&s);
}

TEST(deleted)
{
    struct service s = serve_kib("256");
    struct kv kv = open_kv();

    CHECK_ERR(kv_delete(&kv, "a"), E_NOENT);
    CHECK_EQ(put_text(&kv, "a", "text"), 0);
    CHECK_EQ(put_text(&kv, "b", ""), 0);
    CHECK_EQ(kv_delete(&kv, "a"), 0);
    CHECK_ERR(kv_get(&kv, "a", 0, 0), E_NOENT);
    CHECK_ERR(kv_delete(&kv, "a"), E_NOENT);
    CHECK_TEXT(&kv, "b", "");
    CHECK_EQ(put_text(&kv, "a", "again"), 0);
    CHECK_TEXT(&kv, "a", "again");
    CHECK_EQ(kv_stat_of(&kv).keys, 2);
    CHECK_EQ(kv_stat_of(&kv).live, 5);
    kv_close(&kv);
    end_service(&s);
}

// Keys that share a line of the index, too: every one is listed once.
TEST(listed)
{
    enum { KEYS = 600 };
    struct service s = serve_kib("256");
    struct kv kv = open_kv();
    static uint8_t seen[KEYS];
    struct kv_body body;
    uint32_t place = 0;
    char key[16];
    long error;

    for (uint32_t i = 0; i < KEYS; i++) {
        snprintf(key, sizeof(key), "%u", i);
        CHECK_EQ(kv_put(&kv, key, key, i % 4), 0);
    }
    for (uint32_t i = 0; i < KEYS; i += 3) {
        snprintf(key, sizeof(key), "%u", i);
        CHECK_EQ(kv_delete(&kv, key), 0);
    }
    while ((error = kv_next(&kv, &place, &body)) == 0) {
        uint32_t i = (uint32_t)atoi(body.key);

        CHECK(i < KEYS);
        CHECK_EQ(body.length, i % 4);
        CHECK_EQ(seen[i]++, 0);
    }
    CHECK_EQ(error, -E_NOENT);
    for (uint32_t i = 0; i < KEYS; i++)
        CHECK_EQ(seen[i], i % 3 != 0);
    kv_close(&kv);
    end_service(&s);
}

// What is too large, or one too many, is refused, and changes nothing.
TEST(limits)
{
    struct service s = serve_kib("128");
    struct kv kv = open_kv();
    char key[KV_KEY_BYTES + 1], small[4];

    memset(key, 'k', sizeof(key));
    key[KV_KEY_BYTES] = 0;
    CHECK_ERR(kv_put(&kv, key, "x", 1), E_INVAL);
    CHECK_ERR(kv_put(&kv, "", "x", 1), E_INVAL);
    CHECK_ERR(kv_put(&kv, "a", "x", KV_VALUE_MAX + 1), E_MSGSIZE);
    key[KV_KEY_BYTES - 1] = 0;
    CHECK_EQ(put_text(&kv, key, "longest"), 0);
    CHECK_ERR(kv_get(&kv, key, small, sizeof(small)), E_MSGSIZE);
    CHECK_TEXT(&kv, key, "longest");
    CHECK_ERR(put_bytes(&kv, "a", 1, KV_VALUE_MAX - 6), E_NOSPC);
    CHECK_EQ(put_bytes(&kv, "a", 1, KV_VALUE_MAX - 7), 0);
    CHECK_ERR(put_text(&kv, "b", "x"), E_NOSPC);
    CHECK_EQ(put_bytes(&kv, "a", 2, KV_VALUE_MAX - 7), 0);
    CHECK(has_bytes(&kv, "a", 2, KV_VALUE_MAX - 7));
    CHECK_EQ(kv_delete(&kv, "a"), 0);
    CHECK_EQ(put_text(&kv, "b", "x"), 0);
    kv_close(&kv);
    end_service(&s);
}

TEST(many_keys)
{
    enum { KEYS = 1024 };
    struct service s = serve_kib("128");
    struct kv kv = open_kv();
    char key[16];

    for (uint32_t i = 0; i < KEYS; i++) {
        snprintf(key, sizeof(key), "%u", i);
        CHECK_EQ(put_text(&kv, key, key), 0);
    }
    CHECK_ERR(put_text(&kv, "more", "x"), E_NOSPC);
    CHECK_EQ(put_text(&kv, "17", "changed"), 0);
    CHECK_EQ(kv_delete(&kv, "18"), 0);
    CHECK_EQ(put_text(&kv, "more", "x"), 0);
    CHECK_TEXT(&kv, "17", "changed");
    CHECK_TEXT(&kv, "1023", "1023");
    kv_close(&kv);
    end_service(&s);
}

// Values that were replaced give their space back.
TEST(compacted)
{
    enum { ROUNDS = 200, KEYS = 8 };
    struct service s = serve_kib("128");
    struct kv kv = open_kv();
    struct kv_stat stat;
    char key[2] = "a";

    for (uint32_t i = 0; i < ROUNDS; i++) {
        key[0] = (char)('a' + i % KEYS);
        CHECK_EQ(put_bytes(&kv, key, i, 5000 + i), 0);
    }
    for (uint32_t i = ROUNDS - KEYS; i < ROUNDS; i++) {
        key[0] = (char)('a' + i % KEYS);
        CHECK(has_bytes(&kv, key, i, 5000 + i));
    }
    stat = kv_stat_of(&kv);
    CHECK(stat.compactions > 5);
    CHECK(stat.used <= stat.log_bytes);
    kv_close(&kv);
    end_service(&s);
}

/* Asks for a key as the library does; what is in the box. */
static struct msg_desc get_desc(const struct kv *kv, const char *key)
{
    struct ipc_msg m = {.type = KV_GET};
    struct kv_body body = {0};
    struct msg_desc d = {0};

    strcpy(body.key, key);
    memcpy(m.payload, &body, sizeof(body));
    CHECK_EQ(port_call(kv->port, &m, FOREVER), 0);
    CHECK_EQ(m.type, 0);
    CHECK_EQ(queue_recv(kv->box, &d, sizeof(d), 0, NOW), sizeof(d));
    return d;
}

// G11, G7: a value comes as bytes of the server's log, to be read and no more.
TEST(value_is_shared)
{
    struct service s = serve_kib("128");
    struct kv kv = open_kv();
    struct region_info info;
    struct handle_info h;
    struct msg_desc d, e;
    uint64_t frame;
    long other;

    CHECK_EQ(put_text(&kv, "a", "alpha"), 0);
    CHECK_EQ(put_text(&kv, "b", "beta"), 0);
    d = get_desc(&kv, "a");
    CHECK_EQ(d.flags, DESC_NEW_HANDLE);
    e = get_desc(&kv, "b");
    CHECK_EQ(e.flags, 0);
    CHECK_EQ(e.region, d.region);
    CHECK_EQ(e.offset, d.offset + 5);
    CHECK_EQ(region_info(d.region, &info), 0);
    CHECK_EQ(info.policy, REGION_APPEND);
    CHECK_EQ(info.size, 128 * 1024);
    CHECK_EQ(handle_info(d.region, &h), 0);
    CHECK_EQ(h.rights, RIGHT_READ);
    CHECK_ERR(region_append(d.region, "x", 1), E_ACCES);
    CHECK_ERR(region_map(d.region, 0, PROT_READ | PROT_WRITE), E_ACCES);
    CHECK_ERR(queue_send_desc(kv.box, &d, 0, NOW), E_ACCES);
    frame = info.first_frame;
    other = SPAWN({
        struct kv mine = open_kv();
        struct msg_desc f = get_desc(&mine, "a");

        CHECK_EQ(region_info(f.region, &info), 0);
        CHECK_EQ(info.first_frame, frame);
        kv_close(&mine);
    });
    CHECK_EQ(JOIN(other), 0);
    kv_close(&kv);
    end_service(&s);
}

// F12: who keeps a value keeps it for one compaction, and not for two; so what
// clients hold of old logs is bounded.
TEST(old_log_taken_back)
{
    struct service s = serve_kib("128");
    struct kv kv = open_kv();
    char text[8] = {0};
    struct msg_desc d;
    uint32_t i = 0;

    CHECK_EQ(put_text(&kv, "a", "alpha"), 0);
    d = get_desc(&kv, "a");
    while (kv_stat_of(&kv).compactions == 0)
        CHECK_EQ(put_bytes(&kv, "b", i++, 20000), 0);
    CHECK_EQ(region_read(d.region, d.offset, text, 5), 5);
    CHECK(strcmp(text, "alpha") == 0);
    while (kv_stat_of(&kv).compactions == 1)
        CHECK_EQ(put_bytes(&kv, "b", i++, 20000), 0);
    CHECK_ERR(region_read(d.region, d.offset, text, 5), E_BADH);
    CHECK_TEXT(&kv, "a", "alpha");
    kv_close(&kv);
    end_service(&s);
}

// A client may be there before its server.
TEST(client_first)
{
    struct service s = {open_lobby(), 0};
    const char *args[] = {"kv", "serve", 0};
    long client = SPAWN({
        struct kv kv = open_kv();

        CHECK_EQ(put_text(&kv, "a", "text"), 0);
        kv_close(&kv);
    });

    await_state(client, PROC_WAITING);
    s.server = start(args);
    CHECK_EQ(JOIN(client), 0);
    end_service(&s);
}

// M1, M6: without a server, E_NOENT; when it dies, E_PIPE; the next one is
// found, and begins with nothing.
TEST(server_gone)
{
    struct service s = serve_kib("128");
    const char *args[] = {"kv", "serve", 0};
    struct kv kv = open_kv();
    long second;

    CHECK_EQ(put_text(&kv, "a", "text"), 0);
    second = start(args);
    CHECK_EQ(JOIN(second), 1);
    CHECK_TEXT(&kv, "a", "text");
    kill_server(s.server);
    CHECK_ERR(put_text(&kv, "a", "text"), E_PIPE);
    CHECK_ERR(kv_get(&kv, "a", 0, 0), E_PIPE);
    kv_close(&kv);
    CHECK_ERR(kv_open(&kv), E_NOENT);
    s.server = start(args);
    kv = open_kv();
    CHECK_ERR(kv_get(&kv, "a", 0, 0), E_NOENT);
    kv_close(&kv);
    end_service(&s);
}

TEST_MAIN()
