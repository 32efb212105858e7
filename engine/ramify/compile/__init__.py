"""Floor 3: a bundle compiled to the desired state of every node, and that compared with recorded state.

Pure: equal arguments give equal values on every machine. The only home of jinja2.
"""
