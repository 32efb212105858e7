"""A profile as people read it: every value, and the places that it comes from."""

import json
from collections.abc import Iterable, Iterator

from ramify.cli.paint import Paint
from ramify.cli.tables import table
from ramify.cli.value_view import quoted
from ramify.model.diagnostics import Origin
from ramify.model.profile import LATE, Profile, Value, shown

_PLAIN = Paint()


def text(made: Profile, paint: Paint = _PLAIN) -> str:
    """All values of a node."""
    lines = [paint("bold", made.path), *_head(made)]
    if made.vars:
        lines += ["", "vars", *_vars(made)]
    for name, part in (("install", made.install), ("service", made.service)):
        for kind, values in (("env", part.env), ("args", part.args), ("files", part.files)):
            if values:
                lines += ["", f"{name} {kind}", *_values(values, kind)]
    return "\n".join(lines)


def _head(made: Profile) -> list[str]:
    component = LATE if made.late_code else made.component.name or made.component.ref
    rows = [
        ("host", made.host, ""),
        ("component", component, str(made.code_origin or "")),
        ("role", made.component.role, ""),
        ("children", str(len(made.children)), ""),
        ("digest", made.digest[:16], ""),
        ("subtree", made.subtree[:16], ""),
    ]
    return [f"  {line}" for line in table(rows)]


def _vars(made: Profile) -> list[str]:
    rows = [
        (name, json.dumps(value, ensure_ascii=False), str(made.var_origins.get(name, "")))
        for name, value in sorted(made.vars.items())
    ]
    return [f"  {line}" for line in table([(name, "=", value, origin) for name, value, origin in rows])]


def _values(values: Iterable[Value], kind: str) -> Iterator[str]:
    if kind == "files":
        for value in values:
            yield from _file(value)
        return
    rows = [
        (
            value.name or str(at),
            "=",
            quoted(shown(value)),
            _places(value.origins),
        )
        for at, value in enumerate(values)
    ]
    yield from (f"  {line}" for line in table(rows))


def _file(value: Value) -> Iterator[str]:
    yield f"  {value.name}  {value.mode:04o}  {_places(value.origins)}"
    for line in shown(value).splitlines():
        yield f"    | {line}"


def _places(origins: Iterable[Origin]) -> str:
    """The place that decided, then those that it overrode."""
    told = [str(origin) for origin in origins][::-1]
    return told[0] + (f" (over {', '.join(told[1:])})" if len(told) > 1 else "") if told else ""
