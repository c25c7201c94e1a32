"""Running checks in a sandbox and saying what the results mean.

What belongs here: turning a `CheckPlan` into sandbox jobs and a `CheckResult`, and folding results into a
`Decision`. What never does: making or changing code.
"""
