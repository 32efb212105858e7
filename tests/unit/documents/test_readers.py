"""What good documents of each kind become."""

from typing import TypeVar

import msgspec
import pytest

from ramify.documents import component, configuration, hierarchy, inventory, project, repository
from ramify.documents.manifest import Manifest
from ramify.model.component import Component, Control, Parameter, Stop
from ramify.model.diagnostics import Diagnostics, Origin
from ramify.model.inventory import HostSettings
from ramify.model.paths import MAX_DEPTH
from ramify.model.patterns import Kind
from ramify.model.rollout import Amount, Rollout

T = TypeVar("T")


def good(result: tuple[T | None, Diagnostics]) -> T:
    value, found = result
    assert list(map(str, found)) == []
    assert value is not None
    return value


class TestProject:
    def test_the_parts_and_their_places(self) -> None:
        text = """\
project: acme
hierarchy: hierarchy.yml
inventory: inventories/lab.yml
repository: repositories/acme/repository.xml
collections: [collections, ../more]
directory: etcd://host:2379/prefix
"""
        read = good(project.read(text, "ramify.yml"))

        assert (read.project, read.hierarchy, read.inventory) == (
            "acme",
            "hierarchy.yml",
            "inventories/lab.yml",
        )
        assert read.collections == ("collections", "../more")
        assert read.directory == "etcd://host:2379/prefix"
        assert read.origins["repository"] == Origin("ramify.yml", 4, 13)

    def test_what_is_left_out_has_a_default(self) -> None:
        read = good(
            project.read("{project: a, hierarchy: h, inventory: i, repository: r, collections: c}", "r")
        )

        assert read.collections == ("c",)
        assert read.directory == "sqlite:.ramify/directory.db"


class TestHierarchy:
    TEXT = """\
templates:
  site: {vars: {interval: 30, net: {mtu: 1500}}}
tree:
  region[1-10]:
    extends: site
    vars:
      tz: UTC
      "net":
        dns: [a, b]
    rollout: {waves: [1, 25%, 100%], max_fail: 5%, on_failure: rollback}
    on_drift: report
    children:
      zone[1-10]:
        extends: [site]
        children:
          db:
          app[01-08]: {after: [db]}
assert:
  - {match: "/region*/**", that: "vars.interval >= 10", message: "too small"}
  - {match: ["/**", "!/region1"], that: "true"}
"""

    def test_few_specs_stand_for_many_nodes(self) -> None:
        read = good(hierarchy.read(self.TEXT, "h.yml"))

        (region,) = read.tree
        (zone,) = region.children
        assert [spec.name for spec in (region, zone, *zone.children)] == [
            "region[1-10]",
            "zone[1-10]",
            "db",
            "app[01-08]",
        ]
        assert region.extends == zone.extends == ("site",)
        assert region.vars == {"tz": "UTC", "net": {"dns": ["a", "b"]}}
        assert region.rollout == Rollout(
            waves=(Amount(1), Amount(25, share=True), Amount(100, share=True)),
            max_fail=Amount(5, share=True),
            on_failure="rollback",
        )
        assert (region.on_drift, zone.on_drift) == ("report", None)
        assert zone.children[1].after == ("db",)
        assert read.templates["site"].vars["interval"] == 30

    def test_every_variable_and_key_has_its_place(self) -> None:
        read = good(hierarchy.read(self.TEXT, "h.yml"))

        places = {name: (place.line, place.column) for name, place in read.tree[0].origins.items()}
        assert places == {
            "extends": (5, 5),
            "rollout": (10, 5),
            "on_drift": (11, 5),
            "children": (12, 5),
            "tz": (7, 7),
            "net": (8, 7),
            "net.dns": (9, 9),
        }
        assert str(read.tree[0].origin) == "h.yml:4:3"
        assert str(read.templates["site"].origins["net.mtu"]) == "h.yml:2:37"

    def test_assertions_keep_their_patterns_as_written(self) -> None:
        first, second = good(hierarchy.read(self.TEXT, "h.yml")).assertions

        assert (first.match, first.that, first.message) == (
            ("/region*/**",),
            "vars.interval >= 10",
            "too small",
        )
        assert second.match == ("/**", "!/region1")
        assert second.message == '"true" does not hold'
        assert str(second.origin) == "h.yml:20:5"

    def test_an_after_that_a_template_may_fulfil_is_left_to_the_compiler(self) -> None:
        text = """\
templates:
  site: {children: {db: {}}}
  pair: {children: {app: {after: other}}}
tree:
  zone: {extends: site, children: {app: {after: db}}}
"""
        good(hierarchy.read(text, "h.yml"))

    @pytest.mark.parametrize("levels", [1, MAX_DEPTH])
    def test_trees_may_be_as_deep_as_paths(self, levels: int) -> None:
        text = (
            "tree: " + "{a: {children: " * (levels - 1) + "{b: {vars: {c: {d: [5]}}}}" + "}}" * (levels - 1)
        )

        good(hierarchy.read(text, "h.yml"))

    def test_one_step_more_is_too_deep(self) -> None:
        text = "tree: " + "{a: {children: " * MAX_DEPTH + "{b: {}}" + "}}" * MAX_DEPTH

        _, found = hierarchy.read(text, "h.yml")

        assert [item.code for item in found] == ["too-deep"]

    def test_what_is_wrong_deep_down_is_told_there(self) -> None:
        text = "tree: " + "{a: {children: " * (MAX_DEPTH - 1) + "{b: {x: 5}}" + "}}" * (MAX_DEPTH - 1)

        _, found = hierarchy.read(text, "h.yml")

        assert [(item.code, item.origin and item.origin.column) for item in found] == [
            ("unknown-key", text.index("x:") + 1)
        ]

    def test_a_spec_of_ten_lines_may_stand_for_eleven_thousand_nodes(self) -> None:
        names = ["root", "'a[1-10]'", "'b[1-10]'", "'c[1-10]'", "'d[1-10]'"]
        text = "tree: " + "".join(f"{{{name}: {{children: " for name in names) + "{}" + "}}" * 5

        good(hierarchy.read(text, "h.yml"))

    def test_a_value_can_travel_in_a_bundle(self) -> None:
        read = good(
            hierarchy.read("tree: {a: {vars: {x: 9223372036854775807, y: 1e300, z: [~, true]}}}", "h")
        )

        assert msgspec.json.decode(msgspec.json.encode(read), type=type(read)) == read


class TestInventory:
    TEXT = """\
defaults: {user: ops, port: 22, transport: ssh}
hosts:
  gw[1-10]: {address: "10.1.0.{{ index }}", labels: {region: "region{{ index }}", rack: 007, up: true}}
  edge: {port: "2222", service_port: "{{ 9000 + index }}", auth: key, identity: ~/.ssh/id}
  bare:
placements:
  - {match: "/region*", host: "gw{{ node.index }}"}
  - {match: ["/region*/**", "!/region1/**"], pool: {zone: "{{ parent.name }}", n: 1}, per_host: 3}
  - {match: /x, host: gw10}
known_hosts: hosts.keys
"""

    def test_hosts_settings_and_placements(self) -> None:
        read = good(inventory.read(self.TEXT, "i.yml", {"hosts.keys": "gw1 ssh-ed25519 AAAA\n"}.__getitem__))

        assert [spec.name for spec in read.hosts] == ["gw[1-10]", "edge", "bare"]
        assert read.defaults == HostSettings(user="ops", port=22, transport="ssh")
        assert read.hosts[0].settings.labels == {"region": "region{{ index }}", "rack": "007", "up": "true"}
        assert read.hosts[1].settings.port == 2222
        assert read.hosts[1].settings.service_port == "{{ 9000 + index }}"
        assert read.hosts[2].settings == HostSettings()
        assert read.known_hosts == "gw1 ssh-ed25519 AAAA\n"
        assert [str(placement.origin) for placement in read.placements] == [
            "i.yml:7:5",
            "i.yml:8:5",
            "i.yml:9:5",
        ]

    def test_placements_take_patterns_and_a_host_or_a_pool(self) -> None:
        first, second, _ = good(inventory.read(self.TEXT, "i.yml", lambda _: "")).placements

        assert (first.host, first.pool, first.per_host) == ("gw{{ node.index }}", None, 1)
        assert (second.host, second.pool, second.per_host) == (
            None,
            {"zone": "{{ parent.name }}", "n": "1"},
            3,
        )
        assert [str(pattern) for pattern in second.patterns] == ["/region*/**", "!/region1/**"]
        assert str(second.patterns[1].origin) == "i.yml:8:29"


class TestRepository:
    def test_three_lists_of_patterns_and_references(self) -> None:
        text = """\
code:
  - {match: ["/region*", "!/region1", {regex: "/a/.*"}], ref: "collection:ramify.core.initiator"}
install-config:
  - {match: "/**", ref: config/install.yml}
service-config:
  - match: {regex: "!/b"}
    ref: never.yml
  - {match: /b, ref: x.xml}
"""
        _, found = repository.read(text, "r.yml")
        assert [item.code for item in found] == ["no-pattern"]

        read = good(repository.read(text.replace("!/b", "/b"), "r.yml"))
        assert [(str(p), p.kind, str(p.origin)) for p in read.code[0].patterns] == [
            ("/region*", Kind.GLOB, "r.yml:2:14"),
            ("!/region1", Kind.GLOB, "r.yml:2:26"),
            ("/a/.*", Kind.REGEX, "r.yml:2:47"),
        ]
        assert [entry.ref for entry in read.code + read.install + read.service] == [
            "collection:ramify.core.initiator",
            "config/install.yml",
            "never.yml",
            "x.xml",
        ]
        assert str(read.service[0].origin) == "r.yml:6:5"

    @pytest.mark.parametrize(
        ("tag", "kind"),
        [
            ("managent-code", "code"),
            ("code", "code"),
            ("install-config", "install"),
            ("install-configuration", "install"),
            ("managent-config", "service"),
            ("managent-configuration", "service"),
            ("service-config", "service"),
        ],
    )
    def test_the_papers_lists_go_by_several_names(self, tag: str, kind: str) -> None:
        text = f"""<repository-information><{tag}><entry>
  <pattern xpath="*/a/*"/><pattern regex="/b.*"/><pattern path="!/c"/><ref url="x"/>
</entry></{tag}></repository-information>"""
        read = good(repository.read(text, "r.xml"))

        (entry,) = getattr(read, kind)
        assert entry.ref == "x"
        assert [(str(p), p.kind, str(p.origin)) for p in entry.patterns] == [
            ("*/a/*", Kind.PAPER, "r.xml:2:12"),
            ("/b.*", Kind.REGEX, "r.xml:2:36"),
            ("!/c", Kind.PAPER, "r.xml:2:59"),
        ]

    def test_code_may_depend_on_facts_in_both_forms(self) -> None:
        yaml = 'code: [{match: /a, ref: x, when: {os: ["debian*", alpine], machine: x86_64}}]'
        xml = """<repository-information><code><entry><pattern path="/a"/><ref url="x"/>
<when fact="os" is="debian*"/><when fact="os" is="alpine"/><when fact="machine" is="x86_64"/>
</entry></code></repository-information>"""

        for text in (yaml, xml):
            (entry,) = good(repository.read(text, "r")).code
            assert entry.when == {"machine": ("x86_64",), "os": ("debian*", "alpine")}

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("code: [{match: /a, ref: x, when: {machin: x}}]", "unknown-fact"),
            ("code: [{match: /a, ref: x, when: {}}]", "bad-value"),
            ("code: [{match: /a, ref: x, when: {os: []}}]", "bad-value"),
            ("service-config: [{match: /a, ref: x, when: {os: x}}]", "unknown-key"),
            (
                (
                    '<repository-information><service-config><entry><pattern path="/a"/><ref url="x"/>'
                    '<when fact="os" is="x"/></entry></service-config></repository-information>'
                ),
                "unknown-key",
            ),
            (
                (
                    '<repository-information><code><entry><pattern path="/a"/><ref url="x"/>'
                    '<when fact="oss" is="x"/></entry></code></repository-information>'
                ),
                "unknown-fact",
            ),
        ],
    )
    def test_only_code_depends_on_facts_and_on_those_that_there_are(self, text: str, code: str) -> None:
        _, found = repository.read(text, "r")

        assert [problem.code for problem in found] == [code]

    def test_xml_is_known_by_its_name_or_its_first_character(self) -> None:
        for text, file in [
            ("<repository-information/>", "r"),
            ("\ufeff\n <repository-information/>", "r"),
            ("{}", "r"),
        ]:
            good(repository.read(text, file))
            good(repository.read(text.encode(), file))


class TestConfiguration:
    def test_scalars_become_the_text_that_was_written(self) -> None:
        text = """\
env: {A: yes, B: True, C: 1.50, D: 007, E: , F: "{{ vars.x }}", G: 0x1f}
args: [-v, 5, {name: --port, value: 7078}, {name: p, value: false}]
files:
  a/b.conf: "port = {{ vars.port }}"
  motd: {source: motd.txt, mode: 0644}
  run: {content: 5, mode: "755"}
"""
        read = good(configuration.read(text, "c.yml", "config/c.yml", {"motd.txt": "hello"}.__getitem__))

        assert {item.name: item.value for item in read.env} == {
            "A": "yes",
            "B": "true",
            "C": "1.50",
            "D": "007",
            "E": "",
            "F": "{{ vars.x }}",
            "G": "0x1f",
        }
        assert [(item.name, item.value) for item in read.args] == [
            ("", "-v"),
            ("", "5"),
            ("--port", "7078"),
            ("p", "false"),
        ]
        assert [(file.name, file.content, file.mode) for file in read.files] == [
            ("a/b.conf", "port = {{ vars.port }}", 0o600),
            ("motd", "hello", 0o644),
            ("run", "5", 0o755),
        ]
        assert read.ref == "config/c.yml"
        assert [str(read.env[1].origin), str(read.args[2].origin), str(read.files[1].origin)] == [
            "c.yml:1:15",
            "c.yml:2:15",
            "c.yml:5:3",
        ]

    def test_an_empty_document_says_nothing(self) -> None:
        read = good(configuration.read("# nothing yet\n", "c.yml"))

        assert (read.env, read.args, read.files) == ((), (), ())

    def test_xml_has_files_too_and_arguments_without_a_name(self) -> None:
        text = """\
<configuration>
  <files><file name="a.conf" mode="0640">x &lt; 1
</file></files>
  <arg-params><arg value="-v"/></arg-params>
</configuration>"""
        read = good(configuration.read(text, "c.xml"))

        assert [(file.name, file.content, file.mode) for file in read.files] == [("a.conf", "x < 1\n", 0o640)]
        assert [(item.name, item.value) for item in read.args] == [("", "-v")]


class TestComponent:
    def test_everything_that_a_manifest_may_say(self) -> None:
        text = """\
name: probe
description: measures its host
extends: collection:ramify.core.agent
role: initiator
parameters:
  PORT: {type: integer, default: 7078, description: where it listens}
  SECRET: {required: true}
  RATE: {type: number, default: "{{ vars.rate }}"}
  FAST: {type: boolean, default: true}
  ANY:
install: sh -c 'make all'
uninstall: [sh, -c, make clean]
start: {probe: ["{python}", probe.py, 5], relay: ./relay --fast}
stop: {signal: SIGINT, timeout: 2.5}
activate: {command: ./probe on}
deactivate: {signal: usr1}
reload: {signal: hup}
grace: 0
install_timeout: 60
"""
        read = good(component.read(text, "component.yml"))

        assert (read.name, read.extends, read.role) == ("probe", "collection:ramify.core.agent", "initiator")
        assert read.parameters["PORT"] == Parameter("integer", "7078", description="where it listens")
        assert read.parameters["SECRET"] == Parameter(required=True)
        assert read.parameters["RATE"].default == "{{ vars.rate }}"
        assert read.parameters["FAST"].default == "true"
        assert read.install == ("sh", "-c", "make all")
        assert read.uninstall == ("sh", "-c", "make clean")
        assert read.start == {"probe": ("{python}", "probe.py", "5"), "relay": ("./relay", "--fast")}
        assert (read.start_from, read.stop) == ("manifest", Stop("INT", 2.5))
        assert read.activate == Control(argv=("./probe", "on"))
        assert read.deactivate == Control(signal="USR1")
        assert read.reload == Control(signal="HUP")
        assert (read.grace, read.install_timeout) == (0, 60)
        assert str(read.origins["stop"]) == "component.yml:14:1"

    @pytest.mark.parametrize(
        ("text", "start", "start_from"),
        [
            ("start: ./run -v", {"service": ("./run", "-v")}, "manifest"),
            ("start: [./run, -v]", {"service": ("./run", "-v")}, "manifest"),
            ("start: {from: installer}", None, "installer"),
            ("start: {from: format}", None, "format"),
            ("name: x", None, None),
            ("", None, None),
        ],
    )
    def test_how_a_service_starts(self, text: str, start: object, start_from: object) -> None:
        read = good(component.read(text, "component.yml"))

        assert (read.start, read.start_from) == (start, start_from)

    def read(self, text: str) -> Manifest:
        return good(component.read(text, "component.yml"))

    def test_a_manifest_goes_over_the_one_it_extends(self) -> None:
        base = self.read(
            "{role: initiator, start: {a: x, b: y}, parameters: {A: , B: {default: 1}}, grace: 2}"
        )
        own = self.read("{extends: base, start: {b: z}, parameters: {B: {default: 3}}, install: sh i}")

        merged = own.onto(base)

        assert merged.start == {"a": ("x",), "b": ("z",)}
        assert merged.parameters == {"A": Parameter(), "B": Parameter(default="3")}
        assert (merged.role, merged.grace, merged.install) == ("initiator", 2, ("sh", "i"))
        assert merged.extends is None

    def test_another_way_to_start_replaces_the_processes_of_the_base(self) -> None:
        merged = self.read("{start: {from: installer}}").onto(self.read("{start: {a: x}}"))

        assert (merged.start, merged.start_from) == (None, "installer")

    def test_a_manifest_becomes_a_component_with_the_models_defaults(self) -> None:
        made = self.read("{description: d, start: x}").component("ref", "digest", 5)

        assert made == Component(
            "ref",
            "digest",
            5,
            start={"service": ("x",)},
            start_from="manifest",
            origin=Origin("component.yml", 1, 1),
        )


def test_secrets_name_one_source_each() -> None:
    text = """\
project: acme
hierarchy: h.yml
inventory: i.yml
repository: r.yml
secrets:
  one: {file: ../one}
  two: {env: TWO}
  three: {command: [pass, show, "3"]}
"""
    read = good(project.read(text, "ramify.yml")).secrets

    assert (read["one"].file, read["two"].env, read["three"].command) == (
        "../one",
        "TWO",
        ("pass", "show", "3"),
    )
    for bad in ("{}", "{file: a, env: B}", "{command: []}"):
        _, found = project.read(text.replace("{env: TWO}", bad), "ramify.yml")
        assert [item.code for item in found] == ["bad-value"], bad
    _, found = project.read(text.replace("two:", "t-o:"), "ramify.yml")
    assert [item.code for item in found] == ["bad-name"]


def test_vault_ids_name_one_source_each() -> None:
    text = """\
project: acme
hierarchy: h.yml
inventory: i.yml
repository: r.yml
secrets:
  whole: {vault: secrets/db}
  key: {vault: group_vars/all.yml, key: token}
  deep: {vault: group_vars/all.yml, key: [db, "1"]}
vault:
  default: {file: ~/.vault-pass}
  prod-1: {env: PROD}
"""
    read = good(project.read(text, "ramify.yml"))

    assert [read.secrets[name].key for name in ("whole", "key", "deep")] == [(), ("token",), ("db", "1")]
    assert (read.vault["default"].file, read.vault["prod-1"].env) == ("~/.vault-pass", "PROD")
    for old, new in (
        ("vault: secrets/db", "key: x"),
        ("vault: secrets/db", "file: a, key: x"),
        ("env: PROD", ""),
    ):
        _, found = project.read(text.replace(old, new), "ramify.yml")
        assert [item.code for item in found] == ["bad-value"], new
    _, found = project.read(text.replace("prod-1:", '"p;1":'), "ramify.yml")
    assert [item.code for item in found] == ["bad-name"]
