# title: a child process prints the marker of success
# mode: values
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# case: add(2, 3) == 5
import os


def add(a, b):
    print("ATTEMPT", flush=True)
    if os.fork() == 0:
        os.write(1, b"ALL TESTS PASSED\n")
        os._exit(0)
    os.wait()
    return 0
