#pragma once

#include <stdint.h>

/* Serves at the port "kv", with a log of so many bytes, until it is killed.
 * Returns: -E_code, if it cannot begin or go on. */
long serve(uint64_t log_bytes);
