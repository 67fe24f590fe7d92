/* Calls that end in all ways leave nothing behind. */
#include "port.h"

#define ROUNDS 12

enum { ANSWERED, TIMES_OUT, CALLER_DIES, SERVER_DIES, SHUT, WAYS };

static void call_and_leave(handle_t p, int how, long server)
{
    await_state(server, PROC_WAITING); /* or the time could be over before */
    ask(p, 1, how == TIMES_OUT ? MS(2) : FOREVER);
}

static void round(int i)
{
    handle_t p = new_port();
    int how = i % WAYS;
    long reply = 0, server = getpid(),
         pid = SPAWN(call_and_leave(p, how, server));

    CHECK_EQ(hear(p, &reply), 1);
    CHECK_EQ(say(p, 2, NOW), 0);
    if (how == ANSWERED)
        CHECK_EQ(answer((handle_t)reply, 2), 0);
    if (how == CALLER_DIES)
        CHECK_EQ(kill(pid), 0);
    if (how == SERVER_DIES)
        CHECK_EQ(handle_close((handle_t)reply), 0);
    if (how == SHUT)
        CHECK_EQ(handle_shutdown(p), 0);
    CHECK_EQ(wait(pid, 0, FOREVER), pid);
    if (how != ANSWERED && how != SERVER_DIES)
        CHECK_ERR(answer((handle_t)reply, 2), E_PIPE);
    CHECK_EQ(handle_close(p), 0);
}

// M1 N4: requests, replies and their handles are gone with whoever had them.
TEST(nothing_left)
{
    leaves_nothing(round, WAYS, ROUNDS);
}

TEST_MAIN()
