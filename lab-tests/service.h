/* What the tests of services share: a lobby and a server of their own. */
#pragma once

#include "lab.h"
#include <lobby.h>

/* A lobby, as a shell has it; the case's first handle. */
static inline handle_t open_lobby(void)
{
    long lobby = lobby_start(-1);

    CHECK(lobby >= 0);
    return (handle_t)lobby;
}

/* Starts a program, and gives its pid; args end with a null pointer. */
static inline long start(const char *const *args)
{
    return SPAWN(exec_list(args); CHECK(!"exec"));
}

static inline void kill_server(long pid)
{
    struct exit_info info;

    CHECK_EQ(kill(pid), 0);
    CHECK_EQ(wait(pid, &info, FOREVER), pid);
    CHECK_EQ(info.reason, EXIT_KILLED);
}

/* The lobby ends when nobody can ask there any more. */
static inline void close_lobby(handle_t lobby)
{
    CHECK_EQ(handle_close(lobby), 0);
    while (wait(-1, 0, FOREVER) > 0)
        continue;
}

/* A number from the boot arguments, `name=N`, or what is usual. */
static inline uint32_t number_wanted(const char *name, uint32_t usual)
{
    static struct sys_info info;
    const char *at;

    CHECK_EQ(sys_info(&info), 0);
    at = strstr(info.args, name);
    return at ? (uint32_t)strtoul(at + strlen(name), 0, 10) : usual;
}
