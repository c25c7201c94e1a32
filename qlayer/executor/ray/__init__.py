"""An executor over Ray: trusted supervisor actors, one per node, each with a worker of its own.

The one place of the library that imports Ray; imported only where Ray was asked for. Items travel in batches,
a few calls at a time per supervisor; results come back in small replies while the batch goes on. A supervisor
that dies is replaced, and what it had not finished is done by another: items that shared it are suspects and
are tried alone, so that only the one that kills is ever quarantined.
"""

from qlayer.executor.ray.cluster import own_ray
from qlayer.executor.ray.config import RayConfig
from qlayer.executor.ray.executor import RayExecutor
from qlayer.executor.ray.supervisor import SupervisorInfo

__all__ = ["RayConfig", "RayExecutor", "SupervisorInfo", "own_ray"]
