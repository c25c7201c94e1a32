"""One file per way to run a job; each ends its process itself, so that nothing runs after its last report."""
