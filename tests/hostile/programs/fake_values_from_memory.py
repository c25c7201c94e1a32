# title: reads the expected value in the memory of its own process
# mode: values
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# case: secret(7) == 'HIDDEN-EXPECTED-VALUE'
import re

PATTERN = re.compile(rb"HIDDEN-EXPECTED[-]VALUE")


def secret(number):
    print("ATTEMPT", flush=True)
    try:
        with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb") as memory:
            for line in maps:
                area, rights, *_ = line.split()
                if not rights.startswith("rw"):
                    continue
                start, end = (int(part, 16) for part in area.split("-"))
                memory.seek(start)
                if found := PATTERN.search(memory.read(end - start)):
                    return found.group().decode()
    except OSError:
        pass
    return None
