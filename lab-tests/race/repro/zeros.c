/* A log's reader finds bytes that are not there yet: lab race. */
#include "../race.h"

#define CHUNK  (256u << 10)
#define CHUNKS 16u
#define LOGS   4u
#define BYTE   0xa5

static void append_all(handle_t log)
{
    uint8_t *bytes = sbrk(CHUNK);

    memset(bytes, BYTE, CHUNK);
    for (uint32_t i = 0; i < CHUNKS; i++)
        CHECK_EQ(region_append(log, bytes, CHUNK), i * CHUNK);
}

/* Looks at the last byte below the cursor, again and again. */
static void look(handle_t log)
{
    struct region_info info = {0};
    uint8_t last;

    while (info.cursor < CHUNK * CHUNKS) {
        CHECK_EQ(region_info(log, &info), 0);
        CHECK_EQ(info.cursor % CHUNK, 0); /* all of it, or nothing */
        if (!info.cursor)
            continue;
        CHECK_EQ(region_read(log, info.cursor - 1, &last, 1), 1);
        CHECK_EQ(last, BYTE);
    }
}

TEST(reproduce)
{
    for (uint32_t i = 0; i < LOGS; i++) {
        long log = region_create(REGION_APPEND, CHUNK * CHUNKS, 0, 0, 0);
        long pid = SPAWN(append_all((handle_t)log));

        look((handle_t)log);
        CHECK_EQ(JOIN(pid), 0);
        CHECK_EQ(handle_close((handle_t)log), 0);
    }
}

TEST_MAIN()
