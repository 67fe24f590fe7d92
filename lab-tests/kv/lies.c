/* Clients of the key-value service that do not keep to its protocol. */
#include "kv.h"

/* A request as it stands; the answer's error. */
static long raw(const struct kv *kv, uint32_t type, const char *key,
                uint32_t length)
{
    struct ipc_msg m = {.type = type};
    struct kv_body body = {.length = length};

    strncpy(body.key, key, KV_KEY_BYTES);
    memcpy(m.payload, &body, sizeof(body));
    CHECK_EQ(port_call(kv->port, &m, FOREVER), 0);
    return -(long)m.type;
}

/* Leaves a handle at the door, as a box. */
static void leave(handle_t h, uint32_t rights)
{
    handle_t door = (handle_t)lobby_ask(KV_NAME, FOREVER);

    CHECK_EQ(queue_send_handle(door, h, rights, 0, FOREVER), 0);
    CHECK_EQ(handle_close(door), 0);
}

/* In place of the library's box: one with other limits. */
static void change_box(struct kv *kv, uint32_t ring, uint32_t max)
{
    handle_close(kv->box);
    kv->box = (handle_t)queue_create(ring, max, 0);
    CHECK(kv->box >= 0);
    leave(kv->box, RW);
    CHECK_EQ(raw(kv, KV_OPEN, "", 0), 0);
}

/* The service is there, for whoever keeps to the protocol. */
static void check_alive(void)
{
    long pid = SPAWN({
        struct kv kv = open_kv();

        CHECK_EQ(put_text(&kv, "honest", "text"), 0);
        CHECK_TEXT(&kv, "honest", "text");
        CHECK_EQ(kv_delete(&kv, "honest"), 0);
        kv_close(&kv);
    });

    CHECK_EQ(JOIN(pid), 0);
}

static handle_t append_region(const char *text)
{
    handle_t r = (handle_t)region_create(REGION_APPEND, 4096, 0, 0, 0);

    CHECK_EQ(region_append(r, text, strlen(text)), 0);
    return r;
}

static uint32_t refs_of(handle_t h)
{
    struct handle_info info;

    CHECK_EQ(handle_info(h, &info), 0);
    return info.refs;
}

TEST(bad_requests)
{
    struct service s = serve_kib("128");
    struct kv kv = open_kv();
    char endless[KV_KEY_BYTES + 1];
    uint64_t seed = test_seed();

    memset(endless, 'x', sizeof(endless));
    endless[KV_KEY_BYTES] = 0;
    CHECK_EQ(raw(&kv, 0, "a", 0), -E_NOSYS);
    CHECK_EQ(raw(&kv, 99, "a", 0), -E_NOSYS);
    CHECK_EQ(raw(&kv, UINT32_MAX, "a", 0), -E_NOSYS);
    CHECK_EQ(raw(&kv, KV_PUT, endless, 0), -E_INVAL);
    CHECK_EQ(raw(&kv, KV_GET, endless, 0), -E_INVAL);
    CHECK_EQ(raw(&kv, KV_DELETE, "", 0), -E_INVAL);
    for (int i = 0; i < 500; i++) {
        struct ipc_msg m;

        test_fill(&m, sizeof(m), rand_next(&seed));
        m.type = random_below(&seed, KV_STAT + 2);
        CHECK_EQ(port_call(kv.port, &m, FOREVER), 0);
    }
    kv_close(&kv);
    check_alive();
    end_service(&s);
}

// Messages that want no answer do nothing, and get none.
TEST(one_way)
{
    struct service s = serve_kib("128");
    struct kv kv = open_kv();
    struct ipc_msg m = {.type = KV_DELETE};
    struct kv_body body = {.key = "a"};

    CHECK_EQ(put_text(&kv, "a", "text"), 0);
    memcpy(m.payload, &body, sizeof(body));
    for (int i = 0; i < 40; i++)
        CHECK_EQ(port_send(kv.port, &m, FOREVER), 0);
    CHECK_TEXT(&kv, "a", "text");
    kv_close(&kv);
    end_service(&s);
}

// Who has left no box can look, and nothing else.
TEST(no_box)
{
    struct service s = serve_kib("128");
    struct kv kv = open_kv();
    struct kv_body body;
    uint32_t place = 0;
    handle_t q = (handle_t)queue_create(1, 8, 0);
    handle_t big = (handle_t)queue_create(64, 4096, 0);
    handle_t r = append_region("text");

    CHECK_EQ(put_text(&kv, "a", "text"), 0);
    CHECK_EQ(raw(&kv, KV_CLOSE, "", 0), 0);
    CHECK_EQ(raw(&kv, KV_GET, "a", 0), -E_SRCH);
    CHECK_EQ(raw(&kv, KV_PUT, "a", 0), -E_SRCH);
    CHECK_EQ(raw(&kv, KV_DELETE, "a", 0), -E_SRCH);
    CHECK_EQ(raw(&kv, KV_OPEN, "a", 0), -E_AGAIN);
    CHECK_EQ(kv_next(&kv, &place, &body), 0);
    // These are no boxes, and the server does not keep them.
    leave(q, RIGHT_READ);
    leave(q, RIGHT_WRITE);
    leave(r, RW);
    leave(kv.port, RIGHT_WRITE);
    leave(big, RW);
    CHECK_EQ(raw(&kv, KV_OPEN, "", 0), -E_AGAIN);
    CHECK_EQ(refs_of(q), 1);
    CHECK_EQ(refs_of(r), 1);
    // A box is not another process's, whatever it knows.
    CHECK_EQ(JOIN(SPAWN(CHECK_EQ(raw(&kv, KV_GET, "a", 0), -E_SRCH))), 0);
    kv_close(&kv);
    check_alive();
    end_service(&s);
}

// What is in the box must be a descriptor of the value. Something else is an
// error, and gone; what does not go is in its owner's way only.
TEST(wrong_values)
{
    struct service s = serve_kib("128");
    struct kv kv = open_kv();
    handle_t r = append_region("some text");
    struct msg_desc d = {r, 0, 0, 9};

    change_box(&kv, 2, 200);
    CHECK_EQ(raw(&kv, KV_PUT, "a", 9), -E_AGAIN);
    CHECK_EQ(queue_send(kv.box, "some text", 9, 0, NOW), 0);
    CHECK_EQ(raw(&kv, KV_PUT, "a", 9), -E_PROTOTYPE);
    CHECK_EQ(queue_send_handle(kv.box, r, RIGHT_READ, 0, NOW), 0);
    CHECK_EQ(raw(&kv, KV_PUT, "a", 9), -E_PROTOTYPE);
    CHECK_EQ(queue_send_desc(kv.box, &d, 0, NOW), 0);
    CHECK_EQ(raw(&kv, KV_PUT, "a", 8), -E_PROTOTYPE);
    CHECK_EQ(queue_send_desc(kv.box, &d, 0, NOW), 0);
    CHECK_EQ(raw(&kv, KV_PUT, "", 9), -E_INVAL);
    CHECK_EQ(queue_send_desc(kv.box, &d, 0, NOW), 0);
    CHECK_EQ(raw(&kv, KV_PUT, "a", UINT32_MAX), -E_PROTOTYPE);
    CHECK_EQ(refs_of(r), 1);
    CHECK_ERR(kv_get(&kv, "a", 0, 0), E_NOENT);
    CHECK_EQ(queue_send_desc(kv.box, &d, 0, NOW), 0);
    CHECK_EQ(raw(&kv, KV_PUT, "a", 9), 0);
    CHECK_TEXT(&kv, "a", "some text");
    CHECK_EQ(queue_send(kv.box, kv_open, 100, 0, NOW), 0);
    CHECK_EQ(raw(&kv, KV_PUT, "a", 9), -E_MSGSIZE);
    CHECK_EQ(queue_send(kv.box, "x", 1, 0, NOW), 0);
    CHECK_EQ(raw(&kv, KV_GET, "a", 0), -E_AGAIN);
    check_alive();
    kv_close(&kv);
    end_service(&s);
}

// A value of more than KV_VALUE_MAX bytes is refused whatever describes it.
TEST(huge_value)
{
    struct service s = serve_kib("1024");
    struct kv kv = open_kv();
    handle_t r = (handle_t)region_create(REGION_IMMUTABLE, 1 << 20, 0, 0, 0);
    struct msg_desc d = {r, 0, 0, KV_VALUE_MAX + 1};

    CHECK_EQ(region_seal(r), 0);
    CHECK_EQ(queue_send_desc(kv.box, &d, 0, NOW), 0);
    CHECK_EQ(raw(&kv, KV_PUT, "a", KV_VALUE_MAX + 1), -E_PROTOTYPE);
    d.length = KV_VALUE_MAX;
    CHECK_EQ(queue_send_desc(kv.box, &d, 0, NOW), 0);
    CHECK_EQ(raw(&kv, KV_PUT, "a", KV_VALUE_MAX), 0);
    CHECK_EQ(refs_of(r), 1);
    kv_close(&kv);
    end_service(&s);
}

// F12: a client takes back what it has sent: the value's region, or the box.
TEST(taken_back)
{
    struct service s = serve_kib("128");
    struct kv kv = open_kv();
    handle_t r = append_region("some text");
    struct msg_desc d = {r, 0, 0, 9};

    CHECK_EQ(queue_send_desc(kv.box, &d, 0, NOW), 0);
    CHECK_EQ(handle_revoke(r), 1);
    CHECK_EQ(raw(&kv, KV_PUT, "a", 9), -E_BADH);
    CHECK_EQ(put_text(&kv, "a", "text"), 0);
    CHECK_EQ(handle_revoke(kv.box), 1);
    CHECK_EQ(raw(&kv, KV_GET, "a", 0), -E_BADH);
    CHECK_EQ(raw(&kv, KV_PUT, "a", 9), -E_BADH);
    change_box(&kv, 1, 8);
    CHECK_TEXT(&kv, "a", "text");
    CHECK_EQ(handle_shutdown(kv.box), 0);
    CHECK_EQ(raw(&kv, KV_GET, "a", 0), -E_PIPE);
    CHECK_EQ(raw(&kv, KV_PUT, "a", 9), -E_PIPE);
    check_alive();
    kv_close(&kv);
    end_service(&s);
}

// A process that fills the door holds nobody up.
TEST(crowded_door)
{
    struct service s = serve_kib("128");
    struct kv kv = open_kv();
    handle_t q = (handle_t)queue_create(1, 8, 0);
    long crowd = SPAWN({
        handle_t door = (handle_t)lobby_ask(KV_NAME, FOREVER);

        for (;;)
            CHECK_EQ(queue_send_handle(door, q, RIGHT_READ, 0, FOREVER), 0);
    });

    await_state(crowd, PROC_WAITING);
    for (int i = 0; i < 5; i++)
        check_alive();
    CHECK_EQ(kill(crowd), 0);
    CHECK_EQ(JOIN(crowd), -1);
    CHECK_EQ(put_text(&kv, "a", "text"), 0);
    kv_close(&kv);
    end_service(&s);
}

// E_NFILE for one client too many; those that have ended make room.
TEST(too_many_clients)
{
    enum { CLIENTS = 64 };
    struct service s = serve_kib("128");
    handle_t ready = (handle_t)queue_create(8, 8, 0);
    handle_t go_on = (handle_t)queue_create(1, 8, 0);
    long pids[CLIENTS];
    struct kv kv;

    for (int i = 0; i < CLIENTS; i++)
        pids[i] = SPAWN({
            open_kv();
            put(ready, 1);
            queue_recv(go_on, pids, sizeof(pids), 0, FOREVER);
        });
    for (int i = 0; i < CLIENTS; i++)
        take(ready);
    CHECK_ERR(kv_open(&kv), E_NFILE);
    CHECK_EQ(kill(pids[7]), 0);
    CHECK_EQ(JOIN(pids[7]), -1);
    kv = open_kv();
    CHECK_EQ(kv_stat_of(&kv).clients, CLIENTS);
    for (int i = 0; i < CLIENTS - 1; i++)
        put(go_on, 1);
    for (int i = 0; i < CLIENTS; i++)
        if (i != 7)
            CHECK_EQ(JOIN(pids[i]), 0);
    check_alive();
    kv_close(&kv);
    end_service(&s);
}

// M1: a client is killed while the server has its call; what it had put into
// its box goes with it.
TEST(killed_in_call)
{
    struct service s = serve_kib("128");

    for (uint32_t i = 0; i < rounds(60); i++) {
        long pid = SPAWN({
            struct kv kv = open_kv();

            for (uint32_t n = 0;; n++)
                put_bytes(&kv, "a", n, 10000);
        });

        await_state(pid, PROC_WAITING);
        BUSY_US(i * 50);
        CHECK_EQ(kill(pid), 0);
        CHECK_EQ(JOIN(pid), -1);
    }
    check_alive();
    end_service(&s);
}

// N4: what a client leaves in its box when it dies goes: nobody need ask.
TEST(killed_with_a_full_box)
{
    struct service s = serve_kib("128");
    handle_t r = append_region("text"), sent = (handle_t)queue_create(1, 8, 0);
    long pid = SPAWN({
        struct kv kv = open_kv();
        struct msg_desc d = {r, 0, 0, 4};

        CHECK_EQ(queue_send_desc(kv.box, &d, 0, NOW), 0);
        put(sent, 1);
        timer_wait(TIMER_REL, FOREVER);
    });

    take(sent);
    CHECK_EQ(kill(pid), 0);
    CHECK_EQ(JOIN(pid), -1);
    for (int i = 0; i < SETTLE_MS / 10 && refs_of(r) > 1; i++)
        nap_ms(10);
    CHECK_EQ(refs_of(r), 1);
    end_service(&s);
}

TEST_MAIN()
