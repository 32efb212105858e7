"""A small project for real hosts: gateways that deploy leaves which only they can reach."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

BEAT = """#!/bin/sh
# The service of a leaf: says that it lives, where it lives, and what it was told.
trap 'echo "stopped" >> "$RAMIFY_DATA/story"; exit 0' TERM
above="under $RAMIFY_PARENT at $RAMIFY_PARENT_ADDRESS"
echo "$RAMIFY_PATH on $(hostname) $above says $WORD" >> "$RAMIFY_DATA/story"
while :; do sleep 1 & wait $!; done
"""

INSTALL = '#!/bin/sh\nset -e\necho installing\nsleep "$WAIT"\necho "installed by $WHO" > installed\n'


def write(folder: Path, hierarchy: Mapping[str, Any], inventory: Mapping[str, Any], known_hosts: str) -> Path:
    """Write the project; nodes called `gw*` are initiators, `leaf*` run the beat."""
    beat = folder / "beat"
    beat.mkdir(parents=True)
    for name, text in (("beat.sh", BEAT), ("install.sh", INSTALL)):
        (beat / name).write_text(text)
        (beat / name).chmod(0o755)
    (beat / "component.yml").write_text(
        'name: test.beat\ninstall: ["./install.sh"]\nstart: ["./beat.sh"]\nstop: {signal: TERM, timeout: 5}\n'
    )
    texts = {
        "ramify.yml": {
            "project": "test",
            "hierarchy": "hierarchy.yml",
            "inventory": "inventory.yml",
            "repository": "repository.yml",
        },
        "hierarchy.yml": hierarchy,
        "inventory.yml": {**inventory, "known_hosts": "known_hosts"},
        "repository.yml": {
            "code": [
                {"match": "/**/leaf*", "ref": "beat"},
                {"match": ["/**/gw*"], "ref": "collection:ramify.core.initiator"},
            ],
            "install-config": [{"match": "/**/leaf*", "ref": "install.yml"}],
            "service-config": [
                {"match": "/**/leaf*", "ref": "service.yml"},
                {"match": "/**/gw*", "ref": "gateway.yml"},
            ],
        },
        "install.yml": {"env": {"WHO": "{{ node.name }}", "WAIT": "{{ vars.wait | default(0) }}"}},
        "service.yml": {"env": {"WORD": "{{ vars.word }}"}},
        "gateway.yml": {"env": {"RAMIFY_INTERPRETER": "{{ vars.interpreter | default('') }}"}},
    }
    for name, value in texts.items():
        (folder / name).write_text(json.dumps(value))
    (folder / "known_hosts").write_text(known_hosts)
    return folder
