/* yes [TEXT]: prints TEXT, or y, until nobody reads it any more. */
#include <weir.h>

int main(int argc, char **argv)
{
    while (printf("%s\n", argc > 1 ? argv[1] : "y") >= 0)
        ;
    return 1;
}
