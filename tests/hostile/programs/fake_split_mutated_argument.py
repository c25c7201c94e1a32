# title: empties the list that the tests compare with
# mode: split
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# function: order
# test: numbers = [3, 1, 2]
# test: assert order(numbers) == numbers[::-1] and order([1, 2]) == [1, 2][:len(numbers)]
def order(numbers):
    print("ATTEMPT", flush=True)
    numbers.clear()
    return []
