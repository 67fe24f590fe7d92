/* A client of the key-value service: one call to the port for each request, a
 * descriptor in the box for each value. */
#include "kv.h"
#include "lobby.h"

#define PATIENCE      1000000000ull      /* for a server to come */
#define SCRATCH_BYTES (4 * KV_VALUE_MAX) /* region for values to put */
#define TRIES         1000               /* while others crowd the door */
#define TRIES_GET     8                  /* while the server compacts */

/* One request. Returns: 0, body is the answer's; -E_code. */
static long call(const struct kv *kv, enum kv_request what,
                 struct kv_body *body)
{
    struct ipc_msg m = {.type = what};
    long error;

    memcpy(m.payload, body, sizeof(*body));
    error = port_call(kv->port, &m, TIMEOUT_FOREVER);
    memcpy(body, m.payload, sizeof(*body));
    return error ? error : -(long)m.type;
}

static long set_key(struct kv_body *body, const char *key)
{
    *body = (struct kv_body){0};
    if (!*key || strnlen(key, KV_KEY_BYTES) == KV_KEY_BYTES)
        return -E_INVAL;
    strcpy(body->key, key);
    return 0;
}

/* --- the connection ------------------------------------------------------- */

/* Leaves the box at the door. When that is full of what others have left, a
 * call makes the server look. */
static long deliver_box(const struct kv *kv, handle_t door)
{
    long error = -E_AGAIN;

    for (int i = 0; i < TRIES && error == -E_AGAIN; i++) {
        struct kv_body body = {0};

        error = queue_send_handle(door, kv->box, RIGHT_READ | RIGHT_WRITE,
                                  MSG_OPT(PRIO_NORMAL, 0), 0);
        if (error == 0 || error == -E_AGAIN)
            error = call(kv, KV_OPEN, &body);
    }
    return error;
}

/* The door may be long in coming: a server that is just starting. Behind it
 * the port has its name. */
long kv_open(struct kv *kv)
{
    long door = lobby_ask(KV_NAME, PATIENCE);
    long port = door < 0 ? door : port_connect(KV_NAME);
    long box = port < 0 ? port : queue_create(1, sizeof(struct msg_desc), 0);
    long error = box;

    *kv = (struct kv){(handle_t)port, (handle_t)box, -1};
    if (box >= 0)
        error = deliver_box(kv, (handle_t)door);
    if (door >= 0)
        handle_close((handle_t)door);
    if (error < 0)
        kv_close(kv);
    return error < 0 ? error : 0;
}

void kv_close(struct kv *kv)
{
    struct kv_body body = {0};

    if (kv->box >= 0) {
        call(kv, KV_CLOSE, &body);
        handle_close(kv->box);
    }
    if (kv->region >= 0)
        handle_close(kv->region);
    if (kv->port >= 0)
        handle_close(kv->port);
    *kv = (struct kv){-1, -1, -1};
}

/* --- values --------------------------------------------------------------- */

/* Appends a value to the scratch region, or to a new one when that is full.
 * Returns: its offset, or -E_code. */
static long append_value(struct kv *kv, const void *value, uint64_t length)
{
    long offset = -E_NOSPC, region;

    if (kv->region >= 0)
        offset = region_append(kv->region, value, length);
    if (offset != -E_NOSPC)
        return offset;
    region = region_create(REGION_APPEND, SCRATCH_BYTES, 0, 0, 0);
    if (region < 0)
        return region;
    if (kv->region >= 0)
        handle_close(kv->region);
    kv->region = (handle_t)region;
    return region_append(kv->region, value, length);
}

long kv_put(struct kv *kv, const char *key, const void *value, uint64_t length)
{
    struct kv_body body;
    long n = set_key(&body, key);

    if (n == 0 && length > KV_VALUE_MAX)
        n = -E_MSGSIZE;
    if (n == 0 && length > 0)
        n = append_value(kv, value, length);
    if (n >= 0 && length > 0) {
        struct msg_desc d = {kv->region, 0, (uint64_t)n, length};

        n = queue_send_desc(kv->box, &d, 0, 0);
    }
    body.length = (uint32_t)length;
    return n < 0 ? n : call(kv, KV_PUT, &body);
}

/* The value that the server has put into the box. Returns: its length; -E_BADH:
 * the server has taken it back; -E_code. */
static long take_value(const struct kv *kv, void *value, uint64_t cap)
{
    struct msg_meta meta;
    struct msg_desc d;
    long n = queue_recv(kv->box, &d, sizeof(d), &meta, 0);

    if (n < 0)
        return n;
    if (meta.kind != MSG_DESC)
        return -E_PROTOTYPE;
    if (d.region < 0)
        return d.region;
    n = d.length > cap ? -E_MSGSIZE
                       : region_read(d.region, d.offset, value, d.length);
    if (d.flags & DESC_NEW_HANDLE)
        handle_close(d.region);
    return n;
}

long kv_get(struct kv *kv, const char *key, void *value, uint64_t cap)
{
    long n = -E_BADH;

    // The server takes old regions back: then the value is in a new one.
    for (int i = 0; i < TRIES_GET && n == -E_BADH; i++) {
        struct kv_body body;

        n = set_key(&body, key);
        if (n == 0)
            n = call(kv, KV_GET, &body);
        if (n == 0 && body.length > 0)
            n = take_value(kv, value, cap);
    }
    return n;
}

long kv_delete(struct kv *kv, const char *key)
{
    struct kv_body body;
    long error = set_key(&body, key);

    return error ? error : call(kv, KV_DELETE, &body);
}

long kv_next(struct kv *kv, uint32_t *place, struct kv_body *out)
{
    long error;

    *out = (struct kv_body){.place = *place};
    error = call(kv, KV_NEXT, out);
    if (error)
        return error;
    *place = out->place;
    out->key[KV_KEY_BYTES - 1] = 0;
    return 0;
}

long kv_stat(struct kv *kv, struct kv_stat *out)
{
    struct kv_body body = {0};
    long error = call(kv, KV_STAT, &body);

    memcpy(out, &body, sizeof(*out));
    return error;
}
