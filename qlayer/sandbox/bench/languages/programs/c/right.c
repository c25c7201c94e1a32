#include <stdio.h>

int main(void) {
    long sum = 0, each;
    while (scanf("%ld", &each) == 1) sum += each;
    printf("%ld\n", sum);
}
