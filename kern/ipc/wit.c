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

/* A little-endian number of 1 to 4 bytes, which need not be aligned. */
static inline uint32_t number(const uint8_t *p, uint32_t bytes)
{
    uint32_t value = p[0];

    if (bytes > 1)
        value |= (uint32_t)p[1] << 8;
    if (bytes > 2)
        value |= (uint32_t)p[2] << 16;
    return bytes > 3 ? value | (uint32_t)p[3] << 24 : value;
}

struct reader {
    const uint8_t *form;
    uint64_t at, len;
    bool bad;
};

static uint32_t next(struct reader *r, uint32_t bytes)
{
    r->at += bytes;
    r->bad |= r->at > r->len;
    return r->bad ? 0 : number(r->form + r->at - bytes, bytes);
}

static uint32_t verify_block(struct reader *r, uint32_t depth);

/* The size of a variant; each case's block begins where the table says. */
static uint32_t verify_variant(struct reader *r, uint32_t depth)
{
    uint64_t op = r->at - 1;
    uint32_t cases = next(r, 1), start = next(r, 1), size = next(r, 2);
    uint32_t end = next(r, 1);
    const uint8_t *table = r->form + r->at;

    r->at += cases;
    r->bad |= r->at > r->len || cases == 0 || start == 0 || start > size;
    for (uint32_t i = 0; i < cases && !r->bad; i++)
        /* 0: nothing to look at in this case */
        if (table[i] &&
            (op + table[i] != r->at || verify_block(r, depth) > size - start))
            r->bad = true;
    r->bad |= op + end != r->at;
    return size;
}

/* The bytes that the operation is about; 0 if it is none. */
static uint32_t verify_op(struct reader *r, uint32_t op, uint32_t depth)
{
    uint32_t n;

    switch (op) {
    case WIT_SKIP:
        return next(r, 2);
    case WIT_ENUM8:
    case WIT_ENUM16:
        n = op == WIT_ENUM8 ? 1 : 2;
        next(r, n);
        return n;
    case WIT_FLAGS:
        n = next(r, 1);
        return n == 0 || n > 32 ? 0 : WIT_FLAG_BYTES(n);
    case WIT_CHAR:
        return 4;
    case WIT_REPEAT:
        n = next(r, 2);
        return n < 2 ? 0 : n * verify_block(r, depth);
    case WIT_VARIANT:
        return verify_variant(r, depth);
    default:
        return 0;
    }
}

/* Returns: the block's size, 1..QUEUE_MAX_MSG; or r->bad is set. */
static uint32_t verify_block(struct reader *r, uint32_t depth)
{
    uint32_t size = 0, op;

    r->bad |= depth == 0;
    while (!r->bad && (op = next(r, 1)) != WIT_END) {
        uint32_t more = verify_op(r, op, depth - 1);

        size += more;
        r->bad |= more == 0 || more > QUEUE_MAX_MSG || size > QUEUE_MAX_MSG;
    }
    r->bad |= size == 0;
    return r->bad ? 0 : size;
}

long wit_verify(const uint8_t *form, uint64_t len)
{
    struct reader r = {.form = form, .len = len};
    uint32_t size = len > WIT_MAX_FORM ? 0 : verify_block(&r, WIT_MAX_DEPTH);

    return r.bad || size == 0 || r.at != len ? -E_INVAL : (long)size;
}

/* Check the message at m against the block at *at, which is sound by T1 to T3,
 * and leave *at behind it. Returns: the end of what the block is about; NULL if
 * the message is wrong. */
static const uint8_t *check_block(const uint8_t **at, const uint8_t *m)
{
    const uint8_t *op = *at, *block = NULL;
    uint32_t n, value;

    for (; *op != WIT_END; m += n) {
        switch (*op) {
        case WIT_SKIP:
            n = number(op + 1, 2);
            op += 3;
            break;
        case WIT_ENUM8:
        case WIT_ENUM16:
            n = *op == WIT_ENUM8 ? 1 : 2;
            if (number(m, n) > number(op + 1, n))
                return NULL;
            op += 1 + n;
            break;
        case WIT_FLAGS:
            n = WIT_FLAG_BYTES(op[1]);
            if ((uint64_t)number(m, n) >> op[1])
                return NULL;
            op += 2;
            break;
        case WIT_CHAR:
            n = 4;
            value = number(m, n);
            if (value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
                return NULL;
            op++;
            break;
        case WIT_REPEAT:
            for (n = number(op + 1, 2); n > 0 && m; n--) {
                block = op + 3;
                m = check_block(&block, m);
            }
            if (!m)
                return NULL;
            op = block;
            break;
        default: /* WIT_VARIANT; the cases' blocks end where it says */
            if (*m >= op[1])
                return NULL;
            n = op[6 + *m];
            block = op + n;
            if (n && !check_block(&block, m + op[2]))
                return NULL;
            n = number(op + 3, 2);
            op += op[5];
        }
    }
    *at = op + 1;
    return m;
}

bool wit_check(const struct wit_type *type, const void *message)
{
    const uint8_t *op = type->form;

    return check_block(&op, message) != NULL;
}
