/* Ports: a call that comes to a bad end, at each stage that it can be in. */
#include "port.h"

#include "../region/region.h"

enum stage {
    IN_LINE,  /* the port is full */
    QUEUED,   /* nobody has received it */
    RECEIVED, /* a server has its reply handle */
    FLIGHT,   /* the reply handle is in a message */
    MOVED,    /* and was received by a second server, the first has ended */
    NESTED,   /* the server waits for an answer to a call of its own */
    STAGES
};

/* What a holder of a reply handle is told to do. */
enum { CLOSE, ANSWER, END, BECOME_TRUE };

enum { QUESTION = 42, PLAIN = 7, SORRY = 99 };

/* The test has the only handle of the port that can receive. */
struct scene {
    enum stage stage;
    handle_t p, w, inner;  /* w: the caller's handle */
    handle_t q;            /* for reply handles; its only reader, too */
    handle_t orders, done; /* for the holder, and from it */
    long caller, holder;   /* holder: 0, if there is none */
    long inner_reply;      /* NESTED */
};

static void hold(const struct scene *s, long reply)
{
    static char name[] = "true";
    char *args[] = {name, 0};

    for (;;) {
        uint64_t order = 0;

        CHECK_EQ(queue_recv(s->orders, &order, sizeof(order), 0, FOREVER), 8);
        if (order == END)
            exit(0);
        if (order == BECOME_TRUE)
            exec(name, args);
        put(s->done,
            (uint64_t)(order == CLOSE ? handle_close((handle_t)reply)
                                      : answer((handle_t)reply, PLAIN)));
    }
}

/* Receives the call and brings it to its stage. */
static void serve(const struct scene *s)
{
    long reply, result;

    handle_close(s->w);
    CHECK_EQ(hear(s->p, &reply), QUESTION);
    handle_close(s->p);
    if (s->stage == FLIGHT || s->stage == MOVED) {
        CHECK_EQ(queue_send_handle(s->q, (handle_t)reply,
                                   RIGHT_WRITE | RIGHT_GRANT, 0, NOW),
                 0);
        exit(0);
    }
    handle_close(s->q);
    if (s->stage == NESTED) {
        result = ask(s->inner, QUESTION, FOREVER);
        CHECK(result == PLAIN || result == -E_PIPE);
        result = answer((handle_t)reply, result < 0 ? SORRY : PLAIN);
        put(s->done, (uint64_t)result);
    } else {
        put(s->done, 0);
    }
    hold(s, reply);
}

/* A call that is at this stage and will end with this result. */
static struct scene at_stage(enum stage stage, uint64_t timeout, long result)
{
    struct scene s = {.stage = stage, .p = new_port(), .inner = new_port()};

    s.w = (handle_t)handle_dup(s.p, RIGHT_WRITE, 0);
    s.q = (handle_t)queue_create(1, 8, 0);
    s.orders = (handle_t)queue_create(1, 8, 0);
    s.done = (handle_t)queue_create(1, 8, 0);
    for (uint32_t i = 0; stage == IN_LINE && i < 16; i++)
        CHECK_EQ(say(s.p, i, NOW), 0);
    s.caller = SPAWN({
        handle_close(s.p);
        handle_close(s.q);
        CHECK_EQ(ask(s.w, QUESTION, timeout), result);
    });
    if (stage < RECEIVED) {
        await_state(s.caller, PROC_WAITING);
        return s;
    }
    s.holder = SPAWN(serve(&s));
    if (stage == NESTED) {
        CHECK_EQ(hear(s.inner, &s.inner_reply), QUESTION);
    } else if (stage == RECEIVED) {
        take(s.done);
    } else {
        CHECK_EQ(JOIN(s.holder), 0);
        s.holder = 0;
    }
    if (stage == MOVED) {
        s.holder = SPAWN({
            struct msg_handle got;

            CHECK_EQ(queue_recv(s.q, &got, sizeof(got), 0, NOW), 8);
            handle_close(s.p);
            handle_close(s.q);
            put(s.done, 0);
            hold(&s, got.handle);
        });
        take(s.done);
    }
    return s;
}

static long order(const struct scene *s, uint64_t what)
{
    put(s->orders, what);
    return (long)take(s->done);
}

/* The call is over, its request was not received: it is not there. */
static void is_withdrawn(const struct scene *s)
{
    long reply;

    for (uint32_t i = 0; s->stage == IN_LINE && i < 16; i++)
        CHECK_EQ(hear(s->p, &reply), i);
    CHECK_ERR(port_recv(s->p, &(struct ipc_msg){0}, NOW), E_AGAIN);
}

/* Answers the call, from RECEIVED on. */
static long answer_now(struct scene *s)
{
    struct msg_handle got;

    if (s->stage == FLIGHT) {
        CHECK_EQ(queue_recv(s->q, &got, sizeof(got), 0, NOW), 8);
        return answer(got.handle, PLAIN);
    }
    if (s->stage != NESTED)
        return order(s, ANSWER);
    CHECK_EQ(answer((handle_t)s->inner_reply, PLAIN), 0);
    return (long)take(s->done);
}

/* All have ended, and nothing of the scene is left. */
static void clear(struct scene *s)
{
    handle_t all[] = {s->p, s->w, s->inner, s->q, s->orders, s->done};

    if (s->holder) {
        put(s->orders, END);
        CHECK_EQ(JOIN(s->holder), 0);
    }
    for (int i = 0; i < 6; i++)
        handle_close(all[i]); /* unless it is revoked or closed */
}

/* The caller has had its result, and an answer comes too late. */
static void end_of_call(struct scene *s)
{
    CHECK_EQ(JOIN(s->caller), 0);
    if (s->stage >= RECEIVED)
        CHECK_EQ(answer_now(s), -E_PIPE);
    clear(s);
}

static void killed(long pid)
{
    CHECK_EQ(kill(pid), 0);
    CHECK_EQ(wait(pid, 0, FOREVER), pid);
}

// M1: at each stage from its receipt on a call can be answered.
TEST(answered)
{
    for (enum stage stage = RECEIVED; stage < STAGES; stage++) {
        struct scene s = at_stage(stage, FOREVER, PLAIN);

        CHECK_EQ(answer_now(&s), 0);
        CHECK_EQ(JOIN(s.caller), 0);
        clear(&s);
    }
}

// M1: a shutdown of the port ends a call at each stage.
TEST(port_shut_down)
{
    for (enum stage stage = 0; stage < STAGES; stage++) {
        struct scene s = at_stage(stage, FOREVER, -E_PIPE);

        CHECK_EQ(handle_shutdown(s.p), 0);
        end_of_call(&s);
    }
}

// M1: the close of the last handle that can receive ends a call at each stage.
TEST(last_reader_closed)
{
    for (enum stage stage = 0; stage < STAGES; stage++) {
        struct scene s = at_stage(stage, FOREVER, -E_PIPE);

        CHECK_EQ(handle_close(s.p), 0);
        end_of_call(&s);
    }
}

// M1: so does the end of the process that has that handle.
TEST(last_reader_killed)
{
    for (enum stage stage = 0; stage < STAGES; stage++) {
        struct scene s = at_stage(stage, FOREVER, -E_PIPE);
        long reader = SPAWN(nap_ms(60000));

        CHECK_EQ(handle_close(s.p), 0);
        await_state(s.caller, PROC_WAITING);
        killed(reader);
        end_of_call(&s);
    }
}

// M1: the end of whoever has the reply handle ends the call: killed, also in
// the middle of a call of its own, ended by itself, or by exec.
TEST(holder_ends)
{
    for (enum stage stage = RECEIVED; stage < STAGES; stage++)
        for (int how = 0; how < 3; how++) {
            struct scene s;

            if (stage == FLIGHT || (stage == NESTED && how > 0))
                continue;
            s = at_stage(stage, FOREVER, -E_PIPE);
            if (how == 0) {
                killed(s.holder);
            } else {
                put(s.orders, how == 1 ? END : BECOME_TRUE);
                CHECK_EQ(JOIN(s.holder), 0);
            }
            s.holder = 0;
            CHECK_EQ(JOIN(s.caller), 0);
            if (stage == NESTED) /* its own call has ended with it */
                CHECK_ERR(answer((handle_t)s.inner_reply, 1), E_PIPE);
            clear(&s);
        }
}

// M1: the close of the reply handle ends the call, by its first holder or a
// later one.
TEST(reply_closed)
{
    for (enum stage stage = RECEIVED; stage <= MOVED; stage++) {
        struct scene s;

        if (stage == FLIGHT)
            continue;
        s = at_stage(stage, FOREVER, -E_PIPE);
        CHECK_EQ(order(&s, CLOSE), 0);
        CHECK_EQ(JOIN(s.caller), 0);
        CHECK_EQ(order(&s, ANSWER), -E_BADH);
        clear(&s);
    }
}

// M1: a reply handle in a message goes with the queue's last reader, whether
// that one closes it or dies; a shutdown of the queue leaves it to be received.
TEST(message_dropped)
{
    struct scene s = at_stage(FLIGHT, FOREVER, -E_PIPE);
    long reader;

    CHECK_EQ(handle_close(s.q), 0);
    CHECK_EQ(JOIN(s.caller), 0);
    clear(&s);
    s = at_stage(FLIGHT, FOREVER, -E_PIPE);
    reader = SPAWN(nap_ms(60000));
    CHECK_EQ(handle_close(s.q), 0);
    await_state(s.caller, PROC_WAITING);
    killed(reader);
    CHECK_EQ(JOIN(s.caller), 0);
    clear(&s);
    s = at_stage(FLIGHT, FOREVER, PLAIN);
    CHECK_EQ(handle_shutdown(s.q), 0);
    CHECK_EQ(answer_now(&s), 0);
    CHECK_EQ(JOIN(s.caller), 0);
    clear(&s);
}

// M1: a reply handle goes with a sender that is killed while it waits to send
// it; after a send that failed the sender has it still.
TEST(waits_in_a_sender)
{
    handle_t p = new_port(), q = (handle_t)queue_create(1, 8, 0);
    long reply, sender, pid = caller(p, 1, -E_PIPE);

    CHECK_EQ(put(q, 0), 0);
    sender = SPAWN({
        CHECK_EQ(hear(p, &reply), 1);
        queue_send_handle(q, (handle_t)reply, RIGHT_WRITE, 0, FOREVER);
    });
    await_senders(q, 1);
    killed(sender);
    CHECK_EQ(JOIN(pid), 0);
    pid = caller(p, 2, 3);
    sender = SPAWN({
        CHECK_EQ(hear(p, &reply), 2);
        CHECK_ERR(
            queue_send_handle(q, (handle_t)reply, RIGHT_WRITE, 0, FOREVER),
            E_PIPE);
        CHECK_EQ(answer((handle_t)reply, 3), 0);
    });
    await_senders(q, 1);
    CHECK_EQ(handle_shutdown(q), 0);
    CHECK_EQ(JOIN(sender), 0);
    CHECK_EQ(JOIN(pid), 0);
}

// M1: a server whose own call fails, at whichever end of it, answers all the
// same.
TEST(inner_call_fails)
{
    for (int how = 0; how < 3; how++) {
        struct scene s = at_stage(NESTED, FOREVER, SORRY);

        if (how == 0)
            CHECK_EQ(handle_close((handle_t)s.inner_reply), 0);
        else if (how == 1)
            CHECK_EQ(handle_shutdown(s.inner), 0);
        else
            CHECK_EQ(queue_send_handle(s.q, (handle_t)s.inner_reply,
                                       RIGHT_WRITE, 0, NOW) +
                         handle_close(s.q),
                     0);
        CHECK_EQ(take(s.done), 0);
        CHECK_EQ(JOIN(s.caller), 0);
        clear(&s);
    }
}

// M1: a caller that is killed leaves nothing behind, at no stage: its request
// is withdrawn, or the answer gets E_PIPE.
TEST(caller_killed)
{
    for (enum stage stage = 0; stage < STAGES; stage++) {
        struct scene s = at_stage(stage, FOREVER, 0);

        killed(s.caller);
        if (stage < RECEIVED)
            is_withdrawn(&s);
        else
            CHECK_EQ(answer_now(&s), -E_PIPE);
        clear(&s);
    }
}

// M1: so does one whose time is over.
TEST(caller_timed_out)
{
    struct scene s[STAGES];

    for (enum stage stage = 0; stage < STAGES; stage++)
        s[stage] = at_stage(stage, MS(2000), -E_TIMEDOUT);
    for (enum stage stage = 0; stage < STAGES; stage++) {
        CHECK_EQ(JOIN(s[stage].caller), 0);
        if (stage < RECEIVED)
            is_withdrawn(&s[stage]);
        else
            CHECK_EQ(answer_now(&s[stage]), -E_PIPE);
    }
    for (enum stage stage = 0; stage < STAGES; stage++)
        clear(&s[stage]);
}

// M1 F12: and one whose handle is revoked: it gets E_BADH.
TEST(caller_revoked)
{
    for (enum stage stage = 0; stage < STAGES; stage++) {
        struct scene s = at_stage(stage, FOREVER, -E_BADH);

        CHECK(handle_revoke(s.p) >= 2);
        CHECK_EQ(JOIN(s.caller), 0);
        if (stage < RECEIVED)
            is_withdrawn(&s);
        else
            CHECK_EQ(answer_now(&s), -E_PIPE);
        clear(&s);
    }
}

// M1: an answer that cannot be written to the caller is lost: E_FAULT for it, 0
// for the server; its memory is read-only, or was taken away meanwhile.
TEST(answer_lost)
{
    handle_t p = new_port(), r = slab(4096, 1);
    handle_t copy = (handle_t)handle_dup(r, RW, 0);
    long reply, pid;

    for (int taken = 0; taken < 2; taken++) {
        pid = SPAWN({
            struct ipc_msg *m = (struct ipc_msg *)(uintptr_t)shown(
                copy, taken ? PROT_READ | PROT_WRITE : PROT_READ);

            CHECK_ERR(port_call(p, m, FOREVER), E_FAULT);
            CHECK_ERR(
                port_recv(p, (struct ipc_msg *)(uintptr_t)heap_end(), NOW),
                E_AGAIN);
        });
        CHECK_EQ(hear(p, &reply), 0);
        if (taken)
            CHECK_EQ(handle_revoke(r), 2);
        CHECK_EQ(answer((handle_t)reply, 1), 0);
        CHECK_EQ(JOIN(pid), 0);
    }
}

// M1: a message that cannot be read is E_FAULT, and E_INVAL if it is not
// aligned, before anything is sent, also to a port that is full or shut down.
TEST(bad_request)
{
    handle_t p = new_port();
    struct ipc_msg *bad = (struct ipc_msg *)(uintptr_t)(USER_END - 64);
    struct ipc_msg *odd = (struct ipc_msg *)(uintptr_t)(USER_END - 63);

    for (int round = 0; round < 3; round++) {
        CHECK_ERR(port_call(p, bad, FOREVER), E_FAULT);
        CHECK_ERR(port_call(p, odd, FOREVER), E_INVAL);
        CHECK_ERR(port_call(p, bad, NOW), E_FAULT);
        if (round == 0)
            CHECK_ERR(port_recv(p, &(struct ipc_msg){0}, NOW), E_AGAIN);
        for (uint32_t i = 0; round == 0 && i < 16; i++)
            CHECK_EQ(say(p, i, NOW), 0);
        if (round == 1)
            CHECK_EQ(handle_shutdown(p), 0);
    }
}

// M1: a caller learns of the end at any moment: the ends come while it calls,
// while it is received and while it is answered.
TEST(ends_race)
{
    uint64_t seed = test_seed();

    for (uint32_t i = 0; i < 80; i++) {
        handle_t p = new_port();
        handle_t w = (handle_t)handle_dup(p, RIGHT_WRITE, 0);
        long server, pid, reply;
        long end = i % 4 == 3 ? -E_BADH : -E_PIPE;

        pid = SPAWN({
            long result;

            handle_close(p);
            do
                result = ask(w, 1, FOREVER);
            while (result == PLAIN);
            CHECK_EQ(result, end);
        });
        server = SPAWN({
            struct ipc_msg m = {0};

            handle_close(w);
            while ((reply = port_recv(p, &m, FOREVER)) > 0) {
                BUSY_US(random_below(&seed, 20));
                if (answer((handle_t)reply, PLAIN) == -E_PIPE)
                    break;
            }
        });
        BUSY_US(random_below(&seed, 400));
        if (i % 4 == 0)
            CHECK_EQ(handle_shutdown(p), 0);
        else if (i % 4 == 3)
            CHECK(handle_revoke(p) >= 1);
        if (i % 4 != 2)
            handle_close(p);
        if (i % 4 == 1 || i % 4 == 2)
            CHECK_EQ(kill(server), 0);
        if (i % 4 == 2)
            handle_close(p);
        if (i % 4 == 3) /* it may wait for a call that never comes */
            CHECK_EQ(kill(server), 0);
        CHECK_EQ(wait(server, 0, FOREVER), server);
        CHECK_EQ(JOIN(pid), 0);
        handle_close(w);
    }
}

TEST_MAIN()
