#include <cstdio>
#include <numeric>
#include <vector>

int main() {
    std::vector<long> all;
    for (long each; std::scanf("%ld", &each) == 1;) all.push_back(each);
    std::printf("%ld\n", std::accumulate(all.begin(), all.end(), 1L));
}
