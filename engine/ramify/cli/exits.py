"""Exit codes: what a script can tell from a command's end."""

DONE = 0
"""Done, or nothing to do."""
ERROR = 1
"""Wrong usage, a project with errors, or an internal error: nothing was touched."""
CHANGES = 2
"""`plan --detailed-exitcode`: there are changes."""
FAILED = 2
"""`apply`: at least one node failed, or nobody knows what became of it."""
STALE = 3
"""A plan that does not hold any more, or a lock that somebody else has."""
OFFLINE = 4
"""All that is left to do is on hosts that could not be reached."""
ROLLED_BACK = 5
"""The run went wrong and was taken back."""
INTERRUPTED = 130
"""Ctrl-C."""
