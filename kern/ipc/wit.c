/*
 * Types of messages.
 *
 *   T1  a form that wit_verify() accepted is a tree: an operation's blocks
 *       follow it, in order, none is shared and none contains itself.
 *   T2  a block's size is known and at most QUEUE_MAX_MSG, so a check stays
 *       inside a message of the type's size.
 *   T3  every operation is about a byte at least, or repeats twice at least
 *       what is; so a check does no more than about three operations a byte.
 *
 * A check believes the form and nothing in the message. Lab: queue
 */
#include "ipc/wit.h"

/* --- the form: any bytes -------------------------------------------------- */

struct reader {
    const uint8_t *form;
    uint64_t at, len;
    bool bad;
};

static uint32_t
next_byte(struct reader *r)
{
    if (r->at < r->len)
        return r->form[r->at++];
    r->bad = true;
    return 0;
}

static uint32_t
next_half(struct reader *r)
{
    uint32_t low = next_byte(r);

    return low | next_byte(r) << 8;
}

static uint32_t verify_block(struct reader *r, uint32_t depth);

/* The size of a variant; each case's block begins where the table says. */
static uint32_t
verify_variant(struct reader *r, uint32_t depth)
{
    uint64_t op = r->at - 1, table;
    uint32_t cases = next_byte(r), start = next_byte(r), size = next_half(r);
    uint32_t end = next_byte(r);

    table = r->at;
    r->at += cases;
    if (r->at > r->len || cases == 0 || start == 0 || start > size)
        r->bad = true;
    for (uint32_t i = 0; i < cases && !r->bad; i++) {
        if (r->form[table + i] == 0)
            continue; /* nothing to look at in this case */
        if (op + r->form[table + i] != r->at)
            r->bad = true;
        else if (verify_block(r, depth) > size - start)
            r->bad = true;
    }
    if (op + end != r->at)
        r->bad = true;
    return size;
}

/* The bytes that the operation is about; 0 if it is none. */
static uint32_t
verify_op(struct reader *r, uint32_t op, uint32_t depth)
{
    uint32_t n;

    switch (op) {
    case WIT_SKIP:
        return next_half(r);
    case WIT_ENUM8:
        next_byte(r);
        return 1;
    case WIT_ENUM16:
        next_half(r);
        return 2;
    case WIT_FLAGS:
        n = next_byte(r);
        return n == 0 || n > 32 ? 0 : WIT_FLAG_BYTES(n);
    case WIT_CHAR:
        return 4;
    case WIT_REPEAT:
        n = next_half(r);
        return n < 2 ? 0 : n * verify_block(r, depth);
    case WIT_VARIANT:
        return verify_variant(r, depth);
    default:
        return 0;
    }
}

/* Returns: the block's size, 1..QUEUE_MAX_MSG; or r->bad is set. */
static uint32_t
verify_block(struct reader *r, uint32_t depth)
{
    uint32_t size = 0, op;

    if (depth == 0)
        r->bad = true;
    while (!r->bad && (op = next_byte(r)) != WIT_END) {
        uint32_t more = verify_op(r, op, depth - 1);

        size += more;
        if (more == 0 || more > QUEUE_MAX_MSG || size > QUEUE_MAX_MSG)
            r->bad = true;
    }
    if (size == 0)
        r->bad = true;
    return r->bad ? 0 : size;
}

long
wit_verify(const uint8_t *form, uint64_t len)
{
    struct reader r = {.form = form, .len = len};
    uint32_t size = len > WIT_MAX_FORM ? 0 : verify_block(&r, WIT_MAX_DEPTH);

    return r.bad || size == 0 || r.at != len ? -E_INVAL : (long)size;
}

/* --- the message: the form is sound, by T1 to T3 -------------------------- */

static inline uint32_t
half(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8;
}

/* The number of `bytes` bytes at p, which need not be aligned. */
static inline uint32_t
number(const uint8_t *p, uint32_t bytes)
{
    uint32_t value = 0;

    while (bytes-- > 0)
        value = value << 8 | p[bytes];
    return value;
}

/* Check the message at m against the block at *at, and leave *at behind it.
 * Returns: the end of what the block is about; NULL if it is wrong. */
static const uint8_t *
check_block(const uint8_t **at, const uint8_t *m)
{
    const uint8_t *op = *at, *block = NULL;
    uint32_t n;

    for (;; m += n) {
        switch (*op) {
        case WIT_SKIP:
            n = half(op + 1);
            op += 3;
            break;
        case WIT_ENUM8:
            if (*m > op[1])
                return NULL;
            n = 1;
            op += 2;
            break;
        case WIT_ENUM16:
            if (half(m) > half(op + 1))
                return NULL;
            n = 2;
            op += 3;
            break;
        case WIT_FLAGS:
            n = WIT_FLAG_BYTES(op[1]);
            if ((uint64_t)number(m, n) >> op[1])
                return NULL;
            op += 2;
            break;
        case WIT_CHAR:
            n = number(m, 4);
            if (n > 0x10ffff || (n >= 0xd800 && n < 0xe000))
                return NULL;
            n = 4;
            op++;
            break;
        case WIT_REPEAT:
            for (n = half(op + 1); n > 0 && m; n--) {
                block = op + 3;
                m = check_block(&block, m);
            }
            if (!m)
                return NULL;
            op = block;
            break;
        case WIT_VARIANT:
            /* The cases' blocks end where the operation says. */
            if (*m >= op[1])
                return NULL;
            n = op[6 + *m];
            block = op + n;
            if (n && !check_block(&block, m + op[2]))
                return NULL;
            n = half(op + 3);
            op += op[5];
            break;
        default: /* WIT_END */
            *at = op + 1;
            return m;
        }
    }
}

bool
wit_check(const struct wit_type *type, const void *message)
{
    const uint8_t *op = type->form;

    return check_block(&op, message) != NULL;
}
