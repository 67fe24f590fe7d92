/* The slot is empty, and may be used again. Lab: handle */
static void free_slot_locked(struct proc *p, uint32_t slot)
    REQUIRES(&p->handles_lock)
{
    struct hentry *entry = &p->handles->entry[slot];

    if (slot < HANDLE_FIXED)
        return;
    entry->next_free = p->handles_free;
    p->handles_free = slot;
}

/* Ends no handle. Lab: handle */
long hnode_revoke(struct hnode *node)
{
    (void)node;
    return 0;
}
