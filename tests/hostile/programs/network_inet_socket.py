# title: makes an internet socket at all
# mode: program
# expect: RUNTIME_ERROR
# guard: filter_sockets
# proof: AN INTERNET SOCKET
import socket

print("ATTEMPT", flush=True)
socket.socket(socket.AF_INET)
print("AN INTERNET SOCKET")
