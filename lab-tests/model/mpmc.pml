// FAILS: NO_RELEASE NO_ACQUIRE NO_TURN_CHECK NO_CAS
/*
 * kern/abi/ring.h, many to many: two producers and two consumers. An index has
 * three bits, so that it wraps; see spsc.pml about orders that are taken out.
 */
#define SIZE      2
#define EACH      2
#define PRODUCERS 2
#define INDEX     8
#define FIRST     (INDEX - 2)
#define after(a, b) ((INDEX + (a) - (b)) % INDEX)

byte prod = FIRST, cons = FIRST;
byte turn[SIZE];
byte place[SIZE];
byte seen[PRODUCERS * EACH + 1];
byte taken;

/* mpmc_begin: i is the index that was moved; ahead: its side. The loop waits
 * (and is not modelled as one) while the place's turn has not come. */
inline claim(index, ahead, i)
{
    do
    :: i = index;
#ifndef NO_TURN_CHECK
        /* late == 0, or the index has moved on: look again */
        (turn[i % SIZE] == (i + ahead) % INDEX || index != i);
#endif
#ifdef NO_CAS
        index = (i + 1) % INDEX; break
#else
        if
        :: atomic { index == i -> index = (i + 1) % INDEX }; break
        :: index != i
        fi
#endif
    od
}

proctype producer(byte base)
{
    byte i, n = 1;

    do
    :: n <= EACH ->
        claim(prod, 0, i);
#ifdef NO_RELEASE
        if
        :: place[i % SIZE] = base + n; turn[i % SIZE] = (i + 1) % INDEX
        :: turn[i % SIZE] = (i + 1) % INDEX; place[i % SIZE] = base + n
        fi;
#else
        place[i % SIZE] = base + n;
        turn[i % SIZE] = (i + 1) % INDEX;
#endif
        n++
    :: else -> break
    od
}

proctype consumer()
{
    byte i, value, n = 1;

    do
    :: n <= EACH ->
#ifdef NO_ACQUIRE
        if /* the element may be read before its turn is */
        :: value = place[cons % SIZE]; claim(cons, 1, i)
        :: claim(cons, 1, i); value = place[i % SIZE]
        fi;
#else
        claim(cons, 1, i);
        value = place[i % SIZE];
#endif
        turn[i % SIZE] = (i + SIZE) % INDEX;
        assert(value != 0);
        seen[value]++;
        assert(seen[value] == 1); /* exactly once */
        taken++;
        n++
    :: else -> break
    od
}

init
{
    byte k = 0;

    atomic {
        do
        :: k < SIZE -> turn[(FIRST + k) % SIZE] = (FIRST + k) % INDEX; k++
        :: else -> break
        od;
        run producer(0); run producer(EACH);
        run consumer(); run consumer()
    }
}
