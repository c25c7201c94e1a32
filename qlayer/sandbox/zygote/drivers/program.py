"""Program mode: the file runs as ``__main__``.

The private channel then only serves to explain an exception; what is written to it can make a result worse,
never better.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
import traceback
from types import CodeType, ModuleType
from typing import NoReturn

from qlayer.sandbox.zygote import mishap, module
from qlayer.sandbox.zygote.drivers.call import finish
from qlayer.sandbox.zygote.job import Job
from qlayer.sandbox.zygote.protocol import WORK
from qlayer.sandbox.zygote.report import Report


def run(job: Job, report: Report) -> NoReturn:
    """Compile, then run. The exit status, which the kernel keeps, is the result."""
    path = f"{WORK}/{job.body['path']}"
    try:
        code = module.compile_file(path)
    except BaseException as error:  # any way in which the program's text can fail to compile
        report.send("failed", error=mishap.describe(error))
        finish(1)
    module.use_tree()
    report.send("compiled")
    finish(run_as_main(code, path, job.body["argv"], report))


def run_as_main(code: CodeType, path: str, argv: list[str], report: Report) -> int:
    main = ModuleType("__main__")
    main.__dict__.update(__file__=path, __builtins__=__builtins__)
    sys.modules["__main__"] = main
    sys.argv = [path, *argv]
    sys.path.insert(0, os.path.dirname(path))
    status = 0
    try:
        exec(code, main.__dict__)
    except SystemExit as end:
        status = _exit_status(end)
    except BaseException as error:  # as the interpreter itself does at the top
        tb = error.__traceback__
        traceback.print_exception(type(error), error, tb.tb_next if tb else None)
        with contextlib.suppress(OSError):  # the program may have closed the channel
            report.send("failed", error=mishap.describe(error))
        status = 1
    if threading.active_count() > 1:
        threading._shutdown()  # type: ignore[attr-defined]
    if atexit._ncallbacks():
        atexit._run_exitfuncs()
    return status


def _exit_status(end: SystemExit) -> int:
    if end.code is None:
        return 0
    if isinstance(end.code, int):
        return end.code & 0xFF
    print(end.code, file=sys.stderr)
    return 1
