# title: patches a built-in function that the tests call
# mode: split
# expect: INCOMPLETE
# guard: subprocess
# proof: BELIEVED
# function: order
# test: assert len(order([3, 1, 2])) == 3
import builtins


class Three(int):
    def __eq__(self, other):
        return True


print("ATTEMPT", flush=True)
builtins.len = lambda thing: Three()


def order(numbers):
    return []
