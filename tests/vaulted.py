"""What ansible-vault itself has written (`golden/vault/README.md` says how), and YAML with it."""

from pathlib import Path

VAULT = Path(__file__).parent / "golden/vault"
PASSWORDS = {"default": b"correct horse", "prod": b"battery staple"}
INLINE, INLINE_PROD = "in-a-plain-file", "in-a-plain-file-of-prod"


def text(name: str = "whole") -> str:
    """A file as ansible-vault has encrypted it."""
    return (VAULT / name).read_text()


def value(key: str, *, indent: int = 2, prod: bool = False) -> str:
    """A line `KEY: !vault |` and what follows it, as `ansible-vault encrypt_string` printed them."""
    _, first, second = text("group_vars.yml").split("_password: ")
    body = (second if prod else first.rpartition("\n")[0]).rstrip().splitlines()
    lines = [f"{key}: {body[0]}", *(f"  {line.strip()}" for line in body[1:])]
    return "".join(f"{' ' * indent}{line}\n" for line in lines)
