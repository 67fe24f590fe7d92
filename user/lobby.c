/*
 * lobby: keeps the doors of servers, and hands them to who asks. The shell
 * starts it; user/lib/lobby.h says what for.
 *
 * Its input is the lobby's queue. Each message is a handle, and its tag is a
 * name. A handle that may be handed on is a door, left under this name; another
 * one is a question, and the door goes into it, at once or when it is left.
 * There is no other answer: who shall not wait any more, is told so by the end
 * of its queue.
 *
 *   LO1  a name is its first owner's for as long as somebody reads its door.
 *   LO2  it waits for the next message, and for word of the end of a queue that
 *        it keeps, to which it has subscribed; and for nobody in particular.
 *   LO3  it ends when nobody is left who could ask. So it keeps no WRITE end of
 *        its own queue, and no READ end, in whose queue there might be one.
 */
#include <lobby.h>

#define DOORS      32
#define QUESTIONS  64
#define EVENT_RING 16

struct entry {
    uint32_t name;
    uint32_t serial; /* an event that comes late must not end the next one */
    handle_t queue;  /* 0: this one is free */
};

static struct entry doors[DOORS], questions[QUESTIONS];
static handle_t events; /* the queue for the ends of others */

static void drop(struct entry *e)
{
    handle_close(e->queue);
    e->queue = 0;
}

/* A queue of which nobody reads, or a handle that was revoked. */
static bool is_closed(const struct entry *e)
{
    struct wait_item item = {e->queue, SIG_CLOSED, 0};

    return handle_wait(&item, 1, 0) != -E_AGAIN;
}

/* A free entry; if there is none, revoked handles make room. Null: there is
 * none. */
static struct entry *find_free(struct entry *table, int count)
{
    for (struct entry *e = table; e < table + count; e++)
        if (!e->queue)
            return e;
    for (struct entry *e = table; e < table + count; e++) {
        if (is_closed(e)) {
            drop(e);
            return e;
        }
    }
    return 0;
}

/* A door that was closed just now counts no more. */
static struct entry *find_door(uint32_t name)
{
    for (struct entry *e = doors; e < doors + DOORS; e++) {
        if (!e->queue || e->name != name)
            continue;
        if (!is_closed(e))
            return e;
        drop(e);
    }
    return 0;
}

/* Keeps a queue until it is dropped, or nobody reads it. Returns: whether it
 * does. */
static bool keep(struct entry *place, const struct entry *got)
{
    static uint32_t serial;

    if (!place ||
        handle_subscribe(got->queue, events, SIG_CLOSED, ++serial) < 0) {
        handle_close(got->queue);
        return false;
    }
    *place = *got;
    place->serial = serial;
    return true;
}

static void drop_serial(struct entry *table, int count, uint64_t serial)
{
    for (struct entry *e = table; e < table + count; e++)
        if (e->queue && e->serial == serial)
            drop(e);
}

static void answer(const struct entry *door, handle_t question)
{
    queue_send_handle(question, door->queue, RIGHT_WRITE, 0, 0);
}

static void leave(const struct entry *got)
{
    struct entry *place;

    if (find_door(got->name)) {
        handle_close(got->queue);
        return;
    }
    place = find_free(doors, DOORS);
    if (!keep(place, got))
        return;
    for (struct entry *e = questions; e < questions + QUESTIONS; e++) {
        if (e->queue && e->name == got->name) {
            answer(place, e->queue);
            drop(e);
        }
    }
}

static void ask(const struct entry *got)
{
    const struct entry *door = find_door(got->name);

    if (door) {
        answer(door, got->queue);
        handle_close(got->queue);
    } else {
        keep(find_free(questions, QUESTIONS), got);
    }
}

/* The handle in a message, with its rights; negative if there is none. */
static struct msg_handle handle_in(const struct msg_meta *meta,
                                   const void *bytes)
{
    const struct msg_desc *described = bytes;

    if (meta->kind == MSG_HANDLE)
        return *(const struct msg_handle *)bytes;
    if (meta->kind == MSG_DESC && (described->flags & DESC_NEW_HANDLE))
        return (struct msg_handle){described->region, 0};
    return (struct msg_handle){-E_BADH, 0};
}

/* Whether it is the WRITE end of a queue, and not of this one (LO3). */
static bool is_end(const struct msg_handle *m)
{
    struct handle_info own, info;

    return (m->rights & ~RIGHT_GRANT) == RIGHT_WRITE &&
           handle_info(m->handle, &info) == 0 && info.type == OBJ_QUEUE &&
           handle_info(STDIN, &own) == 0 && info.object_id != own.object_id;
}

/* Returns: 0; what queue_recv fails with. */
static long take_message(void)
{
    uint64_t bytes[8]; // more than a message of the lobby has
    struct msg_meta meta;
    long n = queue_recv(STDIN, bytes, sizeof(bytes), &meta, 0);
    struct msg_handle m;
    struct entry got;

    if (n < 0)
        return n;
    m = handle_in(&meta, bytes);
    got = (struct entry){.name = meta.tag, .queue = m.handle};
    if (!is_end(&m))
        handle_close(m.handle);
    else if (m.rights & RIGHT_GRANT)
        leave(&got);
    else
        ask(&got);
    return 0;
}

/* Drops what nobody reads any more. */
static void take_events(void)
{
    struct msg_event event;

    while (queue_recv(events, &event, sizeof(event), 0, 0) >= 0) {
        drop_serial(doors, DOORS, event.token);
        drop_serial(questions, QUESTIONS, event.token);
    }
}

int main(void)
{
    struct wait_item items[2] = {{STDIN, SIG_READABLE, 0}};
    long error = queue_create(EVENT_RING, sizeof(struct msg_event), 0);

    if (error < 0)
        return 1;
    events = (handle_t)error;
    items[1] = (struct wait_item){events, SIG_READABLE, 0};
    for (error = 0; error == 0 || error == -E_AGAIN;) {
        handle_wait(items, 2, TIMEOUT_FOREVER);
        take_events();
        error = take_message();
    }
    return error != -E_PIPE;
}
