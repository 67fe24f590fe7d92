/* Looks again and again, with naps between. Lab: queue */
long mutex_wait(struct mutex *m)
{
    /* [MUTEX] acquire; pairs with the release in mutex_unlock(). */
    while (!cas(&m->state, MUTEX_FREE, MUTEX_HELD)) {
        uint64_t end = deadline_after(1000000ull /* a millisecond */);
        long error = waiter_sleep(waiter_begin(NULL), end);

        if (error != -E_TIMEDOUT)
            return error;
    }
    return 0;
}

/* Lab: queue */
void mutex_hand_over(struct mutex *m)
{
    uint32_t *state = &m->state;

    store_release(state, MUTEX_FREE); /* [MUTEX] */
}
