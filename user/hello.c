/*
 * hello: the smallest program that has something to say, and how it is said:
 * standard output is a queue, and a line is a message in it.
 */
#include <weir.h>

int main(void)
{
    static const char text[] = "hello, this is a message of its own\n";
    struct handle_info info;

    printf("hello from process %ld\n", getpid());
    queue_send(STDOUT, text, sizeof(text) - 1, MSG_OPT(PRIO_NORMAL, 0),
               TIMEOUT_FOREVER);
    if (handle_info(STDOUT, &info) == 0)
        printf("handle 1 is object %lu, a queue with rights 0x%x\n",
               info.object_id, info.rights);
    return 0;
}
