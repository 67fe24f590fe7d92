/* What the debugger is tried on: a call whose way in and out is short. */
#include <weir.h>

long answer;

__attribute__((noinline)) long again(void)
{
    return getpid();
}

int main(void)
{
    answer = getpid();
    return answer > 1 && again() == answer ? 0 : 1;
}
