# title: a child that clears its parent-death signal and ignores all others
# mode: program
# guard: clean_up
# expect: INCOMPLETE
# proof: IT LIVES ON
# runs: 2
import ctypes
import os
import signal
import socket
import time

NAME, PR_SET_PDEATHSIG = "\0hostile-pdeathsig", 1
print("ATTEMPT", flush=True)
caller = socket.socket(socket.AF_UNIX)
try:
    caller.connect(NAME)
    print("IT LIVES ON")
except ConnectionRefusedError:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(NAME)
    listener.listen()
    if os.fork() == 0:
        os.setsid()
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0)
        for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_IGN)
        null = os.open("/dev/null", os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)
        time.sleep(20)
        os._exit(0)
