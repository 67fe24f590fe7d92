/* Waiting for the signals of objects. */
#pragma once

#include "abi/abi.h"
#include "base/kern.h"

/*
 * Wait until one of the items' wanted signals is up, or one is closed, and
 * write what is up to every item's `seen`.
 * Locks: none. Sleeps: yes.
 * Returns: items with something up; -E_BADH; -E_WRONGTYPE; -E_ACCES when
 * `wanted` goes beyond a handle's rights; -E_INVAL for unknown signals;
 * -E_AGAIN; -E_TIMEDOUT; -E_CANCELED.
 */
long event_wait(struct wait_item *items, uint32_t n,
                uint64_t timeout) MUST_CHECK;
