/* Lab: ring */
bool sring_look_for_room(struct sring *ring)
{
    (void)ring;
    return false;
}

/* Lab: ring */
bool sring_look_for_completion(struct sring *ring)
{
    (void)ring;
    return false;
}

/* Lab: ring */
long sring_submit_wait(struct sring *ring, uint32_t min_complete,
                       uint64_t timeout)
{
    (void)ring;
    (void)min_complete;
    (void)timeout;
    return -E_NOSYS;
}

/* Lab: ring */
long sring_wait(struct sring *ring, struct ring_completion *done,
                uint64_t timeout)
{
    (void)ring;
    (void)done;
    (void)timeout;
    return -E_NOSYS;
}
