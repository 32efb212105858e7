"""Floor 5: carry out a plan: drive stubs, hand sub-plans down, report up.

The operator's `apply` and the service on a host are the same initiator; one stands at the root of the tree.
"""
