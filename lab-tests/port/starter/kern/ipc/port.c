/* A request that waits for a place waits no more. Lab: port */
static void withdraw(struct port *p, struct request *r)
{
    struct list *mine = &r->link;
    struct kobj *obj = &p->obj;

    kobj_lock(obj);
    list_remove(mine);
    kobj_unlock(obj);
}

/* Lab: port */
long port_call(struct port *p, struct request *r, const void *node,
               uint64_t timeout)
{
    (void)p;
    (void)r;
    (void)node;
    (void)timeout;
    handle_done();
    return -E_NOSYS;
}

/* What did not arrive is lost. Lab: port */
void port_untake(struct port *p, struct port_recv *v)
{
    port_taken(p, v->place);
}

/* Who waits, waits on. Lab: port */
void port_close_locked(struct port *p, uint32_t how)
{
    struct kobj *obj = &p->obj;

    p->closed = p->closed | how;
    event_changed(obj, SIG_CLOSED);
}
