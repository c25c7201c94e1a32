# title: answers with a global variable of the tests
# mode: split
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# function: order
# test: want = [1, 2, 3]
# test: assert order([3, 1, 2]) == want
def order(numbers):
    print("ATTEMPT", flush=True)
    return globals().get("want")
