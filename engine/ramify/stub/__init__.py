"""All that runs on a managed host: standard library only, Python 3.8 and later, nothing else of Ramify.

The state tables here are also what the planner searches, and `archive` is how a transport ships the rest.
What this package does not import at run time is part of its contract: every module costs each contact
with each host milliseconds of processor time (a test holds the list).
"""
