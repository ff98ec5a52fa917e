#include <stdio.h>

int main(void)
{
    puts("sokoul " SOK_VERSION);
    return 0;
}
