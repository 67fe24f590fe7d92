/* Does nothing, successfully. */
#include <weir.h>

int main(void)
{
    return 0;
}
