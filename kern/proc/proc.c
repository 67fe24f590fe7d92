/*
 * Processes: the table, the family, ending and waiting.
 *
 *   P1  a slot of the table is free, or belongs to one process from proc_new()
 *       to proc_reap(), whose pid modulo the number of slots is the slot's.
 *       Its kernel stack, page and handle table are the slot's for good.
 *   P2  whoever was an ancestor of a process stays one while both live: the
 *       children of one that ends pass to its parent.
 *   P3  a process becomes ENDED only when no hart stands on its stack any more
 *       and all it held is free; only then can its parent learn of it.
 *   P4  only its parent reaps a process, and a parent is in one call at a
 *       time, so an ended child that proc_wait() found stays until reaped.
 */
#include "proc/proc.h"

#include "base/string.h"
#include "mem/kalloc.h"
#include "proc/sched.h"

struct spinlock tree_lock = SPINLOCK(RANK_TREE);
uint32_t proc_count;

static struct proc *procs; /* [I] the table */
static uint32_t slots;     /* [I] */
static uint32_t threads;   /* [I] of the slots, from the end; after boot */
static int32_t last_pid;   /* [t] */

void fork_entry(void), thread_entry(void); /* vector.S */

/* --- the table ------------------------------------------------------------ */

void proc_init(struct proc *table, uint32_t n)
{
    procs = table;
    slots = n;
    for (uint32_t i = 0; i < n; i++) {
        struct proc *p = &procs[i];

        p->slot = i;
        p->tf = (struct trapframe *)vm_new_stack(i) - 1;
        p->self = p;
        p->waiter = &p->wait;
        waiter_init(&p->wait, p);
        parking_init(&p->parking);
        list_init(&p->events);
        list_init(&p->subscriptions);
        p->page = page_alloc();
        p->handles = page_alloc();
        spin_init(&p->handles_lock, RANK_HANDLES);
        if (!p->page || !p->handles)
            panic("no memory for the process table");
    }
}

/* A free slot with the next pid that belongs into a free slot: P1. */
static struct proc *take_slot(void)
{
    struct proc *p, *found = NULL;

    spin_lock(&tree_lock);
    for (uint32_t i = 0; i < slots && !found; i++) {
        last_pid = last_pid == INT32_MAX ? 2 : last_pid + 1;
        p = &procs[(uint32_t)last_pid % slots];
        if (load_relaxed(&p->state) != PROC_FREE)
            continue;
        store_relaxed(&p->state, PROC_READY);
        p->exit.pid = last_pid;
        found = p;
    }
    spin_unlock(&tree_lock);
    return found;
}

/* Where the first switch to p goes: to entry, on p's empty stack. */
static void prepare_stack(struct proc *p, void (*entry)(void),
                          void (*body)(void))
{
    p->context =
        (struct context){(uint64_t)entry, (uint64_t)p->tf, (uint64_t)body};
}

struct proc *proc_thread(const char *name, void (*body)(void))
{
    struct proc *p = &procs[slots - ++threads];

    prepare_stack(p, thread_entry, body);
    p->vm.satp = kernel_satp;
    strlcpy(p->name, name, sizeof(p->name));
    sched_ready(p);
    return p;
}

long proc_new(struct proc **out)
{
    struct proc *p = take_slot();

    if (!p)
        return -E_NFILE;
    if (vm_create(&p->vm, p->slot + 1)) {
        proc_discard(p);
        return -E_NOMEM;
    }
    prepare_stack(p, fork_entry, NULL);
    p->work = 0;
    p->end_code = 0;
    p->wait_pid = 0;
    p->run_ticks = 0;
    p->stale_harts = ~0u; /* the ASID had another owner before */
    list_init(&p->children);
    list_init(&p->mappings);
    *out = p;
    return 0;
}

void proc_discard(struct proc *p)
{
    vm_destroy(&p->vm);
    spin_lock(&tree_lock);
    store_relaxed(&p->state, PROC_FREE);
    spin_unlock(&tree_lock);
}

long proc_start(struct proc *p, struct proc *parent)
{
    long pid = p->exit.pid;

    spin_lock(&tree_lock);
    p->pid = p->exit.pid;
    p->parent = parent;
    if (parent)
        list_push_back(&parent->children, &p->siblings);
    store_relaxed(&proc_count, proc_count + 1);
    spin_unlock(&tree_lock);
    sched_ready(p);
    return pid;
}

/* --- the family ----------------------------------------------------------- */

/* The process with this pid, NULL if none. */
static struct proc *find(long pid) REQUIRES(&tree_lock)
{
    struct proc *p = &procs[(uint64_t)pid % slots];

    return pid && p->pid == pid ? p : NULL;
}

long proc_find_descendant(long pid, struct proc **out)
{
    struct proc *p = find(pid);

    *out = p;
    if (!p)
        return -E_SRCH;
    do
        p = p->parent;
    while (p && p != this_proc());
    return p ? 0 : -E_ACCES;
}

void proc_exit(uint32_t reason, long code, uint64_t cause, uint64_t addr)
{
    struct proc *p = this_proc(), *heir;
    struct list *link;

    p->vm.satp = kernel_satp;
    csr_write(satp, kernel_satp);
    vm_destroy(&p->vm);

    spin_lock(&tree_lock);
    heir = p->parent;
    if (!heir)
        panic("init ended: reason %u, code %ld", reason, code);
    while ((link = list_pop_front(&p->children))) { /* P2 */
        list_entry(link, struct proc, siblings)->parent = heir;
        list_push_back(&heir->children, link);
    }
    p->exit = (struct exit_info){p->pid, reason, code, cause, addr};
    or_relaxed(&p->work, WORK_EXITED);
    spin_unlock(&tree_lock);
    sched();
    panic("an ended process ran");
}

void proc_gone(struct proc *p)
{
    spin_lock(&tree_lock);
    store_relaxed(&p->state, PROC_ENDED);
    /* The parent is that of the children of p, too. */
    if (p->parent->wait_pid)
        waiter_end(&p->parent->wait, 0);
    spin_unlock(&tree_lock);
}

/* Returns: 0 and *out; -E_AGAIN if none has ended; -E_CHILD if none fits. */
static long find_ended(struct proc *p, long pid, struct proc **out)
{
    long error = -E_CHILD;

    list_for_each (node, &p->children) {
        struct proc *child = list_entry(node, struct proc, siblings);

        if (pid != -1 && pid != child->pid)
            continue;
        *out = child;
        if (load_relaxed(&child->state) == PROC_ENDED)
            return 0;
        error = -E_AGAIN;
    }
    return error;
}

long proc_wait(long pid, uint64_t timeout, struct proc **child)
{
    struct proc *p = this_proc();
    uint64_t deadline = deadline_after(timeout);
    long error;

    spin_lock(&tree_lock);
    /* In a loop, since who ends only says "look again", under the lock under
     * which we look (W2). */
    while ((error = find_ended(p, pid, child)) == -E_AGAIN && timeout) {
        p->wait_pid = pid;
        waiter_begin(NULL);
        spin_unlock(&tree_lock);
        error = waiter_sleep(&p->wait, deadline);
        spin_lock(&tree_lock);
        p->wait_pid = 0;
        if (error)
            break;
    }
    spin_unlock(&tree_lock);
    return error;
}

long proc_reap(struct proc *child)
{
    long pid = child->pid;

    spin_lock(&tree_lock);
    list_unlink(&child->siblings);
    child->pid = 0;
    store_relaxed(&child->state, PROC_FREE);
    store_relaxed(&proc_count, proc_count - 1);
    spin_unlock(&tree_lock);
    return pid;
}

/* --- killing -------------------------------------------------------------- */

/* Nothing comes of it if p has ended. */
static void kill_locked(struct proc *p) REQUIRES(&tree_lock)
{
    or_relaxed(&p->work, WORK_KILLED);
    fence_full(); /* pairs with the one in waiter_sleep() */
    if (!waiter_end(&p->wait, -E_CANCELED))
        sched_poke(p);
}

void proc_exit_soon(struct proc *p, uint32_t code)
{
    spin_lock(&tree_lock);
    if (!(load_relaxed(&p->work) & WORK_KILLED)) {
        p->end_code = code + 1;
        kill_locked(p);
    }
    spin_unlock(&tree_lock);
}

long proc_kill(long pid)
{
    struct proc *p;
    long error;

    spin_lock(&tree_lock);
    error = proc_find_descendant(pid, &p);
    if (!error)
        kill_locked(p);
    spin_unlock(&tree_lock);
    return error;
}

bool proc_kill_foreground(bool shell)
{
    struct proc *p, *next;
    bool found = false;

    spin_lock(&tree_lock);
    /* Down from init, from shell to shell, to what the last one waits for. */
    for (p = find(1); p; p = next) {
        next = NULL;
        list_for_each (node, &p->children) {
            struct proc *child = list_entry(node, struct proc, siblings);

            if (p->wait_pid != -1 && p->wait_pid != child->pid)
                continue;
            if (!strcmp(child->name, "sh") || (shell && p->pid == 1)) {
                next = child;
            } else {
                kill_locked(child);
                found = true;
            }
        }
    }
    spin_unlock(&tree_lock);
    return found;
}

void proc_end_calls(const void *called, int result)
{
    for (struct proc *p = procs; p < &procs[slots]; p++) {
        uint64_t turn = load_acquire(&p->wait.claim); /* [WAIT] */

        if (load_relaxed(&p->wait.called) == called &&
            waiter_claim_turn(&p->wait, turn, result))
            waiter_wake(&p->wait);
    }
}

uint32_t proc_resting(void)
{
    uint32_t n = 0;

    for (const struct proc *p = procs; p < &procs[slots]; p++)
        n += load_relaxed(&p->reply_rests);
    return n;
}

bool proc_noted(const void *node)
{
    for (const struct proc *p = procs; p < &procs[slots]; p++)
        if (p->noted[0] == node || p->noted[1] == node)
            return true;
    return false;
}

/* --- looking -------------------------------------------------------------- */

/* The process with pid, or with the smallest pid >= -pid. */
static struct proc *find_from(long pid) REQUIRES(&tree_lock)
{
    struct proc *best = pid > 0 ? find(pid) : NULL;

    for (struct proc *p = procs; pid <= 0 && p < &procs[slots]; p++)
        if (p->pid && p->pid + pid >= 0 && (!best || p->pid < best->pid))
            best = p;
    return best;
}

/* Ticks on harts. */
static uint64_t ticks_of(const struct proc *p) REQUIRES(&tree_lock)
{
    uint64_t since = load_relaxed(&harts[load_relaxed(&p->hart)].since);
    uint64_t now = read_time(), ticks = load_relaxed(&p->run_ticks);
    bool running = load_relaxed(&p->state) == PROC_RUNNING;

    return running && now > since ? ticks + now - since : ticks;
}

long proc_describe(long pid, struct proc_info *out)
{
    struct proc *p;

    spin_lock(&tree_lock);
    p = find_from(pid);
    if (p) {
        *out = (struct proc_info){
            .pid = p->pid,
            .parent = p->parent ? p->parent->pid : 0,
            .state = load_relaxed(&p->state),
            .hart = load_relaxed(&p->hart),
            .cpu_ns = ticks_to_ns(ticks_of(p)),
            .pages = load_relaxed(&p->vm.pages),
            .handles =
                load_relaxed(&p->handles_used) - load_relaxed(&p->reply_rests),
        };
        strlcpy(out->name, p->name, sizeof(out->name));
    }
    spin_unlock(&tree_lock);
    return p ? 0 : -E_SRCH;
}
