/* Does nothing, unsuccessfully. */
#include <weir.h>

int main(void)
{
    return 1;
}
