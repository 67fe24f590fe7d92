/* Nobody is told. Lab: port */
static void reply_side_gone(struct kobj *obj, uint32_t rights)
{
    (void)obj;
    (void)rights;
}

/* The handle goes, and the answer with it. Lab: port */
struct waiter *reply_send(struct hnode *node, const struct port_msg *msg,
                          bool next)
{
    (void)msg;
    (void)next;
    hnode_end(node);
    return NULL;
}
