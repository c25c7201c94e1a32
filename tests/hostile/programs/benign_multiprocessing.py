# title: a process of multiprocessing with a pipe
# mode: program
# expect: ACCEPTED
# guard: none
# stdout: '42\n'
import multiprocessing


def work(pipe):
    pipe.send(42)


if __name__ == "__main__":
    here, there = multiprocessing.Pipe()
    process = multiprocessing.Process(target=work, args=(there,))
    process.start()
    print(here.recv())
    process.join()
