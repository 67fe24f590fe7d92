/* Nobody is woken. Lab: sync */
static long attend(struct shmring *ring, uint32_t *needs, uint32_t ready)
{
    (void)ring;
    (void)needs;
    (void)ready;
    return 0;
}

/* Believes what is there. Lab: sync */
static long try_recv(struct shmring *ring, char *buf, uint64_t cap)
{
    struct ring_end mine = receiving(ring);
    struct shmring_page *page = ring->page;
    uint32_t there = ring_filled(&mine), used, place;
    uint64_t length, part;

    (void)cap;
    if (!there)
        return -E_AGAIN;
    length = page->places[ring_place(&mine, 0)];
    used = places_for(length);
    part = bytes_of(&mine, length, &place);
    memcpy(buf, page->places + place, part);
    memcpy(buf + part, page->places, length - part);
    stand(ring, mine.at + used, there - used);
    return shmring_pass(ring, used, (long)length);
}

/* Nobody waits. Lab: sync */
static long wait_for_it(struct shmring *ring, void *buf, uint64_t len,
                        uint64_t timeout)
{
    (void)buf;
    (void)len;
    (void)timeout;
    return refuse(ring, -E_NOSYS);
}

/* The other end is not told. Lab: sync */
long shmring_close(struct shmring *ring)
{
    long gone = refuse(ring, -E_BADH);

    handle_close(ring->region);
    return gone;
}
