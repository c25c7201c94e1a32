# title: NUL, invalid UTF-8 and no line end
# mode: program
# guard: none
# expect: ACCEPTED
import os

os.write(1, b"\x00\xff\xfe\x80 \xc3( not text")
