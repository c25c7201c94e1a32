# title: a pool of two processes
# mode: program
# guard: none
# expect: ACCEPTED
# stdout: '[0, 1, 4, 9]\n'
import multiprocessing


def square(number):
    return number * number


if __name__ == "__main__":
    with multiprocessing.Pool(2) as pool:
        print(pool.map(square, range(4)))
        pool.close()
        pool.join()
