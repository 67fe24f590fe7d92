/* The calls 0x00 to 0x13: processes, time, the system. */
#include "base/string.h"
#include "base/trace.h"
#include "ipc/event.h"
#include "ipc/handle.h"
#include "mem/kalloc.h"
#include "proc/bootfs.h"
#include "proc/exec.h"
#include "proc/inject.h"
#include "proc/sched.h"
#include "sys/console.h"
#include "sys/irq.h"
#include "sys/mapping.h"
#include "sys/ring.h"
#include "sys/syscall.h"

SYSCALL(nop, void)
{
    san_plant();
    return 0;
}

SYSCALL(getpid, void)
{
    return this_proc()->pid;
}

/* --- ending --------------------------------------------------------------- */

void end_process(uint32_t reason, long code, uint64_t cause, uint64_t addr)
{
    ring_drop();
    mapping_end_all(this_proc());
    handle_close_all(this_proc());
    event_flush();
    proc_exit(reason, code, cause, addr);
}

SYSCALL(exit, uint64_t code)
{
    if (unlikely(this_thread() != this_proc())) {
        proc_exit_soon(this_proc(), code & 0xff);
        return -E_PARKED; /* and nothing behind it is done */
    }
    end_process(EXIT_NORMAL, code & 0xff, 0, 0);
}

SYSCALL(kill, uint64_t pid)
{
    return proc_kill((long)pid);
}

SYSCALL(wait, uint64_t pid, uint64_t out, uint64_t timeout)
{
    struct proc *child = NULL;

    if (!uaddr_in_range(uaddr(out), sizeof(child->exit)))
        return -E_FAULT;
    TRY(proc_wait((long)pid, timeout, &child));
    if (out && copy_to_user(uaddr(out), &child->exit, sizeof(child->exit)))
        return -E_FAULT; /* the child stays (P4) */
    return proc_reap(child);
}

/* --- beginning ------------------------------------------------------------ */

static long fork_it(void)
{
    struct proc *p = this_proc(), *child;
    long error;

    TRY(proc_new(&child));
    child->heap_end = p->heap_end;
    /* Regions that are mapped stand behind the heap. */
    error = vm_copy(&child->vm, &p->vm, ROUND_UP(p->heap_end, PAGE_SIZE));
    if (!error && !(error = handle_fork(child)) &&
        (error = mapping_fork(child))) {
        mapping_end_all(child); /* who revokes finds none, or ends it first */
        handle_close_all(child);
    }
    if (error) {
        proc_discard(child);
        return error;
    }
    child->stack_low = p->stack_low;
    memcpy(child->name, p->name, sizeof(child->name));
    *child->tf = *p->tf;
    child->tf->x[REG_A0] = 0;
    return proc_start(child, p);
}

/* sys_fork in vector.S stored the registers that a call does not save. */
long fork_process(void);
long fork_process(void)
{
    long pid;

    trace_rare(TRACE_CALL, CALL_fork, 0, this_proc()->wait.turn);
    pid = fork_it();
    trace_rare(TRACE_RETURN, 0, (uint64_t)pid, CALL_fork);
    return pid;
}

/* Gather argv in a page: pointers (for now offsets into it), a null pointer,
 * strings. Returns: bytes used; -E_FAULT; -E_2BIG. */
static long gather_args(char *page, uaddr_t argv)
{
    uint64_t *pointers = (uint64_t *)page;
    uint64_t n = 0, at;

    for (; argv.value; n++) {
        if ((n + 1) * sizeof(uint64_t) > ARG_MAX_BYTES)
            return -E_2BIG;
        TRY(copy_from_user(&pointers[n], uaddr(argv.value + n * 8), 8));
        if (!pointers[n])
            break;
    }
    at = (n + 1) * sizeof(uint64_t);
    for (uint64_t i = 0; i < n; i++) {
        long len = copy_string_from_user(page + at, uaddr(pointers[i]),
                                         ARG_MAX_BYTES - at, -E_2BIG);

        TRY(len);
        pointers[i] = at;
        at += (uint64_t)len + 1;
    }
    pointers[n] = 0;
    return (long)at;
}

/* The stack lies between program and heap, with a guard page on each side. */
static uint64_t heap_start(const struct proc *p)
{
    return p->stack_low + STACK_BYTES + PAGE_SIZE;
}

/* Load a boot file with the args gathered in p->page in place of the old
 * program. Returns: 0 or why not. */
static long load(struct proc *p, const char *name, uint64_t args_len)
{
    const struct region *file = bootfs_find(name);
    uint64_t *pointers = p->page, argc = 0;
    uint64_t entry, stack_low, base;
    __attribute__((cleanup(vm_destroy))) struct vm vm = {0};
    struct vm old = p->vm;

    if (!file)
        return -E_NOENT;
    TRY(vm_create(&vm, p->slot + 1));
    TRY(exec_load(&vm, file, &entry, &stack_low));
    base = stack_low + STACK_BYTES - ROUND_UP(args_len, 16);
    while (pointers[argc])
        pointers[argc++] += base;
    memcpy(vm_at(&vm, base), p->page, args_len);

    ring_drop();
    mapping_end_all(p);
    p->vm = vm;
    vm = old; /* which goes in the end */
    sched_forget(p);
    p->stack_low = stack_low;
    p->heap_end = heap_start(p);
    spin_lock(&tree_lock);
    strlcpy(p->name, name, sizeof(p->name));
    spin_unlock(&tree_lock);
    memset(p->tf->x, 0, sizeof(p->tf->x));
    p->tf->x[REG_PC] = entry;
    p->tf->x[REG_SP] = p->tf->x[REG_A1] = base;
    p->tf->x[REG_A0] = argc;
    inject_begin(p);
    return 0;
}

SYSCALL(exec, uint64_t user_name, uint64_t argv)
{
    struct proc *p = this_proc();
    char name[BOOT_NAME_BYTES];
    long args_len;

    TRY(copy_string_from_user(name, uaddr(user_name), sizeof(name), -E_NOENT));
    TRY(args_len = gather_args(p->page, uaddr(argv)));
    TRY(load(p, name, (uint64_t)args_len));
    user_enter(); /* with the new program's registers */
}

long start_init(void)
{
    static struct kobj system;
    struct hart *h = this_hart();
    struct proc *p;
    long error;

    TRY(proc_new(&p));
    memset(p->handles, 0, PAGE_SIZE);
    handle_table_init(p);
    console_give_streams(p);
    kobj_init(&system, OBJ_SYSTEM, &system_ops);
    handle_create_at(p, 3, &system, RIGHT_WRITE | RIGHT_EXECUTE | RIGHT_GRANT);
    *(uint64_t *)p->page = 0;
    h->proc = p; /* load() makes its table current */
    error = load(p, "init", sizeof(uint64_t));
    csr_write(satp, kernel_satp);
    h->proc = NULL;
    if (!error)
        (void)proc_start(p, NULL);
    return error;
}

/* --- time and scheduling -------------------------------------------------- */

SYSCALL(yield, void)
{
    return sched_yield();
}

SYSCALL(clock_ns, void)
{
    return (long)ticks_to_ns(read_time());
}

/* The end of the time is what was waited for. */
static long finish_timer(struct parked *op, long result, bool drop)
{
    (void)op;
    (void)drop;
    return result == -E_TIMEDOUT ? 0 : result;
}

SYSCALL(timer_wait, uint64_t flags, uint64_t ns)
{
    bool absolute = (uint32_t)flags == TIMER_ABS;
    uint64_t deadline = absolute ? deadline_at(ns) : deadline_after(ns);
    int result;

    if ((uint32_t)flags > TIMER_ABS)
        return -E_INVAL;
    if (deadline <= read_time())
        return 0;
    result = waiter_sleep(waiter_begin(NULL), deadline);
    return result == -E_PARKED ? parked_with(NULL, finish_timer)
                               : finish_timer(NULL, result, false);
}

/* --- memory --------------------------------------------------------------- */

static long move_break(struct proc *p, uint64_t delta)
{
    uint64_t old = p->heap_end, new = old + delta;
    uint64_t from = ROUND_UP(old, PAGE_SIZE), to = ROUND_UP(new, PAGE_SIZE);
    long error = 0;

    if ((long)delta >= 0) {
        if (delta > HEAP_LIMIT || new > HEAP_LIMIT ||
            to > mapping_next(p, from) ||
            (to - from) / PAGE_SIZE > load_relaxed(&page_free_count))
            return -E_NOMEM;
        error = vm_map_zero(&p->vm, from, to, PTE_USER_RW);
    } else {
        if (-delta > old - heap_start(p))
            return -E_INVAL;
        /* What stays of the last page must be zero when it is given again. */
        if (to > new)
            memset(vm_at(&p->vm, new), 0, to - new);
        vm_unmap_owned(&p->vm, to, from);
    }
    /* New pages too: hardware may remember that there were none (4.2.1), or
     * those of an attempt that failed. */
    sched_forget(p);
    TRY(error);
    p->heap_end = new;
    return (long)old;
}

SYSCALL(sbrk, uint64_t delta)
{
    struct proc *p = this_proc();
    long result;

    if (p->ring)
        ring_enter(p->ring); /* no other hart uses our memory */
    result = move_break(p, delta);
    if (p->ring)
        ring_leave(p->ring, false);
    return result;
}

/* --- information ---------------------------------------------------------- */

SYSCALL(proc_info, uint64_t pid, uint64_t out)
{
    struct proc_info info;

    if (!uaddr_in_range(uaddr(out), sizeof(info)))
        return -E_FAULT;
    TRY(proc_describe((long)pid, &info));
    return copy_to_user(uaddr(out), &info, sizeof(info));
}

SYSCALL(sys_info, uint64_t out)
{
    struct sys_info info = {
        .total_pages = page_total,
        .free_pages = load_relaxed(&page_free_count),
        .timebase_hz = machine.timebase_hz,
        .instret = csr_read(instret),
        .harts = hart_count,
        .procs = load_relaxed(&proc_count),
        .objects = load_relaxed(&kobj_count) - proc_resting(),
    };

    strlcpy(info.args, machine.args, sizeof(info.args));
    return copy_to_user(uaddr(out), &info, sizeof(info));
}

SYSCALL(shutdown, uint64_t system, uint64_t code)
{
    struct hnode *node;

    TRY(handle_use(system, 0, OBJ_SYSTEM, RIGHT_WRITE, &node));
    handle_done();
    console_drain();
    if (proc_killed())
        return -E_CANCELED;
    power_off((int)(code & 0xff));
}
