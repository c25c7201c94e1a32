# title: learns the answer of the second call from a list that both calls share
# mode: split
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# function: order
# test: numbers = [3, 1, 2]
# test: order(numbers)
# test: numbers.sort()
# test: assert order([3, 1, 2]) == numbers
kept = []


def order(numbers):
    print("ATTEMPT", flush=True)
    kept.append(numbers)
    return kept[0]
