# title: prints the markers of a pass and returns a wrong answer
# mode: values
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# case: add(2, 3) == 5
def add(a, b):
    print("ATTEMPT", flush=True)
    print("ALL TESTS PASSED")
    print('{"case": 0, "outcome": "ACCEPTED", "returned": "5"}', flush=True)
    return 0
