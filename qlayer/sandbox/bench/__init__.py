"""What an execution in the sandbox costs, against what it could cost at best and against what others pay.

What belongs here: the programs, the peers and the measurement, as typed data. What never does: printing, and
any claim about a machine that was busy: then the verdict is "no verdict".
"""

from qlayer.sandbox.bench.measure import bench_sandbox as bench_sandbox
from qlayer.sandbox.bench.plot import svg as svg
from qlayer.sandbox.bench.report import BenchPlan as BenchPlan
from qlayer.sandbox.bench.report import Machine as Machine
from qlayer.sandbox.bench.report import Missing as Missing
from qlayer.sandbox.bench.report import SandboxBench as SandboxBench
from qlayer.sandbox.bench.report import Throughput as Throughput
from qlayer.sandbox.bench.report import Timing as Timing
