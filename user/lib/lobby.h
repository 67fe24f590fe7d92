/*
 * Where processes meet that have no queue in common. A port carries 64 bytes
 * and no handles, and handle_grant reaches descendants only; so the shell makes
 * a queue, the lobby, whose WRITE end all its descendants inherit, and starts
 * the program `lobby` behind it, the only one that reads.
 *
 * A server leaves a queue there under a name, its door. A client asks for the
 * name, if need be before the server is there, and gets a handle of the door
 * with RIGHT_WRITE. What they say then is between the two.
 */
#pragma once

#include "weir.h"

#define LOBBY_BADGE 0x7962626f6cul /* "lobby": what its inherited handle has */
#define LOBBY_RING  16

/* The lobby's handle of this process. Returns: it; or -E_NOENT. */
long lobby_find(void);

/* Makes a lobby, which lives as long as somebody can ask there; `secret` is a
 * handle that its program must not have, or -1. Returns: the lobby's handle,
 * for this process and the children to come; or -E_code. */
long lobby_start(handle_t secret);

/* Leaves a queue under a name; needs RIGHT_WRITE and RIGHT_GRANT on it. It is
 * of no effect if somebody has left one under this name that is still read.
 * Returns: 0; -E_NOENT without a lobby; what queue_send_handle fails with. */
long lobby_leave(const char *name, handle_t door);

/* Asks for the door of this name, and waits for it. Returns: a handle with
 * RIGHT_WRITE; -E_NOENT if there is none in time, or no lobby; or -E_code. */
long lobby_ask(const char *name, uint64_t timeout);
