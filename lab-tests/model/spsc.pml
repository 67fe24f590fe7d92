// FAILS: NO_RELEASE NO_ACQUIRE NO_FULL_CHECK NO_EMPTY_CHECK NO_CONSUMER_RELEASE
/*
 * kern/abi/ring.h, one producer and one consumer. Indices have three bits
 * here, so that they wrap. Spin's memory is sequentially consistent; where an
 * order is taken out, both orders of the two accesses are tried.
 */
#define SIZE  2
#define COUNT 10
#define INDEX 8
#define diff(a, b) ((INDEX + (a) - (b)) % INDEX)

byte prod = INDEX - 1, cons = INDEX - 1; /* struct ring_words */
byte place[SIZE];

proctype producer()
{
    byte at = INDEX - 1, next = 1;

    do
    :: next <= COUNT ->
#ifndef NO_FULL_CHECK
        diff(at, cons) < SIZE; /* ring_free: the acquiring load */
#endif
#ifdef NO_RELEASE
        if
        :: place[at % SIZE] = next; prod = (at + 1) % INDEX
        :: prod = (at + 1) % INDEX; place[at % SIZE] = next
        fi;
#else
        place[at % SIZE] = next;
        prod = (at + 1) % INDEX; /* ring_pass */
#endif
        at = (at + 1) % INDEX;
        next++
    :: else -> break
    od
}

proctype consumer()
{
    byte at = INDEX - 1, next = 1, value;

    do
    :: next <= COUNT ->
#ifdef NO_ACQUIRE
        if
        :: value = place[at % SIZE]; diff(prod, at) > 0
        :: diff(prod, at) > 0; value = place[at % SIZE]
        fi;
#else
#ifndef NO_EMPTY_CHECK
        diff(prod, at) > 0; /* ring_filled: the acquiring load */
#endif
#ifdef NO_CONSUMER_RELEASE
        if
        :: value = place[at % SIZE]; cons = (at + 1) % INDEX
        :: cons = (at + 1) % INDEX; value = place[at % SIZE]
        fi;
#else
        value = place[at % SIZE];
#endif
#endif
        assert(value == next); /* none lost, none twice, in order */
        at = (at + 1) % INDEX;
        cons = at; /* ring_pass */
        next++
    :: else -> break
    od
}

init
{
    atomic { run producer(); run consumer() }
}
