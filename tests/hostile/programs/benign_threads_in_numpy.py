# title: numpy with two threads
# mode: program
# guard: none
# expect: ACCEPTED
# needs: numpy
# stdout: '10.0 10.0\n'
import threading

import numpy

sums = [0.0, 0.0]


def add(place):
    sums[place] = float((numpy.eye(10) @ numpy.eye(10)).sum())


threads = [threading.Thread(target=add, args=(place,)) for place in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(*sums)
