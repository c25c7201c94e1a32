# title: a daemon (double fork, setsid) that lives on and waits for the next run
# mode: program
# expect: INCOMPLETE
# guard: clean_up
# proof: THE DAEMON ANSWERS
# runs: 2
import os
import socket
import time

NAME = "\0hostile-daemon"
print("ATTEMPT", flush=True)
caller = socket.socket(socket.AF_UNIX)
try:
    caller.connect(NAME)
    print("THE DAEMON ANSWERS")
except ConnectionRefusedError:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(NAME)
    listener.listen()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            devnull = os.open("/dev/null", os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(devnull, stream)
            time.sleep(20)
        os._exit(0)
    os.wait()
    print("planted")
