"""`domain:` of a node: all below it is left to another repository (HPL 5.6)."""

from ramify.documents.node import Node
from ramify.model.diagnostics import Diagnostics
from ramify.model.hierarchy import Domain

_PARTS = ("repository", "hierarchy", "inventory", "collections")


def build(node: Node, found: Diagnostics) -> Domain:
    """The domain that a node has; keys that do not go together are told."""
    said = node["domain"]
    made = Domain(
        origin=node.key("domain"),
        repository=said["repository"].text,
        hierarchy=said["hierarchy"].text,
        inventory=said["inventory"].text,
        collections=tuple(name.text for name in said["collections"].texts()),
        server=said["server"].text,
        planned="there" if said["planned"].value == "there" else "here",
        origins={key: value.origin for key, value in said.items()},
    )
    if isinstance(said.value, dict):
        _check(node, said, found)
    return made


def _check(node: Node, said: Node, found: Diagnostics) -> None:
    if "server" in said:
        _check_server(said, found)
    else:
        _check_repository(said, found)
    whole = next((key for key in ("server", "hierarchy") if key in said), None)
    if whole and "children" in node:
        found.error(
            "bad-domain",
            f'"children" beside a domain whose {whole} says what is below',
            f"Leave out one of them: `children:`, or `{whole}:` in `domain:`.",
            node.key("children"),
        )


def _check_server(said: Node, found: Diagnostics) -> None:
    for key in _PARTS:
        if key in said:
            found.error(
                "bad-domain",
                f'"{key}" beside "server"',
                f"The server's project has a {key} of its own: leave out one of the two.",
                said.key(key),
            )


def _check_repository(said: Node, found: Diagnostics) -> None:
    if "repository" not in said:
        has = ", ".join(said) or "nothing"
        found.error(
            "missing-key",
            '"domain" lacks the key "repository" or "server"',
            f"Add `repository:` (a path or URL), or `server:` (a URL); it has {has}.",
            said.origin,
        )
    if "planned" in said:
        found.error(
            "bad-domain",
            '"planned" without "server"',
            "Only a server can be asked from somewhere else: files are read here.",
            said.key("planned"),
        )
