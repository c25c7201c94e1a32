"""Six small programs in each of ten languages, and what must come of each. The programs lie in ``programs``.

What belongs here: the programs, their expected verdicts, and running them all. What never does: printing.
"""

from qlayer.sandbox.bench.languages.suite import CASES as CASES
from qlayer.sandbox.bench.languages.suite import LANGUAGES as LANGUAGES
from qlayer.sandbox.bench.languages.suite import LanguageCase as LanguageCase
from qlayer.sandbox.bench.languages.suite import LanguageResult as LanguageResult
from qlayer.sandbox.bench.languages.suite import LanguageSuite as LanguageSuite
from qlayer.sandbox.bench.languages.suite import job_of as job_of
from qlayer.sandbox.bench.languages.suite import limits_of as limits_of
from qlayer.sandbox.bench.languages.suite import run_suite as run_suite
