# title: calls a server of the host on a socket file, as docker.sock is one
# mode: program
# expect: RUNTIME_ERROR
# guard: pivot_root
# proof: HELLO FROM THE HOST
# argv: {folder}/socket
import socket
import sys

print("ATTEMPT", flush=True)
with socket.socket(socket.AF_UNIX) as connection:
    connection.settimeout(5)
    connection.connect(sys.argv[1])
    print(connection.recv(100).decode())
