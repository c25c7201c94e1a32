# title: patches unittest so that every assertion holds
# mode: split
# expect: WRONG_ANSWER
# guard: subprocess
# proof: BELIEVED
# function: add
# test: import unittest
# test: class Tests(unittest.TestCase):
# test:     def test_add(self):
# test:         self.assertEqual(add(2, 3), 5)
# test: result = unittest.TextTestRunner().run(unittest.defaultTestLoader.loadTestsFromTestCase(Tests))
# test: assert result.wasSuccessful()
import unittest

unittest.TestCase.assertEqual = lambda self, first, second, msg=None: None


def add(a, b):
    print("ATTEMPT", flush=True)
    return 0
