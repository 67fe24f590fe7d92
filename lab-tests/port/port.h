/* What the tests of ports share. */
#pragma once

#include "../lab.h"

static inline handle_t new_port(void)
{
    long p = port_create();

    CHECK(p >= 0);
    return (handle_t)p;
}

/* A one-way message. */
static inline long say(handle_t p, uint32_t type, uint64_t timeout)
{
    struct ipc_msg m = {.type = type};

    return port_send(p, &m, timeout);
}

/* Calls with a number; its result is the answer's, or -E_x. */
static inline long ask(handle_t p, uint32_t type, uint64_t timeout)
{
    struct ipc_msg m = {.type = type};
    long error = port_call(p, &m, timeout);

    return error ? error : (long)m.type;
}

static inline long answer(handle_t reply, uint32_t type)
{
    struct ipc_msg m = {.type = type};

    return port_reply(reply, &m);
}

/* Receives a request; its number. */
static inline uint32_t hear(handle_t p, long *reply)
{
    struct ipc_msg m = {0};

    *reply = port_recv(p, &m, MS(SETTLE_MS));
    CHECK(*reply >= 0);
    return m.type;
}

/* A child that calls with a number and expects this result; it sleeps. */
static inline long caller(handle_t p, uint32_t type, long result)
{
    long pid = SPAWN(CHECK_EQ(ask(p, type, FOREVER), result));

    await_state(pid, PROC_WAITING);
    return pid;
}
