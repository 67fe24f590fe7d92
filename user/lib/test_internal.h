/*
 * What wait() and the harness share: how a process says that a check in it
 * has failed. An exit code would not do, all 256 are the program's own; and a
 * message would need a handle, which the case might count, close or run out
 * of. So it ends by a store to an address that cannot be mapped, and that
 * address is the mark.
 */
#pragma once

#include "weir.h"

#define TEST_FAILED_ADDR  0x7e57fa1100000000ull /* no Sv39 address */
#define CAUSE_STORE_FAULT 15

/* True in the process of a case and its children. */
extern bool test_running;

/* Whether this is how a process ended that failed a check. */
bool test_check_failed(const struct exit_info *info);

/* Ends this process as one that failed a check. */
void test_end_failed(void) __attribute__((noreturn));
