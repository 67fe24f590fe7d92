/*
 * The server: a loop of answers and requests at the port "kv".
 *
 *   KV1  it waits for requests only. Doors and boxes are tried, with timeout 0:
 *        no client can hold it up, dead or alive.
 *   KV2  who asks is who the kernel says, and has one box: what it breaks in
 *        there is its own. When it has ended, its box is dropped, at the
 *        latest after a second without requests, or after SWEEP of them.
 *   KV3  of what comes from a client, nothing is used before it is copied, and
 *        then checked: the body of a request, the bytes of a value.
 *   KV4  a value is in the store before its put is answered; a client that dies
 *        before that may find it there or not, but never a part of it.
 */
#include "kv_serve.h"
#include "kv_store.h"
#include <lobby.h>

#define CLIENTS       64
#define DOOR_RING     16
#define BOX_BYTES_MAX 4096
#define SWEEP         1024 /* requests */
#define SECOND        1000000000ull

static struct client {
    int32_t pid; /* 0: none */
    handle_t box;
} clients[CLIENTS];

static handle_t port, door;
static uint8_t value[KV_VALUE_MAX];

/* What a message of a queue may be. */
union content {
    struct msg_desc described;
    struct msg_handle got;
    uint8_t bytes[64];
};

/* --- clients -------------------------------------------------------------- */

/* The client with this pid; for 0, a place for one. Null: there is none. */
static struct client *find(int32_t pid)
{
    for (struct client *c = clients; c < clients + CLIENTS; c++)
        if (c->pid == pid)
            return c;
    return 0;
}

static void drop(struct client *c)
{
    handle_close(c->box);
    c->pid = 0;
}

/* Those that have ended without a word, with what is in their boxes. Returns:
 * how many are left. */
static uint32_t drop_ended(void)
{
    struct proc_info info;
    uint32_t count = 0;

    for (struct client *c = clients; c < clients + CLIENTS; c++) {
        if (c->pid &&
            (proc_info(c->pid, &info) < 0 || info.state == PROC_ENDED))
            drop(c);
        count += c->pid != 0;
    }
    return count;
}

static struct client *find_place(int32_t pid)
{
    struct client *c = find(pid);

    if (c)
        drop(c);
    else
        drop_ended();
    return find(0);
}

/* The handle that came with a message, to be closed; or negative. */
static handle_t handle_in(const struct msg_meta *meta, const union content *m)
{
    if (meta->kind == MSG_HANDLE)
        return m->got.handle;
    if (meta->kind == MSG_DESC && (m->described.flags & DESC_NEW_HANDLE))
        return m->described.region;
    return -E_BADH;
}

/* A box is a queue, and not so large that it would matter who keeps it. */
static bool is_box(const struct msg_meta *meta, const union content *m)
{
    const uint32_t needed = RIGHT_READ | RIGHT_WRITE;
    struct queue_stat stat;

    return meta->kind == MSG_HANDLE && (m->got.rights & needed) == needed &&
           queue_stat(m->got.handle, &stat) == 0 &&
           stat.ring_size * stat.max_msg <= BOX_BYTES_MAX;
}

/* Takes what has been left at the door, which others may go on filling. */
static void look_at_door(void)
{
    union content m;
    struct msg_meta meta;

    for (int i = 0; i < 2 * DOOR_RING; i++) {
        struct client *c = 0;

        if (queue_recv(door, &m, sizeof(m), &meta, 0) < 0)
            return;
        if (is_box(&meta, &m))
            c = find_place(meta.sender);
        if (c)
            *c = (struct client){meta.sender, m.got.handle};
        else
            handle_close(handle_in(&meta, &m));
    }
}

static long open_client(int32_t pid)
{
    look_at_door();
    if (find(pid))
        return 0;
    return find(0) ? -E_AGAIN : -E_NFILE;
}

static long close_client(int32_t pid)
{
    struct client *c = find(pid);

    if (c)
        drop(c);
    return 0;
}

/* --- requests ------------------------------------------------------------- */

/* Copies the described bytes out of the client's box (KV3). Whatever was in
 * there, it is gone. Returns: 0; or what is wrong with it. */
static long take_value(const struct client *c, uint32_t length)
{
    union content m;
    struct msg_meta meta;
    long n = queue_recv(c->box, &m, sizeof(m), &meta, 0);

    if (n < 0)
        return n;
    n = -E_PROTOTYPE;
    if (meta.kind == MSG_DESC && m.described.length == length &&
        length <= sizeof(value))
        n = region_read(m.described.region, m.described.offset, value, length);
    handle_close(handle_in(&meta, &m));
    return n < 0 ? n : 0;
}

static long put(const struct client *c, const struct kv_body *body)
{
    long error = body->length > 0 ? take_value(c, body->length) : 0;

    return error ? error : store_put(body->key, value, body->length);
}

static long get(const struct client *c, struct kv_body *body)
{
    struct msg_desc d;
    long error = store_get(body->key, &d);

    if (error)
        return error;
    body->length = (uint32_t)d.length;
    return d.length > 0 ? queue_send_desc(c->box, &d, 0, 0) : 0;
}

static bool is_key(const char *key)
{
    return key[0] && memchr(key, 0, KV_KEY_BYTES);
}

/* Requests about a key, of a client. */
static long answer_client(const struct client *c, uint32_t what,
                          struct kv_body *body)
{
    if (!c)
        return -E_SRCH;
    // First of all, or the value would be in the way of the next.
    if (what == KV_PUT && !is_key(body->key) && body->length > 0)
        take_value(c, 0);
    if (!is_key(body->key))
        return -E_INVAL;
    if (what == KV_PUT)
        return put(c, body);
    if (what == KV_GET)
        return get(c, body);
    return store_delete(body->key);
}

/* Requests that anybody can make; the answer goes into m. */
static long answer(struct ipc_msg *m)
{
    int32_t pid = (int32_t)m->sender;
    struct kv_stat stat;
    struct kv_body body;
    long error;

    memcpy(&body, m->payload, sizeof(body));
    switch (m->type) {
    case KV_OPEN:
        return open_client(pid);
    case KV_CLOSE:
        return close_client(pid);
    case KV_STAT:
        store_stat(&stat);
        for (int i = 0; i < CLIENTS; i++)
            stat.clients += clients[i].pid != 0;
        memcpy(m->payload, &stat, sizeof(stat));
        return 0;
    case KV_NEXT:
        error = store_next(&body);
        break;
    case KV_PUT:
    case KV_GET:
    case KV_DELETE:
        error = answer_client(find(pid), m->type, &body);
        break;
    default:
        return -E_NOSYS;
    }
    memcpy(m->payload, &body, sizeof(body));
    return error;
}

/* --- the loop ------------------------------------------------------------- */

/* The door last: who is shown in finds the port. */
static long open_service(uint64_t log_bytes)
{
    long error = store_open(log_bytes);

    if (error == 0)
        error = queue_create(DOOR_RING, sizeof(struct msg_handle), 0);
    door = (handle_t)error;
    if (error >= 0)
        error = port_create();
    port = (handle_t)error;
    if (error >= 0)
        error = port_bind(port, KV_NAME);
    if (error >= 0)
        error = lobby_leave(KV_NAME, door);
    handle_close((handle_t)lobby_find()); // it need not wait for this end
    return error;
}

/* As long as there are clients, it looks after them once in a while. Returns:
 * -E_code, if it cannot begin or go on. */
long serve(uint64_t log_bytes)
{
    long reply = open_service(log_bytes);
    struct ipc_msg m = {0};
    uint32_t count = 0, served = 0;

    while (reply >= 0) {
        reply = port_reply_recv((handle_t)reply, port, &m,
                                count ? SECOND : TIMEOUT_FOREVER);
        if (reply > 0) {
            m.type = (uint32_t)-answer(&m);
            count++;
        }
        if (reply == -E_TIMEDOUT || ++served % SWEEP == 0)
            count = drop_ended();
        if (reply == -E_NOMEM) // the request stays, and memory may come back
            timer_wait(TIMER_REL, SECOND);
        if (reply == -E_TIMEDOUT || reply == -E_NOMEM)
            reply = 0;
    }
    return reply;
}
