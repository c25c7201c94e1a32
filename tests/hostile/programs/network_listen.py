# title: listens for a neighbour
# mode: program
# expect: RUNTIME_ERROR
# guard: filter_sockets
# proof: LISTENING
import socket
import sys

print("ATTEMPT", flush=True)
try:
    listener = socket.socket(socket.AF_INET)
    listener.bind(("0.0.0.0", 0))
    listener.listen()
except OSError as error:
    sys.exit(f"refused: {error}")
print("LISTENING")
