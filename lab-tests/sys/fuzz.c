/* Wild arguments in every call, by plan and at random. */
#include "../lab.h"

static const uint16_t numbers[] = {
#define NUMBER(number, name, ring, params) number,
    WEIR_CALLS(NUMBER)
#undef NUMBER
};
#define CALLS (sizeof(numbers) / sizeof(numbers[0]))

/* Calls left out here: they end, copy or replace the caller, or wait for
 * something that will not come, whatever their arguments. */
static bool is_tame(uint64_t number)
{
    return number != CALL_exit && number != CALL_fork && number != CALL_exec;
}

/* The place of a call's timeout among its arguments, or -1. */
static int timeout_of(uint64_t number)
{
    switch (number) {
    case CALL_timer_wait:
    case CALL_sem_wait:
        return 1;
    case CALL_wait:
    case CALL_handle_wait:
    case CALL_ring_submit:
    case CALL_port_send:
    case CALL_port_recv:
    case CALL_port_call:
    case CALL_chan_send:
    case CALL_chan_recv:
    case CALL_word_wait:
        return 2;
    case CALL_queue_send_desc:
    case CALL_port_reply_recv:
        return 3;
    case CALL_queue_send:
    case CALL_queue_send_handle:
    case CALL_queue_recv:
        return 4;
    default:
        return -1;
    }
}

/* Memory that the kernel may read and write for a random call. */
static uint64_t scratch[1024];

/* Something that an argument might be: handle, size, flag, pointer. */
static uint64_t random_argument(uint64_t *seed, const handle_t *handles,
                                uint32_t n)
{
    static const uint64_t edges[] = {
        0,          1,          2,          3,
        4,          7,          8,          16,
        63,         64,         255,        256,
        4095,       4096,       4097,       0x10000,
        0x7fffffff, 0x80000000, 0xffffffff, 0x100000000,
        1ull << 38, 1ull << 62, 1ull << 63, UINT64_MAX,
        -4096ull,   0x10000ull, 0x11000ull, 0x3f00000000,
    };

    switch (random_below(seed, 8)) {
    case 0:
    case 1:
        return (uint64_t)handles[random_below(seed, n)];
    case 2:
    case 3:
        return (uint64_t)&scratch[random_below(seed, 1000)];
    case 4:
        return (uint64_t)wild_pointers[random_below(seed, WILD_COUNT)];
    case 5:
        return rand_next(seed);
    default:
        return edges[random_below(seed, sizeof(edges) / sizeof(edges[0]))];
    }
}

/* Keeps what must not be hit at random: memory in use, long waits. */
static void make_harmless(uint64_t number, uint64_t *args, uint64_t *seed)
{
    int at = timeout_of(number);

    if (at >= 0)
        args[at] = random_below(seed, 20) == 0 ? US(20) : 0;
    if (number == CALL_timer_wait)
        args[0] = random_below(seed, 2) ? TIMER_REL : args[0] | 2;
    if (number == CALL_sbrk && (int64_t)args[0] < 0)
        args[0] = 0;
    if (number == CALL_sbrk && args[0] < 1 << 24)
        args[0] %= 1 << 16;
    if (number == CALL_region_create)
        args[1] %= 1 << 18;
}

/* `count` random calls; handles that come up are used again. */
static void call_at_random(uint64_t seed, uint32_t count)
{
    handle_t handles[16] = {-1, 0, 1, 2, 3};
    uint32_t n = 5;

    for (int i = 0; i < 3; i++)
        handle_close(i);
    while (count-- > 0) {
        uint64_t args[5], number = numbers[random_below(&seed, CALLS)];
        long r;

        if (random_below(&seed, 50) == 0)
            number = rand_next(&seed) >> random_below(&seed, 64);
        if (number == CALL_fork && random_below(&seed, 4) == 0) {
            if (fork() == 0)
                exit(0);
            continue;
        }
        if (!is_tame(number))
            continue;
        for (int i = 0; i < 5; i++)
            args[i] = random_argument(&seed, handles, n);
        make_harmless(number, args, &seed);
        r = raw_call(number, args[0], args[1], args[2], args[3], args[4]);
        CHECK(r >= -4095);
        if (number >= CALL_handle_dup && r > 2 && r <= INT32_MAX)
            handles[n < 16 ? n++ : random_below(&seed, 16)] = (handle_t)r;
    }
}

// N1 N4: 100,000 random calls leave the system as it was.
TEST(random_calls)
{
    static struct sys_info before, after;
    uint64_t seed = test_seed();
    uint32_t parts = 20, each = 5400;

    wait(SPAWN(nop()), 0, FOREVER);
    CHECK_EQ(sys_info(&before), 0);
    for (uint32_t i = 0; i < parts; i++) {
        uint64_t part = rand_next(&seed);
        struct exit_info info;
        long child = SPAWN(call_at_random(part, each));

        CHECK_EQ(wait(child, &info, MS(60000)), child);
        CHECK_EQ(info.reason, EXIT_NORMAL);
        CHECK_EQ(info.code, 0);
        while (wait(-1, 0, FOREVER) > 0)
            continue;
    }
    CHECK_EQ(sys_info(&after), 0);
    CHECK_EQ(after.free_pages, before.free_pages);
    CHECK_EQ(after.objects, before.objects);
    CHECK_EQ(after.procs, before.procs);
}

// N1: the same from four processes at once.
TEST(random_calls_together)
{
    static struct sys_info before, after;
    uint64_t seed = test_seed() + 1;
    long child[4];

    wait(SPAWN(nop()), 0, FOREVER);
    CHECK_EQ(sys_info(&before), 0);
    for (int i = 0; i < 4; i++) {
        uint64_t part = rand_next(&seed);

        child[i] = SPAWN(call_at_random(part, 5000));
    }
    for (int i = 0; i < 4; i++)
        CHECK_EQ(JOIN(child[i]), 0);
    while (wait(-1, 0, FOREVER) > 0)
        continue;
    CHECK_EQ(sys_info(&after), 0);
    CHECK_EQ(after.free_pages, before.free_pages);
    CHECK_EQ(after.objects, before.objects);
}

// N1: every call with every wild pointer in every place fails or does no
// harm.
TEST(wild_pointers_everywhere)
{
    long q = queue_create(4, 64, 0), child;

    for (uint32_t c = 0; c < CALLS; c++) {
        int at = timeout_of(numbers[c]);

        if (!is_tame(numbers[c]) || numbers[c] == CALL_sbrk ||
            numbers[c] == CALL_timer_wait || numbers[c] == CALL_handle_close)
            continue;
        for (uint32_t w = 0; w < WILD_COUNT; w++) {
            for (int place = 0; place < 5; place++) {
                uint64_t args[5] = {(uint64_t)q, 8, 8, 8, 0};

                args[place] = (uint64_t)wild_pointers[w];
                if (at >= 0)
                    args[at] = NOW;
                CHECK(raw_call(numbers[c], args[0], args[1], args[2], args[3],
                               args[4]) >= -4095);
            }
        }
    }
    child = SPAWN(exit(3));
    CHECK_EQ(JOIN(child), 3);
}

// A5: every call whose first argument is a handle refuses a dead one.
TEST(dead_handle_everywhere)
{
    for (uint32_t c = 0; c < CALLS; c++) {
        uint64_t n = numbers[c];
        bool takes_handle =
            n == CALL_shutdown ||
            (n >= CALL_handle_close && n <= CALL_handle_shutdown &&
             n != CALL_handle_wait) ||
            (n >= CALL_queue_send && n <= CALL_queue_set_type) ||
            (n >= CALL_port_bind && n <= CALL_sem_value &&
             n != CALL_port_connect && n != CALL_chan_create &&
             n != CALL_sem_create);

        if (!takes_handle)
            continue;
        // A call that this kernel does not have yet.
        if (raw_call(n, ~0ull, 8, 8, 8, 0) == -E_NOSYS)
            continue;
        CHECK_ERR(raw_call(n, ~0ull, 8, 8, 8, 0), E_BADH);
        CHECK_ERR(raw_call(n, 250, ~0ull, ~0ull, ~0ull, 0), E_BADH);
        CHECK_ERR(raw_call(n, 1ull << 32, 8, 8, 8, 0), E_BADH);
    }
}

// N1: names that are wild, empty, too long or without an end.
TEST(wild_names)
{
    static char *const args[] = {0};
    static char long_name[5000];
    char *endless;

    memset(long_name, 'x', sizeof(long_name) - 1);
    for (uint32_t i = 0; i < WILD_COUNT; i++)
        CHECK_ERR(exec(wild_pointers[i], args), E_FAULT);
    CHECK_ERR(exec("", args), E_NOENT);
    CHECK_ERR(exec(long_name, args), E_NOENT);
    endless = memset(heap_tail(16), 'x', 16);
    CHECK_ERR(exec(endless, args), E_FAULT);
}

TEST_MAIN()
