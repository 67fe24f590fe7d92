/*
 * Types of messages: the compiled form of a WIT type (wit_compile() in the
 * user library makes it), and the check of a message against it.
 *
 * A form is a block: operations, each with the bytes of the message that it is
 * about, and WIT_END. Numbers of two bytes are little-endian. A block's size
 * is the sum of its operations'; bytes without rules are skipped.
 */
#pragma once

#include "abi/abi.h"
#include "base/kern.h"

#define WIT_MAX_DEPTH 16u /* blocks inside blocks */

struct wit_type {
    uint32_t size; /* of every message */
    uint32_t len;  /* of the form */
    uint8_t form[];
};

/* Bytes that a type with a form of this length takes. */
static inline uint32_t wit_bytes(uint32_t len)
{
    return (uint32_t)sizeof(struct wit_type) + len;
}

/*
 * Is this a well-formed type? Any bytes may come in. Returns: the size of its
 * messages, 1..QUEUE_MAX_MSG; -E_INVAL.
 */
long wit_verify(const uint8_t *form, uint64_t len) MUST_CHECK;

/* Is a message of type->size bytes of this type? Takes time linear in its
 * length. */
bool wit_check(const struct wit_type *type, const void *message) MUST_CHECK;
