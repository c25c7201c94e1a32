# title: a daemon that writes a file long after its parent has ended
# mode: program
# guard: clean_up+private_tmp
# expect: INCOMPLETE
# proof: WRITTEN AFTER THE END
# runs: 2
import os
import time

print("ATTEMPT", flush=True)
if os.path.exists("/tmp/started"):
    for _ in range(100):
        if os.path.exists("/tmp/later"):
            print("WRITTEN AFTER THE END")
            break
        time.sleep(0.05)
else:
    with open("/tmp/started", "w"):
        pass
    if os.fork() == 0:
        os.setsid()
        null = os.open("/dev/null", os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)
        time.sleep(0.5)
        with open("/tmp/later", "w"):
            pass
        os._exit(0)
