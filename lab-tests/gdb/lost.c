/*
 * Two receivers wait in line and get two messages, one right after the other.
 * With lost-wakeup.patch in the kernel the second one sleeps on, beside a
 * message: what docs/debugging.md finds in a recorded run.
 */
#include <weir.h>

#define PATIENCE 100000000ull /* ns */

static handle_t letters;

static void receive(void)
{
    char text[8];

    exit(queue_recv(letters, text, sizeof(text), 0, TIMEOUT_FOREVER) < 0);
}

__attribute__((noinline)) void give_up(long pid)
{
    printf("process %ld got no letter\n", pid);
    exit(1);
}

int main(void)
{
    struct queue_stat stat;
    long receivers[2];

    letters = (handle_t)queue_create(4, 8, 0);
    for (int i = 0; i < 2; i++)
        if ((receivers[i] = fork()) == 0)
            receive();
    do {
        yield();
        queue_stat(letters, &stat);
    } while (stat.waiting_receivers < 2);
    queue_send(letters, "one", 3, 0, TIMEOUT_FOREVER);
    queue_send(letters, "two", 3, 0, TIMEOUT_FOREVER);
    for (int i = 0; i < 2; i++)
        if (weir_wait(receivers[i], 0, PATIENCE) < 0)
            give_up(receivers[i]);
    printf("both got a letter\n");
    return 0;
}
