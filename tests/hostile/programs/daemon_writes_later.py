# title: a daemon that writes a file when the next run is there
# mode: program
# guard: clean_up+private_tmp
# expect: INCOMPLETE
# proof: WRITTEN AFTER THE END
# runs: 2
import os
import time

print("ATTEMPT", flush=True)
if os.path.exists("/tmp/started"):
    open("/tmp/next", "w").close()
    for _ in range(200):
        if os.path.exists("/tmp/later"):
            print("WRITTEN AFTER THE END")
            break
        time.sleep(0.01)
else:
    open("/tmp/started", "w").close()
    if os.fork() == 0:
        os.setsid()
        null = os.open("/dev/null", os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)
        for _ in range(2_000):
            if os.path.exists("/tmp/next"):
                open("/tmp/later", "w").close()
                break
            time.sleep(0.01)
        os._exit(0)
