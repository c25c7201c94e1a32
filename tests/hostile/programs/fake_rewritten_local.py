# title: rewrites the judge's local variable that holds the expected value
# mode: values
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# case: add(2, 3) == 5
import ctypes
import sys


def add(a, b):
    print("ATTEMPT", flush=True)
    frame = sys._getframe(1)
    frame.f_locals["expected"] = 0
    ctypes.pythonapi.PyFrame_LocalsToFast(ctypes.py_object(frame), ctypes.c_int(0))
    return 0
