# title: a hundred threads
# mode: program
# expect: PROCESS_LIMIT
# guard: pids_cgroup+rlimits
# proof: THREADS 100
# limits: processes=16
import threading

print("ATTEMPT", flush=True)
gate = threading.Event()
threads = []
try:
    for _ in range(100):
        thread = threading.Thread(target=gate.wait, daemon=True)
        thread.start()
        threads.append(thread)
    print("THREADS", len(threads))
finally:
    gate.set()
