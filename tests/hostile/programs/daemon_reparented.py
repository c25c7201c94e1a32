# title: a process that is handed on through 50 parents and waits for the next run
# mode: program
# guard: clean_up
# expect: INCOMPLETE
# proof: THE LAST CHILD ANSWERS
# runs: 2
import os
import socket
import time

NAME = "\0hostile-reparented"
print("ATTEMPT", flush=True)
caller = socket.socket(socket.AF_UNIX)
try:
    caller.connect(NAME)
    print("THE LAST CHILD ANSWERS")
except ConnectionRefusedError:
    ready, tell = os.pipe()
    if os.fork() == 0:
        for generation in range(50):
            if os.fork():
                os._exit(0)
        os.setsid()
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(NAME)
        listener.listen()
        os.write(tell, b"x")
        null = os.open("/dev/null", os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)
        time.sleep(20)
        os._exit(0)
    os.close(tell)
    os.read(ready, 1)
