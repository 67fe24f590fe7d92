/* The lobby, from outside; user/lobby.c is inside. */
#include "lobby.h"

/* Who makes the lobby makes it early: its slot is low, and was used seldom. */
#define SLOTS       16
#define GENERATIONS 4
#define GENERATION  256 /* from a handle's value to the slot's next one */

long lobby_find(void)
{
    struct handle_info info;

    for (handle_t slot = 3; slot < SLOTS; slot++) {
        for (handle_t n = 0; n < GENERATIONS; n++) {
            handle_t h = slot + n * GENERATION;

            if (handle_info(h, &info) == 0 && info.type == OBJ_QUEUE &&
                info.badge == LOBBY_BADGE)
                return h;
        }
    }
    return -E_NOENT;
}

/* In the child: becomes the program, with the READ end as its input. It has no
 * WRITE end, or it would wait for itself, and no stream others wait for. */
static void become_lobby(handle_t queue, handle_t end, handle_t secret)
{
    handle_t others[] = {end, queue, secret, STDOUT, STDERR};
    char name[] = "lobby";
    char *words[] = {name, 0};
    long own = handle_dup(queue, RIGHT_READ, 0);

    handle_dup_at((handle_t)own, STDIN);
    handle_close((handle_t)own);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        handle_close(others[i]);
    exec(name, words);
    exit(1);
}

long lobby_start(handle_t secret)
{
    long queue = queue_create(LOBBY_RING, sizeof(struct msg_handle), 0);
    long end, pid;

    if (queue < 0)
        return queue;
    end = handle_dup((handle_t)queue, RIGHT_WRITE | RIGHT_GRANT, LOBBY_BADGE);
    pid = end < 0 ? end : fork();
    if (pid == 0)
        become_lobby((handle_t)queue, (handle_t)end, secret);
    handle_close((handle_t)queue);
    if (pid < 0 && end >= 0)
        handle_close((handle_t)end);
    return pid < 0 ? pid : end;
}

/* In messages a name is a number (FNV-1a). */
static uint32_t number_of(const char *name)
{
    uint32_t number = 2166136261u;

    for (; *name; name++)
        number = (number ^ (uint8_t)*name) * 16777619u;
    return number;
}

long lobby_leave(const char *name, handle_t door)
{
    long lobby = lobby_find();

    if (lobby < 0)
        return lobby;
    return queue_send_handle((handle_t)lobby, door, RIGHT_WRITE | RIGHT_GRANT,
                             MSG_OPT(PRIO_NORMAL, number_of(name)),
                             TIMEOUT_FOREVER);
}

/* The question is a queue for the answer. Nobody here keeps its WRITE end: if
 * the question is dropped, the answer is E_PIPE. */
long lobby_ask(const char *name, uint64_t timeout)
{
    long lobby = lobby_find();
    long box =
        lobby < 0 ? lobby : queue_create(1, sizeof(struct msg_handle), 0);
    struct msg_handle got = {.handle = -E_NOENT};
    long end, n;

    if (box < 0)
        return box;
    end = handle_dup((handle_t)box, RIGHT_READ, 0);
    n = queue_send_handle((handle_t)lobby, (handle_t)box, RIGHT_WRITE,
                          MSG_OPT(PRIO_NORMAL, number_of(name)),
                          TIMEOUT_FOREVER);
    handle_close((handle_t)box);
    if (n == 0)
        n = queue_recv((handle_t)end, &got, sizeof(got), 0, timeout);
    handle_close((handle_t)end);
    if (n == -E_PIPE || n == -E_TIMEDOUT)
        return -E_NOENT;
    return n < 0 ? n : got.handle;
}
