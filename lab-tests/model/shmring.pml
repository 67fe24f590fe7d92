// FAILS: NO_LOOK NO_FENCE_WAIT NO_FENCE_TELL NO_SECOND_LOOK NO_CAS NO_WAKE
/*
 * How the two ends of user/lib/shmring.c wait for each other: messages of one
 * place and of two in a ring of two, and a sender that closes after the last
 * one, or when its patience has ended, which happens once or never. Checked:
 * every wait ends; that it is closed is said after the last message.
 *
 * What each switch takes out:
 *   NO_LOOK         who has said what it needs does not look at the ring again
 *   NO_FENCE_WAIT   that look may come before `needs` is seen
 *   NO_FENCE_TELL   the look at `needs` may come before the index is seen
 *   NO_SECOND_LOOK  a closed ring was empty before, not after, that was seen
 *   NO_CAS          who wakes sets `needs` to 0 whatever it is by then
 *   NO_WAKE         and wakes nobody
 */
#define SIZE   2
#define COUNT  4
#define CLOSED 99
#define places_of(i) (1 + (i) % 2)

byte prod, cons;                 /* never wrap here */
byte sender_needs, receiver_needs;
bit sender_sleeps, receiver_sleeps;
bit sender_done, receiver_done;

/* attend(), with the word and the sleeper of the other end */
inline attend(needs, sleeps, ready)
{
    if
    :: seen != 0 && seen != CLOSED && seen <= ready ->
#ifdef NO_CAS
        won = 1;
        needs = 0;
#else
        atomic {
            won = (needs == seen);
            if :: won -> needs = 0 :: else fi
        }
#endif
        if
        :: won ->
#ifndef NO_WAKE
            sleeps = 0 /* word_wake() */
#endif
            skip
        :: else
        fi
    :: else
    fi
}

/* ring_pass(), and the look at the other end's word */
inline pass(index, value, needs)
{
#ifdef NO_FENCE_TELL
    if
    :: index = value; seen = needs
    :: seen = needs; index = value
    fi
#else
    index = value;
    seen = needs
#endif
}

/* One round of wait_for_it(): `found` what is needed, or rest() */
inline say_and_look(needs, wanted, found, look)
{
#ifdef NO_FENCE_WAIT
    if
    :: needs = wanted; found = (look)
    :: found = (look); needs = wanted
    fi
#else
    needs = wanted;
#ifdef NO_LOOK
    found = 0
#else
    found = (look)
#endif
#endif
}

/* rest(): word_wait() looks at the word and sleeps in one step */
inline rest(needs, wanted, sleeps, patience, gave_up)
{
    atomic { sleeps = (needs == wanted) };
    if
    :: sleeps == 0
    :: patience -> patience = 0; sleeps = 0; gave_up = 1
    fi
}

proctype sender()
{
    byte at = 0, i = 0, seen;
    bit found, won, patience, gave_up = 0;

    if :: patience = 0 :: patience = 1 fi;
    do
    :: i < COUNT && !gave_up ->
        found = (SIZE - (at - cons) >= places_of(i));
        do
        :: found || gave_up -> break
        :: else ->
            say_and_look(sender_needs, places_of(i), found,
                         SIZE - (at - cons) >= places_of(i));
            if
            :: found
            :: else ->
                rest(sender_needs, places_of(i), sender_sleeps, patience,
                     gave_up);
                found = (SIZE - (at - cons) >= places_of(i))
            fi
        od;
        if
        :: found ->
            at = at + places_of(i);
            i++;
            pass(prod, at, receiver_needs);
            attend(receiver_needs, receiver_sleeps, SIZE)
        :: else
        fi;
        sender_needs = 0
    :: else -> break
    od;
    pass(sender_needs, CLOSED, receiver_needs); /* shmring_close() */
    attend(receiver_needs, receiver_sleeps, SIZE);
    sender_done = 1
}

proctype receiver()
{
    byte at = 0, i = 0, seen;
    bit found, won, patience, gave_up = 0, closed = 0;

    if :: patience = 0 :: patience = 1 fi;
    do
    :: !closed ->
        found = (prod != at);
        do
        :: found || closed -> break
        :: else ->
            say_and_look(receiver_needs, 1, found, prod != at);
            if
            :: found
            :: else ->
                if
                :: sender_needs == CLOSED ->
#ifndef NO_SECOND_LOOK
                    found = (prod != at);
#endif
                    closed = !found
                :: else ->
                    rest(receiver_needs, 1, receiver_sleeps, patience,
                         gave_up);
                    found = (prod != at)
                fi
            fi
        od;
        if
        :: found ->
            at = at + places_of(i);
            i++;
            assert(prod >= at);
            pass(cons, at, sender_needs);
            attend(sender_needs, sender_sleeps, SIZE - (prod - at))
        :: else
        fi;
        receiver_needs = 0
    :: else -> break
    od;
    assert(at == prod); /* nothing was left */
    receiver_done = 1
}

init
{
    atomic { run sender(); run receiver() };
    timeout -> assert(sender_done && receiver_done)
}
