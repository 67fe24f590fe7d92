/* May programs store to it? Lab: region */
static bool may_be_written(const struct region *r)
{
    (void)r;
    return true;
}

/* Lab: region */
long mapping_seal(struct region *r)
{
    if (r->sealed)
        return -E_ALREADY;
    store_release(&r->sealed, SEALED); /* [SEALED] */
    return 0;
}
