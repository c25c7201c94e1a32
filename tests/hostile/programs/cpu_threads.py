# title: 64 spinning threads
# mode: program
# guard: rlimits
# expect: CPU_LIMIT
# proof: SPAN ON
# limits: cpu_s=0.5 processes=80
import threading
import time

print("ATTEMPT", flush=True)


def spin():
    while time.process_time() < 1.5:
        pass


threads = [threading.Thread(target=spin) for _ in range(64)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("SPAN ON")
