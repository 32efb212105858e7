"""Floor 4: reach a host by asyncssh, by a local process, or in the embedded lab; no decisions.

`Connector` gives connections, a connection gives channels (one remote command each), and `StubClient`
speaks the stub's protocol over a channel. `lab` runs hosts for those who have none.
"""
