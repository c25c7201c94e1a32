# title: unittest's expectedFailure on every test
# mode: pytest
# expect: INCOMPLETE
# guard: subprocess
# proof: BELIEVED
# expects-test: test_add.py::TestAdd::test_add
#@file test_add.py
import unittest


class TestAdd(unittest.TestCase):
    @unittest.expectedFailure
    def test_add(self):
        self.assertEqual(1, 2)
