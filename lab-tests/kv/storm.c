/*
 * Clients of the key-value service that are killed at random, and a model of
 * what the server must answer.
 *
 * Each worker has keys of its own. What they should hold, and what it is just
 * about to do, stands in memory that it shares with the test. When it is
 * killed, the request on its way may have been served or not; the next worker
 * on these keys finds out which, and checks that it is one of the two and that
 * all other keys are as they were.
 *
 * The boot argument operations=N says how many requests in all.
 */
#include "kv.h"
#include "atomic.h"

enum { WORKERS = 4, KEYS = 16 };
enum { OPERATIONS = 100000 };

struct value { /* fill() makes its bytes */
    uint64_t seed;
    uint32_t length;
    bool there;
};

struct worker {
    struct value keys[KEYS];
    uint32_t pending; /* 1: `key` is being changed to `wanted` */
    uint32_t key;
    struct value wanted;
    uint64_t seed, done;
};

struct shared {
    struct worker workers[WORKERS];
    uint32_t stop;
};

static uint64_t made[KV_VALUE_MAX / 8], got[KV_VALUE_MAX / 8];

static void fill(const struct value *v)
{
    uint64_t seed = v->seed;

    for (uint32_t i = 0; i < (v->length + 7) / 8; i++)
        made[i] = rand_next(&seed);
}

static const char *name_of(const struct shared *all, const struct worker *w,
                           uint32_t key)
{
    static char name[16];

    snprintf(name, sizeof(name), "%ld/%u", (long)(w - all->workers), key);
    return name;
}

/* Whether what was got is this value; n is what kv_get said. */
static bool is_value(long n, const struct value *v)
{
    if (!v->there)
        return n == -E_NOENT;
    fill(v);
    return n == (long)v->length && memcmp(made, got, v->length) == 0;
}

/* --- a worker ------------------------------------------------------------- */

/* What its predecessor has left behind. */
static void take_over(struct shared *all, struct worker *w, struct kv *kv)
{
    for (uint32_t key = 0; key < KEYS; key++) {
        long n = kv_get(kv, name_of(all, w, key), got, sizeof(got));

        if (load_acquire(&w->pending) && w->key == key &&
            is_value(n, &w->wanted))
            w->keys[key] = w->wanted;
        CHECK(is_value(n, &w->keys[key]));
    }
    store_release(&w->pending, 0);
}

/* Mostly short; some of pages, and one key's now and then as long as can be. */
static struct value pick_value(struct shared *all, struct worker *w)
{
    struct value v = {.seed = rand_next(&w->seed), .there = true};
    uint32_t limit = random_below(&w->seed, 8) ? 200 : 4000;

    if (w == all->workers && w->key == 0 && random_below(&w->seed, 4) == 0)
        limit = KV_VALUE_MAX;
    v.length = random_below(&w->seed, limit + 1);
    return v;
}

static void change(struct shared *all, struct worker *w, struct kv *kv)
{
    bool there = w->keys[w->key].there;
    const char *name = name_of(all, w, w->key);

    w->wanted = (struct value){0};
    if (random_below(&w->seed, 5) > 0)
        w->wanted = pick_value(all, w);
    // Release: what is pending stands there before it is pending; take_over()
    // acquires it.
    store_release(&w->pending, 1);
    if (w->wanted.there) {
        fill(&w->wanted);
        CHECK_EQ(kv_put(kv, name, made, w->wanted.length), 0);
    } else {
        CHECK_EQ(kv_delete(kv, name), there ? 0 : -E_NOENT);
    }
    w->keys[w->key] = w->wanted;
    store_release(&w->pending, 0);
}

static void work(struct shared *all, struct worker *w)
{
    struct kv kv = open_kv();
    struct kv_body body;
    uint32_t place = 0;

    take_over(all, w, &kv);
    while (!load_relaxed(&all->stop)) {
        uint32_t what = random_below(&w->seed, 16);

        w->key = random_below(&w->seed, KEYS);
        if (what < 8)
            change(all, w, &kv);
        else if (what < 15)
            CHECK(
                is_value(kv_get(&kv, name_of(all, w, w->key), got, sizeof(got)),
                         &w->keys[w->key]));
        else if (kv_next(&kv, &place, &body) != 0)
            place = 0;
        w->done++;
    }
    kv_close(&kv);
}

/* --- the test ------------------------------------------------------------- */

static struct shared *make_shared(void)
{
    long r = region_create(REGION_IMMUTABLE, sizeof(struct shared), 0, 0, 0);
    long at = region_map((handle_t)r, 0, PROT_READ | PROT_WRITE);

    CHECK(at >= 0);
    return (struct shared *)at;
}

static uint64_t total_done(const struct shared *all)
{
    uint64_t sum = 0;

    for (int i = 0; i < WORKERS; i++)
        sum += load_relaxed(&all->workers[i].done);
    return sum;
}

/* What the server counts is what the model does. */
static void check_sums(const struct shared *all, struct kv *kv)
{
    struct kv_stat stat = kv_stat_of(kv);
    uint64_t live = 0;
    uint32_t keys = 0;

    for (int i = 0; i < WORKERS; i++) {
        for (int n = 0; n < KEYS; n++) {
            keys += all->workers[i].keys[n].there;
            live += all->workers[i].keys[n].length;
        }
    }
    CHECK_EQ(stat.keys, keys);
    CHECK_EQ(stat.live, live);
}

static void check_server(const struct service *s)
{
    struct proc_info p;

    CHECK_EQ(proc_info(s->server, &p), 0);
    CHECK(p.handles < 64 + 16); // clients' boxes, and its own
}

// N4, M1: no death of a client is of any consequence to the server, its
// memory, or to other clients.
TEST(random_kills)
{
    uint32_t wanted = number_wanted("operations=", OPERATIONS), kills = 0;
    struct service s = serve_kib("640");
    struct shared *all = make_shared();
    struct kv kv = open_kv();
    uint64_t seed = test_seed();
    long pids[WORKERS];

    for (uint32_t i = 0; i < WORKERS; i++) {
        all->workers[i].seed = rand_next(&seed);
        pids[i] = SPAWN(work(all, &all->workers[i]));
    }
    while (total_done(all) < wanted) {
        uint32_t i = random_below(&seed, WORKERS);

        timer_wait(TIMER_REL, US(random_below(&seed, 3000)));
        CHECK_EQ(kill(pids[i]), 0);
        CHECK_EQ(JOIN(pids[i]), -1);
        pids[i] = SPAWN(work(all, &all->workers[i]));
        check_server(&s);
        kills++;
    }
    store_relaxed(&all->stop, 1);
    for (uint32_t i = 0; i < WORKERS; i++)
        CHECK_EQ(JOIN(pids[i]), 0);
    check_sums(all, &kv);
    printf("# %lu operations, %u kills, %lu compactions\n", total_done(all),
           kills, kv_stat_of(&kv).compactions);
    kv_close(&kv);
    end_service(&s);
}

TEST_MAIN()
