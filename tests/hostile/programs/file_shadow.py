# title: reads the host's password hashes
# mode: program
# expect: RUNTIME_ERROR
# guard: subprocess
# proof: root:
# needs: root
print("ATTEMPT", flush=True)
with open("/etc/shadow") as file:
    print(file.read(16))
