/* Nothing is shown. Lab: ring */
inline void ring_publish(struct ring *r)
{
    (void)r;
}

/* Nothing parks. Lab: ring */
struct parked *ring_next_woken(struct ring *r)
{
    (void)r;
    return NULL;
}

/* Lab: ring */
void ring_finish(struct ring *r)
{
    (void)r;
}

/* No entry is taken. Lab: ring */
long ring_take(struct ring *r, uint64_t n)
{
    (void)r;
    (void)n;
    return -E_NOSYS;
}
