# title: raises an exception that a broad `except` of the tests could take for success
# mode: split
# expect: RUNTIME_ERROR
# guard: subprocess
# proof: BELIEVED
# function: add
# test: assert add(2, 3) == 5
def add(a, b):
    print("ATTEMPT", flush=True)
    raise SystemExit(0)
