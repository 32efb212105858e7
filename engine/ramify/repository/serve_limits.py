"""What the server lets a peer take."""

from msgspec import Struct

from ramify.documents.brp import MAX_TEXT


class Limits(Struct, frozen=True):
    """What a peer may take: seconds for a head, a body and for each block that it is sent, and bytes."""

    head: float = 15.0
    body: float = 15.0
    send: float = 30.0
    head_size: int = 16 * 1024
    body_size: int = MAX_TEXT
    linger: float = 2.0
    connections: int = 400
    grace: float = 5.0
