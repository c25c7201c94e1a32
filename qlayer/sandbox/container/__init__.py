"""The container backends: docker and gVisor put up the walls, the warm sandbox's own two halves do the rest.

The zygote runs as process 1 of a container (`qlayer.sandbox.zygote.contained`), reached over one unix socket
that carries descriptors. The host's half is the warm one (`observe`, `judge`), so a job gets the same verdict
everywhere by construction. What differs is who enforces a limit, and the evidence says who.
"""

from qlayer.sandbox.container.docker import DockerSandbox
from qlayer.sandbox.container.gvisor import GvisorSandbox

__all__ = ["DockerSandbox", "GvisorSandbox"]
