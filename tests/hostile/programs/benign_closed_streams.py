# title: closes its standard streams and goes on
# mode: program
# guard: none
# expect: ACCEPTED
import os

for stream in (0, 1, 2):
    os.close(stream)
with open("/tmp/work/left", "w") as file:
    file.write("done")
os._exit(0)
