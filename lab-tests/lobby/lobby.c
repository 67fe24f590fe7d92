/* The lobby: doors, questions, and what else may come. */
#include "../service.h"

static handle_t new_queue(void)
{
    long q = queue_create(4, 8, 0);

    CHECK(q >= 0);
    return (handle_t)q;
}

/* Asks, and waits for as long as it takes. */
static handle_t ask(const char *name)
{
    long door = lobby_ask(name, FOREVER);

    CHECK(door >= 0);
    return (handle_t)door;
}

/* Sends something to the lobby that is no question of the library's. */
static void leave_junk(handle_t lobby, handle_t h, uint32_t rights)
{
    CHECK_EQ(
        queue_send_handle(lobby, h, rights, MSG_OPT(PRIO_NORMAL, 7), FOREVER),
        0);
}

static uint32_t refs_of(handle_t h)
{
    struct handle_info info;

    CHECK_EQ(handle_info(h, &info), 0);
    return info.refs;
}

/* What was sent to the lobby before has been dealt with after this. */
static void await_lobby(void)
{
    handle_t q = new_queue();

    CHECK_EQ(lobby_leave("a door of the test", q), 0);
    CHECK_EQ(handle_close(ask("a door of the test")), 0);
    CHECK_EQ(handle_close(q), 0);
}

// Without a lobby nobody meets anybody.
TEST(none)
{
    handle_t q = new_queue();

    CHECK_ERR(lobby_find(), E_NOENT);
    CHECK_ERR(lobby_leave("kv", q), E_NOENT);
    CHECK_ERR(lobby_ask("kv", FOREVER), E_NOENT);
}

// F10: a door is reached by who asks for it, with RIGHT_WRITE and no more.
TEST(door_found)
{
    handle_t lobby = open_lobby(), q = new_queue(), other = new_queue(), door;
    struct handle_info info;

    CHECK_EQ(lobby_find(), lobby);
    CHECK_EQ(lobby_leave("one", q), 0);
    CHECK_EQ(lobby_leave("other", other), 0);
    door = ask("one");
    CHECK_EQ(handle_info(door, &info), 0);
    CHECK_EQ(info.rights, RIGHT_WRITE);
    CHECK_EQ(put_now(door, 17, PRIO_NORMAL), 0);
    CHECK_EQ(take_now(q), 17);
    CHECK_EQ(put_now(ask("other"), 18, PRIO_NORMAL), 0);
    CHECK_EQ(take_now(other), 18);
    CHECK_EQ(JOIN(SPAWN(CHECK_EQ(put_now(ask("one"), 19, PRIO_NORMAL), 0))), 0);
    CHECK_EQ(take_now(q), 19);
    CHECK_ERR(lobby_ask("nobody's", MS(20)), E_NOENT);
    close_lobby(lobby);
}

// Questions wait for their door; all of them are answered.
TEST(question_first)
{
    enum { CHILDREN = 10 };
    handle_t lobby = open_lobby(), q = new_queue();
    long pids[CHILDREN];

    for (uint32_t i = 0; i < CHILDREN; i++) {
        pids[i] = SPAWN(CHECK_EQ(put(ask("late"), i), 0));
        await_state(pids[i], PROC_WAITING);
    }
    CHECK_EQ(lobby_leave("late", q), 0);
    for (int i = 0; i < CHILDREN; i++)
        CHECK(take(q) < CHILDREN);
    for (int i = 0; i < CHILDREN; i++)
        CHECK_EQ(JOIN(pids[i]), 0);
    close_lobby(lobby);
}

// A name is the first one's until nobody reads its door.
TEST(first_come)
{
    handle_t lobby = open_lobby(), q = new_queue(), thief = new_queue();

    CHECK_EQ(lobby_leave("name", q), 0);
    CHECK_EQ(JOIN(SPAWN(CHECK_EQ(lobby_leave("name", thief), 0))), 0);
    CHECK_EQ(put_now(ask("name"), 1, PRIO_NORMAL), 0);
    CHECK_EQ(take_now(q), 1);
    CHECK_EQ(refs_of(thief), 1);
    CHECK_EQ(handle_close(q), 0);
    CHECK_EQ(lobby_leave("name", thief), 0);
    CHECK_EQ(put_now(ask("name"), 2, PRIO_NORMAL), 0);
    CHECK_EQ(take_now(thief), 2);
    close_lobby(lobby);
}

// C8: who can ask cannot listen to what others ask.
TEST(not_readable)
{
    handle_t lobby = open_lobby();
    struct msg_handle got;

    CHECK_ERR(queue_recv(lobby, &got, sizeof(got), 0, NOW), E_ACCES);
    CHECK_ERR(handle_shutdown(lobby), E_ACCES);
    close_lobby(lobby);
}

// Whatever is sent to it, the lobby keeps nothing of it, and goes on.
TEST(junk)
{
    handle_t lobby = open_lobby(), q = new_queue();
    handle_t r = (handle_t)region_create(REGION_APPEND, 4096, 0, 0, 0);
    handle_t p = (handle_t)port_create();
    handle_t gone = new_queue();
    struct msg_desc d = {r, 0, 0, 4};
    const uint64_t normal = MSG_OPT(PRIO_NORMAL, 0);

    CHECK_EQ(region_append(r, "text", 4), 0);
    for (int i = 0; i < 100; i++) {
        CHECK_EQ(queue_send(lobby, "junk", 4, normal, FOREVER), 0);
        CHECK_EQ(queue_send_desc(lobby, &d, normal, FOREVER), 0);
        leave_junk(lobby, r, RIGHT_READ | RIGHT_GRANT);
        leave_junk(lobby, r, RIGHT_READ);
        leave_junk(lobby, p, RW);
        leave_junk(lobby, q, RIGHT_READ);
        leave_junk(lobby, lobby, RIGHT_WRITE);
        leave_junk(lobby, lobby, RIGHT_WRITE | RIGHT_GRANT);
    }
    // An end of the lobby in a queue whose READ end comes there.
    CHECK_EQ(queue_send_handle(q, lobby, RIGHT_WRITE, 0, NOW), 0);
    leave_junk(lobby, q, RIGHT_READ);
    leave_junk(lobby, q, RW);
    leave_junk(lobby, gone, RIGHT_WRITE | RIGHT_GRANT);
    handle_revoke(gone);
    CHECK_EQ(handle_close(p), 0);
    CHECK_EQ(handle_close(q), 0);
    await_lobby();
    await_lobby();
    CHECK_EQ(refs_of(r), 1);
    close_lobby(lobby);
}

// A question too many is turned away at once; who has died asks no more.
TEST(many_questions)
{
    enum { QUESTIONS = 64 };
    handle_t lobby = open_lobby(), q = new_queue();
    long pids[QUESTIONS];

    for (int i = 0; i < QUESTIONS; i++) {
        pids[i] = SPAWN(lobby_ask("never", FOREVER));
        await_state(pids[i], PROC_WAITING);
    }
    CHECK_ERR(lobby_ask("never", FOREVER), E_NOENT);
    for (int i = 0; i < QUESTIONS; i++) {
        CHECK_EQ(kill(pids[i]), 0);
        CHECK_EQ(JOIN(pids[i]), -1);
    }
    pids[0] = SPAWN(CHECK_EQ(put(ask("late"), 5), 0));
    await_state(pids[0], PROC_WAITING);
    CHECK_EQ(lobby_leave("late", q), 0);
    CHECK_EQ(take(q), 5);
    CHECK_EQ(JOIN(pids[0]), 0);
    close_lobby(lobby);
}

// N4: a queue that nobody reads any more is dropped, without anybody asking.
TEST(ends_noticed)
{
    handle_t lobby = open_lobby(), q = new_queue();
    handle_t end = (handle_t)handle_dup(q, RIGHT_WRITE | RIGHT_GRANT, 0);
    handle_t own = (handle_t)handle_dup(q, RIGHT_READ, 0);

    CHECK_EQ(lobby_leave("name", end), 0);
    CHECK_EQ(handle_close(ask("name")), 0);
    CHECK_EQ(handle_close(q), 0);
    CHECK_EQ(refs_of(end), 3); // the lobby's is one
    CHECK_EQ(handle_close(own), 0);
    for (int i = 0; i < SETTLE_MS && refs_of(end) > 1; i++)
        nap_ms(1);
    CHECK_EQ(refs_of(end), 1);
    close_lobby(lobby);
}

// It ends with the last who could ask, also when that one is killed.
TEST(ends)
{
    handle_t lobby = open_lobby();
    long child = SPAWN(timer_wait(TIMER_REL, FOREVER));

    CHECK_EQ(handle_close(lobby), 0);
    CHECK_ERR(lobby_find(), E_NOENT);
    CHECK_EQ(kill(child), 0);
    while (wait(-1, 0, FOREVER) > 0)
        continue;
}

TEST_MAIN()
