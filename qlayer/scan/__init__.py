"""Looking at source without running it: one interface, many tools, one report."""
