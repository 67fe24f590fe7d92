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
 *   LO2  it waits for the next message, and for the end of what it keeps, of
 *        which there is no more than handle_wait takes.
 *   LO3  it ends when nobody is left who could ask. So it keeps no WRITE end of
 *        its own queue, and no READ end, in whose queue there might be one.
 */
#include <lobby.h>

#define DOORS     8
#define QUESTIONS 7
#define KEPT      (DOORS + QUESTIONS)

static struct entry {
    uint32_t name;
    handle_t queue; /* negative: this one is free */
} kept[KEPT];

static struct entry *const doors = kept, *const questions = kept + DOORS;

static void drop(struct entry *e)
{
    handle_close(e->queue);
    e->queue = -1;
}

static struct entry *find_free(struct entry *table, int count)
{
    for (struct entry *e = table; e < table + count; e++)
        if (e->queue < 0)
            return e;
    return 0;
}

static const struct entry *find_door(uint32_t name)
{
    for (const struct entry *e = doors; e < doors + DOORS; e++)
        if (e->queue >= 0 && e->name == name)
            return e;
    return 0;
}

static void answer(const struct entry *door, handle_t question)
{
    queue_send_handle(question, door->queue, RIGHT_WRITE, 0, 0);
}

static void leave(const struct entry *got)
{
    struct entry *place = find_free(doors, DOORS);

    if (!place || find_door(got->name)) {
        handle_close(got->queue);
        return;
    }
    *place = *got;
    for (struct entry *e = questions; e < questions + QUESTIONS; e++) {
        if (e->queue >= 0 && e->name == got->name) {
            answer(place, e->queue);
            drop(e);
        }
    }
}

static void ask(const struct entry *got)
{
    struct entry *place = find_free(questions, QUESTIONS);
    const struct entry *door = find_door(got->name);

    if (!door && place) {
        *place = *got;
        return;
    }
    if (door)
        answer(door, got->queue);
    handle_close(got->queue);
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
    got = (struct entry){meta.tag, m.handle};
    if (!is_end(&m))
        handle_close(m.handle);
    else if (m.rights & RIGHT_GRANT)
        leave(&got);
    else
        ask(&got);
    return 0;
}

/* Sleeps until there is a message, or the other side of a queue has gone. Drops
 * those, first of all: their names are free. Handles of others may be revoked,
 * which nobody is told of. */
static void sleep(void)
{
    struct wait_item items[1 + KEPT] = {{STDIN, SIG_READABLE, 0}};
    struct entry *of[1 + KEPT];
    struct handle_info info;
    uint32_t n = 1;

    for (struct entry *e = kept; e < kept + KEPT; e++) {
        if (e->queue >= 0 && handle_info(e->queue, &info) < 0)
            e->queue = -1;
        if (e->queue < 0)
            continue;
        of[n] = e;
        items[n++] = (struct wait_item){e->queue, SIG_CLOSED, 0};
    }
    if (handle_wait(items, n, TIMEOUT_FOREVER) < 0)
        return;
    for (uint32_t i = 1; i < n; i++)
        if (items[i].seen & SIG_CLOSED)
            drop(of[i]);
}

int main(void)
{
    long error = 0;

    for (struct entry *e = kept; e < kept + KEPT; e++)
        e->queue = -1;
    while (error == 0 || error == -E_AGAIN) {
        sleep();
        error = take_message();
    }
    return error != -E_PIPE;
}
