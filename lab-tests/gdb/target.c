/* What the debugger is tried on: a call whose way in and out is short. */
#include <weir.h>

long answer;

int main(void)
{
    answer = getpid();
    return answer > 1 ? 0 : 1;
}
