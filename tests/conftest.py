"""For all tests: the signals as a terminal gives them."""

import signal

# A runner that was started in the background hands down an ignored SIGINT; the tests of Ctrl-C need it.
signal.signal(signal.SIGINT, signal.default_int_handler)
