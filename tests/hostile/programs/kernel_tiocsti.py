# title: types into a terminal
# mode: program
# expect: RUNTIME_ERROR
# guard: filter_terminal
# proof: NO TERMINAL HERE, BUT THE KERNEL LOOKED
import errno
import fcntl
import sys

TIOCSTI = 0x5412
print("ATTEMPT", flush=True)
try:
    fcntl.ioctl(0, TIOCSTI, b"x")
except OSError as error:
    if error.errno == errno.EPERM:
        sys.exit(f"refused: {error}")
print("NO TERMINAL HERE, BUT THE KERNEL LOOKED")
