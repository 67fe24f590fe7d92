/* A server receives what nobody asks: lab race. */
#include "../race.h"

/* A call that nobody received ends: neither it nor its caller is there. */
TEST(reproduce)
{
    handle_t p = (handle_t)port_create();
    struct ipc_msg request = {.type = 1};

    for (int i = 0; i < 20; i++) {
        handle_t own = (handle_t)handle_dup(p, RIGHT_WRITE, 0);
        long pid = SPAWN((void)port_call(own, &request, FOREVER));

        await_state(pid, PROC_WAITING);
        if (i % 2)
            CHECK_EQ(kill(pid), 0);
        else
            CHECK(handle_revoke(p) > 0);
        CHECK_EQ(wait(pid, 0, FOREVER), pid);
        CHECK_ERR(port_recv(p, &request, NOW), E_AGAIN);
        handle_close(own);
    }
}

TEST_MAIN()
