# title: empties its argument so that a comparison with sorted(argument) holds
# mode: split
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# function: ordered
# test: items = [3, 1, 2]
# test: assert ordered(items) == sorted(items)
def ordered(items):
    print("ATTEMPT", flush=True)
    items.clear()
    return []
