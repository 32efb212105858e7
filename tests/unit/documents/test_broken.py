"""Deliberately broken documents: each gives exactly one error, with its code and its place."""

import re
from collections.abc import Callable
from typing import NamedTuple

import pytest

from ramify.documents import component, configuration, hierarchy, inventory, project, repository
from ramify.model.diagnostics import Diagnostics

READERS: dict[str, Callable[[str, str], tuple[object, Diagnostics]]] = {
    "ramify.yml": project.read,
    "hierarchy.yml": hierarchy.read,
    "inventory.yml": inventory.read,
    "repository.yml": repository.read,
    "repository.xml": repository.read,
    "config.yml": configuration.read,
    "config.xml": configuration.read,
    "component.yml": component.read,
}


class Broken(NamedTuple):
    """`text` holds one `^` just before the place of the error."""

    file: str
    code: str
    text: str
    says: str = ""


PROJECT = "project: acme\nhierarchy: h.yml\ninventory: i.yml\nrepository: r.yml\n"
HOSTS = "hosts: {gw1: {}, gw2: {}}\n"
PLACES = "placements: [{match: /**, host: gw1}]\n"
BOMB = """\
a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]
b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]
c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]
d: &d [*c, *c, *c, *c, *c, *c, *c, ^*c, *c, *c]
"""

RI = "<repository-information><code><entry>{}</entry></code></repository-information>"
PATTERN, REF = '<pattern path="/a"/>', '<ref url="x"/>'

CASES = [
    # The text itself.
    Broken("ramify.yml", "syntax", "project: acme\n  hierarchy^: x\n", "quotes"),
    Broken("ramify.yml", "syntax", "project: [a, b\nhierarchy^: h\n", "bracket or brace"),
    Broken("ramify.yml", "syntax", "project:\n^\tname: x\n", "Indent with spaces"),
    Broken("ramify.yml", "syntax", "project: ac^\x07me\n", "U+0007"),
    Broken("ramify.yml", "syntax", "project: ^@home\n", "quotes"),
    Broken(
        "ramify.yml", "syntax", PROJECT + "^<<<<<<< HEAD\na: b\n=======\na: c\n>>>>>>> other\n", "conflict"
    ),
    Broken("repository.xml", "syntax", "^<<<<<<< HEAD\n<a/>\n=======\n<b/>\n>>>>>>> other\n", "conflict"),
    Broken("ramify.yml", "wrong-type", "^", "empty"),
    Broken("ramify.yml", "wrong-type", "^- a\n- b\n", "got a list"),
    Broken("ramify.yml", "duplicate-key", PROJECT + "^project: other\n", "line 1"),
    Broken("ramify.yml", "several-documents", PROJECT + "^---\nproject: b\n"),
    Broken("ramify.yml", "yaml-tag", PROJECT.replace("acme", "^!!python/name:os.system acme")),
    Broken("ramify.yml", "yaml-tag", PROJECT.replace("acme", "^!!binary acme")),
    Broken("ramify.yml", "yaml-tag", PROJECT + "collections: ^!!set {a, b}\n".replace("{a, b}", "[a]")),
    Broken("hierarchy.yml", "alias-bomb", BOMB, "10,000"),
    Broken("hierarchy.yml", "yaml-alias", "tree: &a\n  x: ^*a\n", "what it stands in"),
    Broken("hierarchy.yml", "yaml-alias", "tree: ^*nowhere\n", "not there"),
    Broken("hierarchy.yml", "yaml-merge", "tree:\n  a: {^<<: {after: b}}\n  b: {}\n", "extends"),
    Broken("hierarchy.yml", "too-deep", "tree: " + "[" * 79 + "^[" + "]" * 80, "80"),
    Broken("hierarchy.yml", "bad-number", "tree: {a: {vars: {x: ^.nan}}}\n", "Quote"),
    Broken("hierarchy.yml", "bad-number", "tree: {a: {vars: {x: ^-.inf}}}\n"),
    Broken("hierarchy.yml", "bad-number", "tree: {a: {vars: {x: ^9223372036854775808}}}\n"),
    Broken("hierarchy.yml", "bad-number", "tree: {a: {vars: {x: ^1e999}}}\n"),
    Broken("hierarchy.yml", "wrong-type", "tree:\n  a: {vars: {^[x]: 1}}\n", "a key must be text"),
    # ramify.yml
    Broken("ramify.yml", "unknown-key", PROJECT + "^colections: [c]\n", 'Did you mean "collections"?'),
    Broken(
        "ramify.yml", "unknown-key", PROJECT.replace("inventory", "^inventry"), 'Did you mean "inventory"?'
    ),
    Broken("ramify.yml", "missing-key", "^" + PROJECT.replace("inventory: i.yml\n", ""), "inventory"),
    Broken("ramify.yml", "wrong-type", PROJECT.replace("h.yml", "^5"), 'Quote it: "5"'),
    Broken("ramify.yml", "wrong-type", PROJECT + "collections: [a, ^true]\n"),
    Broken("ramify.yml", "bad-value", PROJECT.replace("h.yml", '^""'), "empty"),
    Broken("ramify.yml", "bad-name", PROJECT.replace("acme", "^acme corp")),
    # Hierarchies
    Broken("hierarchy.yml", "missing-key", "^templates: {}\n", "tree"),
    Broken("hierarchy.yml", "unknown-key", "tree:\n  a:\n    ^childern: {}\n", 'Did you mean "children"?'),
    Broken("hierarchy.yml", "wrong-type", "tree:\n  a: ^5\n", "got the number 5"),
    Broken("hierarchy.yml", "wrong-type", "tree:\n  a: {vars: ^[x]}\n"),
    Broken("hierarchy.yml", "bad-value", "tree: ^{}\n", "empty"),
    Broken("hierarchy.yml", "bad-value", "tree:\n  a: {rollout: {waves: [1, ^101%]}}\n", "share"),
    Broken("hierarchy.yml", "bad-value", "tree:\n  a: {rollout: {max_fail: ^-1}}\n"),
    Broken("hierarchy.yml", "bad-value", "tree:\n  a: {rollout: {on_failure: ^rolback}}\n", "rollback"),
    Broken("hierarchy.yml", "bad-value", "tree:\n  a: {on_drift: ^ignore}\n", "report"),
    Broken("hierarchy.yml", "bad-value", "tree: {a: }\non_drift: ^stopp\n", '"stop"'),
    Broken("hierarchy.yml", "unknown-key", "tree:\n  a: {^on-drift: fix}\n", '"on_drift"'),
    Broken("hierarchy.yml", "bad-value", "tree:\n  a: {rollout: {waves: [25%, ^10%]}}\n", "10% after 25%"),
    Broken("hierarchy.yml", "bad-value", "tree:\n  a: {rollout: {waves: [^0, 1]}}\n", "wave of nobody"),
    Broken("hierarchy.yml", "bad-value", "tree:\n  a: {rollout: {order: ^reverse}}\n", '"reversed"'),
    Broken(
        "hierarchy.yml",
        "bad-pattern",
        "tree:\n  a: {rollout: {order: [a, '^b[']}}\n".replace("'^b['", "^'b['"),
    ),
    Broken("hierarchy.yml", "bad-value", "tree:\n  a: {rollout: {bake: ^5 minutes}}\n", "90s"),
    Broken("hierarchy.yml", "bad-value", 'tree:\n  a: {rollout: {gate: ^"\'x"}}\n', "cannot be read"),
    Broken("hierarchy.yml", "unknown-key", "tree:\n  a: {rollout: {^max_fails: 1}}\n", '"max_fail"'),
    Broken("hierarchy.yml", "unknown-key", "tree: {a: }\nrollout: {^wave: [1]}\n", '"waves"'),
    Broken("hierarchy.yml", "bad-range", "tree:\n  ^zone[9-1]: {}\n", "counts down"),
    Broken("hierarchy.yml", "bad-range", "tree:\n  ^zone[1-: {}\n", "bracket"),
    Broken("hierarchy.yml", "bad-range", "tree:\n  ^zone[a-c]: {}\n", "is not a range"),
    Broken("hierarchy.yml", "bad-range", "tree:\n  ^z[1-2]a[1-2]: {}\n", "more than one range"),
    Broken("hierarchy.yml", "bad-range", "tree:\n  ^z[1-9999999999999999999]: {}\n"),
    Broken("hierarchy.yml", "bad-range", "tree:\n  ^z[1-999999]: {}\n", "100,000"),
    Broken("hierarchy.yml", "bad-name", "tree:\n  ^a/b: {}\n"),
    Broken("hierarchy.yml", "bad-name", "tree:\n  ^-a: {}\n"),
    Broken("hierarchy.yml", "bad-name", f"tree:\n  ^{'x' * 65}: {{}}\n", "64"),
    Broken("hierarchy.yml", "bad-name", "tree:\n  a: {vars: {^net-mtu: 1}}\n"),
    Broken("hierarchy.yml", "bad-name", "templates:\n  ^t[1-2]: {}\ntree: {a: {}}\n", "template"),
    Broken("hierarchy.yml", "duplicate-name", "tree:\n  app[1-3]: {}\n  ^app2: {}\n", '"app[1-3]" in line 2'),
    Broken("hierarchy.yml", "duplicate-name", "tree:\n  ^app[1-3,2]: {}\n"),
    Broken("hierarchy.yml", "unknown-template", "templates: {site: {}}\ntree:\n  a: {^extends: sight}\n"),
    Broken("hierarchy.yml", "unknown-template", "tree:\n  a: {^extends: [site]}\n"),
    Broken(
        "hierarchy.yml",
        "template-cycle",
        "templates:\n  site: {^extends: base}\n  base: {extends: site}\ntree: {a: {}}\n",
        "site -> base -> site",
    ),
    Broken(
        "hierarchy.yml",
        "template-cycle",
        "templates:\n  ^site: {children: {a: {extends: site}}}\ntree: {a: {extends: site}}\n",
        "site -> site",
    ),
    Broken(
        "hierarchy.yml", "unknown-sibling", "tree:\n  db: {}\n  app: {^after: [dbb]}\n", 'Did you mean "db"?'
    ),
    Broken("hierarchy.yml", "unknown-sibling", "tree:\n  app: {^after: 'x['}\n", "no siblings"),
    Broken("hierarchy.yml", "after-cycle", "tree:\n  a: {^after: b}\n  b: {after: [a]}\n", "a -> b -> a"),
    Broken("hierarchy.yml", "after-cycle", "tree:\n  a: {^after: a}\n", "itself"),
    Broken("hierarchy.yml", "after-cycle", "tree:\n  a[1-3]: {^after: 'a*'}\n", "a1 -> a2 -> a1"),
    Broken(
        "hierarchy.yml",
        "too-large",
        "^tree:\n  a[1-1000]: {children: {'b[1-1000]': {children: {c: {}}}}}\n",
        "2,001,000",
    ),
    Broken("hierarchy.yml", "bad-pattern", "tree: {a: {}}\nassert: [{match: ^a, that: x}]\n", "/**/a"),
    Broken("hierarchy.yml", "missing-key", "tree: {a: {}}\nassert:\n  - ^match: /a\n", "that"),
    # Domains
    Broken(
        "hierarchy.yml", "missing-key", "tree:\n  a: {domain: ^{}}\n", "`server:` (a URL); it has nothing"
    ),
    Broken("hierarchy.yml", "missing-key", "tree:\n  a: {domain: ^{hierarchy: h.yml}}\n", "repository"),
    Broken(
        "hierarchy.yml",
        "unknown-key",
        "tree:\n  a: {domain: {repository: r.yml, hierarchy: h.yml, ^inventry: i.yml}}\n",
        'Did you mean "inventory"?',
    ),
    Broken(
        "hierarchy.yml", "wrong-type", "tree:\n  a: {domain: ^r.yml}\n", "a mapping with repository or server"
    ),
    Broken("hierarchy.yml", "wrong-type", "tree:\n  a:\n    domain:^\n", "got nothing"),
    Broken("hierarchy.yml", "bad-value", "tree:\n  a: {domain: {repository: ^''}}\n", "empty"),
    Broken(
        "hierarchy.yml", "bad-value", "tree:\n  a: {domain: {server: ^ftp://repo/}}\n", "https://repo.example"
    ),
    Broken("hierarchy.yml", "bad-value", "tree:\n  a: {domain: {server: ^'http:///bundle'}}\n", "URL"),
    Broken("hierarchy.yml", "bad-value", "tree:\n  a: {domain: {server: ^'http://u:secret@repo/'}}\n", "URL"),
    Broken(
        "hierarchy.yml",
        "bad-value",
        "tree:\n  a: {domain: {server: 'http://r/', planned: ^ther}}\n",
        '"there"',
    ),
    Broken(
        "hierarchy.yml",
        "bad-domain",
        "tree:\n  a: {domain: {server: 'http://r/', ^repository: r.yml}}\n",
        "two",
    ),
    Broken(
        "hierarchy.yml",
        "bad-domain",
        "tree:\n  a: {domain: {repository: r.yml, hierarchy: h.yml, ^planned: there}}\n",
        "read here",
    ),
    Broken(
        "hierarchy.yml",
        "bad-domain",
        "tree:\n  a: {domain: {repository: r.yml, hierarchy: h.yml}, ^children: {b: {}}}\n",
        "`hierarchy:` in `domain:`",
    ),
    Broken(
        "hierarchy.yml", "bad-domain", "tree:\n  a: {^children: {b: {}}, domain: {server: 'http://r/'}}\n"
    ),
    Broken(
        "hierarchy.yml",
        "bad-domain",
        "templates:\n  t: {domain: {server: 'http://r/', ^inventory: i}}\ntree: {a: {}}\n",
    ),
    # Inventories
    Broken("inventory.yml", "missing-key", "^" + HOSTS, "placements"),
    Broken("inventory.yml", "bad-range", "hosts:\n  ^gw[3-1]: {}\n  gw1: {}\n" + PLACES),
    Broken("inventory.yml", "bad-name", "hosts: {^g w: {}, gw1: {}}\n" + PLACES),
    Broken("inventory.yml", "duplicate-name", "hosts:\n  gw[1-3]: {}\n  ^gw2: {}\n" + PLACES, "gw[1-3]"),
    Broken("inventory.yml", "unknown-key", "hosts: {gw1: {^adress: a}}\n" + PLACES, "address"),
    Broken("inventory.yml", "wrong-type", "hosts: {gw1: {address: ^10.1}}\n" + PLACES, 'Quote it: "10.1"'),
    Broken("inventory.yml", "bad-value", "hosts: {gw1: {port: ^70000}}\n" + PLACES, "65535"),
    Broken("inventory.yml", "bad-value", 'hosts: {gw1: {port: ^"ssh"}}\n' + PLACES, "65535"),
    Broken("inventory.yml", "bad-value", "hosts: {gw1: {service_port: ^0}}\n" + PLACES),
    Broken("inventory.yml", "bad-value", "hosts: {gw1: {auth: ^password}}\n" + PLACES, "agent, key"),
    Broken("inventory.yml", "wrong-type", "hosts: {gw1: {labels: {a: ^[b]}}}\n" + PLACES),
    Broken("inventory.yml", "placement-target", HOSTS + "placements: [^{match: /**}]\n", "neither"),
    Broken(
        "inventory.yml", "placement-target", HOSTS + "placements: [^{match: /a, host: gw1, pool: {a: b}}]\n"
    ),
    Broken(
        "inventory.yml", "placement-target", HOSTS + "placements: [{match: /a, host: gw1, ^per_host: 2}]\n"
    ),
    Broken("inventory.yml", "unknown-host", HOSTS + "placements: [{match: /a, host: ^gw22}]\n", "gw2"),
    Broken("inventory.yml", "bad-pattern", HOSTS + "placements: [{match: [/a, ^'/b['], host: gw1}]\n"),
    Broken("inventory.yml", "no-pattern", HOSTS + "placements: [{match: ^'!/a', host: gw1}]\n"),
    Broken("inventory.yml", "bad-value", HOSTS + "placements: [{match: /a, pool: {a: b}, per_host: ^0}]\n"),
    Broken("inventory.yml", "unreadable-file", HOSTS + PLACES + "known_hosts: ^keys\n", "no file keys"),
    # Repositories
    Broken("repository.yml", "unknown-key", "code: []\n^service_config: []\n", "service-config"),
    Broken("repository.yml", "missing-key", "code:\n  - ^match: /a\n", "ref"),
    Broken("repository.yml", "missing-key", "code:\n  - ^ref: x\n", "match"),
    Broken("repository.yml", "bad-value", "code: [{match: ^[], ref: x}]\n", "empty"),
    Broken("repository.yml", "bad-pattern", "code: [{match: [/a, ^region], ref: x}]\n"),
    Broken(
        "repository.yml", "bad-pattern", "code: [{match: {regex: ^'(a'}, ref: x}]\n", "regular expression"
    ),
    Broken("repository.yml", "unknown-key", "code: [{match: {^regexp: a}, ref: x}]\n", "regex"),
    Broken("repository.yml", "no-pattern", "code: [{match: [^'!/a', '!/b'], ref: x}]\n"),
    Broken("repository.yml", "bad-value", "code: [{match: /a, ref: ^''}]\n"),
    Broken("repository.xml", "syntax", "<repository-information><code></repository-information>^"),
    Broken("repository.xml", "xml-entity", '^<!DOCTYPE x [<!ENTITY a "b">]><repository-information/>'),
    Broken(
        "repository.xml", "xml-entity", '<?xml version="1.0"?>\n^<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>'
    ),
    Broken("repository.xml", "unknown-key", "^<repository/>", "repository-information"),
    Broken(
        "repository.xml",
        "unknown-key",
        "<repository-information>\n  ^<cod/>\n</repository-information>",
        "code",
    ),
    Broken("repository.xml", "missing-key", RI.replace("<entry>", "^<entry>").format(PATTERN), "<ref>"),
    Broken("repository.xml", "missing-key", RI.replace("<entry>", "^<entry>").format(REF), "<pattern>"),
    Broken("repository.xml", "duplicate-key", RI.format(REF + PATTERN + "^" + REF), "more than one"),
    Broken("repository.xml", "unknown-key", RI.format("^<patern path='/a'/>" + REF), '"pattern"'),
    Broken("repository.xml", "unknown-key", RI.format("<pattern ^pth='/a'/>" + REF), '"path"'),
    Broken("repository.xml", "missing-key", RI.format("^<pattern/>" + REF), "path"),
    Broken("repository.xml", "bad-pattern", RI.format("<pattern path='/a' ^regex='/a'/>" + REF), "both"),
    Broken("repository.xml", "bad-pattern", RI.format("<pattern ^xpath='/a[1-'/>" + REF), "bracket"),
    Broken("repository.xml", "bad-pattern", RI.format("<pattern ^regex='*/a'/>" + REF), "nothing to repeat"),
    Broken("repository.xml", "no-pattern", RI.format("<pattern ^path='!/a'/>" + REF)),
    Broken("repository.xml", "bad-value", RI.format(PATTERN + "<ref ^url=''/>"), "empty"),
    Broken("repository.xml", "duplicate-key", RI.format("<pattern path='/a' path='/b'^/>" + REF), "twice"),
    Broken("repository.xml", "xml-entity", RI.format("&x;^"), "&x;"),
    Broken(
        "repository.xml",
        "wrong-type",
        RI.replace("<code>", "^<code>").format(PATTERN + REF + "</entry>words<entry>" + PATTERN + REF),
        "text of its own",
    ),
    Broken("repository.xml", "xml-namespace", "^<repository-information xmlns='x'/>"),
    Broken("repository.xml", "too-deep", "<repository-information>" + "<a>" * 63 + "^<a>"),
    # Configurations
    Broken("config.yml", "bad-name", "env: {^9X: a}\n"),
    Broken("config.yml", "bad-name", "env: {^A-B: a}\n"),
    Broken("config.yml", "wrong-type", "env: {A: ^[a]}\n"),
    Broken("config.yml", "bad-value", 'env: {^A: "a\\0b"}\n', "NUL"),
    Broken("config.yml", "missing-key", "args: [^{name: a}]\n", "value"),
    Broken("config.yml", "bad-file-name", "files: {^../x: a}\n"),
    Broken("config.yml", "bad-file-name", "files: {^/etc/passwd: a}\n"),
    Broken("config.yml", "bad-mode", "files: {x: {content: a, mode: ^rw-r--r--}}\n", "0640"),
    Broken("config.yml", "bad-mode", "files: {x: {content: a, mode: ^4755}}\n"),
    Broken("config.yml", "bad-value", "files: {^x: {content: a, source: b}}\n", "both"),
    Broken("config.yml", "bad-value", "files: {^x: {mode: '0644'}}\n", "neither"),
    Broken("config.yml", "unreadable-file", "files: {x: {source: ^motd}}\n", "motd"),
    Broken(
        "config.xml",
        "missing-key",
        "<configuration><env-params>\n^<env value='a'/></env-params></configuration>",
    ),
    Broken(
        "config.xml",
        "unknown-key",
        "<configuration><arg-params><arg value='a' ^nam='b'/></arg-params></configuration>",
    ),
    Broken(
        "config.xml",
        "duplicate-key",
        "<configuration><env-params>\n"
        "<env name='A' value='1'/> ^<env name='A' value='2'/></env-params></configuration>",
        "line 2",
    ),
    Broken(
        "config.xml",
        "bad-mode",
        "<configuration><files><file name='a' ^mode='99'>x</file></files></configuration>",
    ),
    Broken("config.xml", "wrong-type", "<configuration>^<env-params>text</env-params></configuration>"),
    # Components
    Broken("component.yml", "unknown-key", "^instal: sh x\n", "install"),
    Broken("component.yml", "bad-value", "role: ^leader\n", "service, initiator"),
    Broken("component.yml", "bad-command", "install: ^sh -c 'x\n", "no closing quotation"),
    Broken("component.yml", "bad-command", "install: ^'  '\n", "empty"),
    Broken("component.yml", "bad-value", "start: ^[]\n", "empty"),
    Broken("component.yml", "bad-value", "start: {from: ^instaler}\n", "installer"),
    Broken("component.yml", "bad-name", "start: {^a b: sh x}\n", "process"),
    Broken("component.yml", "bad-signal", "stop: {signal: ^SIGTRM}\n", 'Did you mean "TERM"?'),
    Broken("component.yml", "bad-signal", "activate: {signal: ^RTMIN}\n"),
    Broken("component.yml", "bad-value", "^deactivate: {}\n", "neither"),
    Broken("component.yml", "bad-value", "^activate: {signal: HUP, command: x}\n", "both"),
    Broken("component.yml", "bad-value", "install_timeout: ^0\n"),
    Broken("component.yml", "wrong-type", "grace: ^soon\n", "seconds"),
    Broken("component.yml", "bad-name", "parameters: {^A B: {}}\n"),
    Broken("component.yml", "wrong-type", "parameters: {A: {type: integer, default: ^x}}\n", "integer"),
    Broken("component.yml", "bad-value", "parameters: {A: {type: ^int}}\n", "integer"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.file}-{case.code}")
def test_one_mistake_is_told_once_where_it_stands(case: Broken) -> None:
    before, text = case.text.partition("^")[0], case.text.replace("^", "", 1)

    value, found = READERS[case.file](text, case.file)

    told = [(item.code, item.origin) for item in found]
    place = (case.file, before.count("\n") + 1, len(before) - before.rfind("\n"))
    assert [(code, origin and (origin.file, origin.line, origin.column)) for code, origin in told] == [
        (case.code, place)
    ], "\n".join(map(str, found))
    assert value is None
    assert re.search(re.escape(case.says), "\n".join(f"{item.summary}\n{item.detail}" for item in found))


def test_there_are_many_cases() -> None:
    assert len(CASES) >= 45


def test_all_mistakes_of_a_document_are_told_in_one_go_from_top_to_bottom() -> None:
    text = """\
templates:
  site: {vars: {interval: 30}, extnds: base}
tree:
  region[3-1]: {extends: sight}
  app: {after: [dbb], vars: 5}
  db: {}
  db: {}
asert: []
"""
    _, found = hierarchy.read(text, "h.yml")

    assert [(item.code, item.origin and item.origin.line) for item in found] == [
        ("unknown-key", 2),
        ("bad-range", 4),
        ("unknown-template", 4),
        ("unknown-sibling", 5),
        ("wrong-type", 5),
        ("duplicate-key", 7),
        ("unknown-key", 8),
    ]


XML = RI.replace("<entry>{}</entry>", "%s")


@pytest.mark.parametrize(
    ("file", "entry", "whole"),
    [
        ("repository.yml", "  - {match: '/a[1-', ref: x}\n", "code:\n%s"),
        (
            "repository.xml",
            f"<entry><pattern path='/a['/>{REF}</entry>\n",
            RI.replace("<entry>{}</entry>", "%s"),
        ),
    ],
)
def test_of_a_document_with_one_mistake_many_times_the_first_hundred_are_told(
    file: str, entry: str, whole: str
) -> None:
    value, found = READERS[file](whole % (entry * 500), file)

    lines = [item.origin.line for item in found if item.origin]
    assert value is None
    assert (len(lines), lines) == (100, sorted(lines))
    assert lines[-1] - lines[0] == 99
