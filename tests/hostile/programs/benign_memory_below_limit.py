# title: uses 96 MB where 256 MB are granted
# mode: program
# expect: ACCEPTED
# guard: none
# stdout: '96\n'
# limits: memory_bytes=268435456
block = bytearray(b"x" * (96 << 20))
print(len(block) >> 20)
