/* Units are counted; nobody is given one. Lab: sync */
long sem_give(struct sem *s)
{
    struct kobj *obj = &s->obj;

    kobj_lock(obj);
    s->count++;
    event_changed(obj, SIG_READABLE);
    kobj_unlock(obj);
    return 0;
}

/* Nobody waits, whatever the timeout. Lab: sync */
long sem_take(struct sem *s, const void *node, uint64_t timeout)
{
    struct kobj *obj = &s->obj;
    bool taken;

    (void)node;
    (void)timeout;
    kobj_lock(obj);
    taken = s->count > 0;
    s->count -= taken;
    kobj_unlock(obj);
    handle_done();
    return taken ? 0 : -E_AGAIN;
}

/* Lab: sync */
static void sem_close(struct kobj *obj, uint32_t how)
{
    struct sem *sem = sem_of(obj);

    kobj_lock(obj);
    sem->closed = sem->closed | how;
    kobj_unlock(obj);
}
