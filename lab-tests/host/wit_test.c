// SOURCES: kern/ipc/wit.c
/*
 * The check of message types: any bytes as a form, and then any bytes as a
 * message, in exact allocations, where the sanitizers see a read out of bounds.
 */
#include "check.h"
#include "ipc/wit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state = 1;

static uint32_t below(uint32_t n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % n;
}

/* Verify the bytes; if they are a type, check messages against it. Returns: its
 * size or 0. */
static uint32_t try_form(const uint8_t *bytes, uint32_t len)
{
    struct wit_type *type = malloc(wit_bytes(len));
    long size;
    uint8_t *message;

    memcpy(type->form, bytes, len);
    type->len = len;
    size = wit_verify(type->form, len);
    CHECK(size == -E_INVAL || (size >= 1 && size <= (long)QUEUE_MAX_MSG));
    if (size > 0) {
        type->size = (uint32_t)size;
        message = malloc(type->size);
        for (uint32_t round = 0; round < 8; round++) {
            for (uint32_t i = 0; i < type->size; i++)
                message[i] =
                    (uint8_t)(round < 4 ? below(round + 1) : below(256));
            (void)!wit_check(type, message);
        }
        free(message);
        /* No beginning of a form is one. */
        for (uint32_t cut = 0; cut < len; cut++)
            CHECK(wit_verify(type->form, cut) == -E_INVAL);
    }
    free(type);
    return size > 0 ? (uint32_t)size : 0;
}

/* Something like a block, rarely wrong. */
static uint32_t random_block(uint8_t *p, uint32_t room, uint32_t depth)
{
    uint32_t n = 0, ops = 1 + below(3);

    while (ops-- > 0 && n + 40 < room) {
        uint32_t op = below(depth ? 8 : 6), at = n, cases;

        p[n++] = (uint8_t)op;
        if (op == WIT_SKIP || op == WIT_ENUM16 || op == WIT_REPEAT) {
            p[n++] = (uint8_t)below(5);
            p[n++] = below(40) == 0;
        } else if (op == WIT_ENUM8 || op == WIT_FLAGS) {
            p[n++] = (uint8_t)below(34);
        }
        if (op == WIT_REPEAT)
            n += random_block(p + n, room - n, depth - 1);
        if (op != WIT_VARIANT)
            continue;
        cases = 1 + below(4);
        p[n++] = (uint8_t)cases;
        p[n++] = (uint8_t)(1 << below(4));
        p[n++] = (uint8_t)(20 + below(100));
        p[n++] = 0;
        n += 1 + cases;
        for (uint32_t i = 0; i < cases; i++) {
            p[at + 6 + i] = below(2) ? (uint8_t)(n - at) : 0;
            if (p[at + 6 + i])
                n += random_block(p + n, room - n, depth - 1);
        }
        p[at + 5] = (uint8_t)(n - at);
    }
    p[n++] = WIT_END;
    return n;
}

static void any_bytes(void)
{
    uint8_t form[WIT_MAX_FORM + 1];
    uint32_t good = 0;

    for (uint32_t i = 0; i < 10000; i++) {
        uint32_t len = below(i % 2 ? 12 : WIT_MAX_FORM + 2);

        for (uint32_t n = 0; n < len; n++)
            form[n] = (uint8_t)(i % 3 ? below(256) : below(9));
        good += try_form(form, len) > 0;
    }
    CHECK(good > 10);
}

static void nearly_forms(void)
{
    static uint8_t form[4096];
    uint32_t good = 0;

    for (uint32_t i = 0; i < 10000; i++) {
        uint32_t len = random_block(form, 200, 4);

        if (len > WIT_MAX_FORM)
            continue;
        good += try_form(form, len) > 0;
        form[below(len)] = (uint8_t)below(256);
        try_form(form, len);
    }
    CHECK(good > 1000);
}

/* Blocks in blocks, as deep as they may be and one deeper. */
static void depth(void)
{
    uint8_t form[WIT_MAX_FORM];

    for (uint32_t deep = 1; deep < 28; deep++) {
        uint32_t n = 0;

        for (uint32_t i = 1; i < deep; i++) {
            form[n++] = WIT_VARIANT;
            form[n++] = 1;
            form[n++] = 1;
            form[n++] = (uint8_t)(deep - i + 1);
            form[n++] = 0;
            form[n++] = 0; /* its end: below */
            form[n++] = 7;
        }
        form[n++] = WIT_ENUM8;
        form[n++] = 1;
        for (uint32_t i = 0; i < deep; i++)
            form[n++] = WIT_END;
        for (uint32_t i = 0; i + 1 < deep; i++) /* from its start to its end */
            form[7 * i + 5] = (uint8_t)(n - 1 - i - 7 * i);
        CHECK((try_form(form, n) == deep) == (deep <= WIT_MAX_DEPTH));
    }
}

int main(void)
{
    any_bytes();
    nearly_forms();
    depth();
    return 0;
}
