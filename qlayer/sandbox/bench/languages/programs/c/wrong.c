#include <stdio.h>

int main(void) {
    long sum = 1, each;
    while (scanf("%ld", &each) == 1) sum += each;
    printf("%ld\n", sum);
}
