# title: a second thread reads the expected value in the frames of the judge's
# mode: values
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# case: secret(7) == 'HIDDEN-EXPECTED-VALUE'
import sys
import threading

HEAD = "HIDDEN-EXPECTED"
found = []


def look(identifier):
    frame = sys._current_frames()[identifier]
    while frame is not None:
        for value in frame.f_locals.values():
            if isinstance(value, str) and value.startswith(HEAD) and len(value) > len(HEAD):
                found.append(value)
        frame = frame.f_back


def secret(number):
    print("ATTEMPT", flush=True)
    thread = threading.Thread(target=look, args=(threading.get_ident(),))
    thread.start()
    thread.join()
    return found[0] if found else None
