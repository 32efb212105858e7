"""The figures of HPL-2001-321, made well-formed, load and match as the paper says."""

from pathlib import Path

import pytest

from ramify.documents import configuration, repository
from ramify.model.paths import normalise
from ramify.model.patterns import Matcher, selected
from ramify.model.repository import Entry, Repository

PAPERS = Path(__file__).parent / "papers"
SOS = "http://sos.hpl.hp.com/repository"


def load(name: str) -> Repository:
    value, found = repository.read((PAPERS / name).read_bytes(), name)
    assert value is not None, list(map(str, found))
    assert not len(found)
    return value


def refs(entries: tuple[Entry, ...], path: str) -> list[str]:
    return [
        entry.ref
        for entry in entries
        if selected(entry.patterns, Matcher(entry.patterns).matches(normalise(path)))
    ]


def test_figure_2_gives_its_example_the_three_references() -> None:
    figure = load("figure2.xml")

    path = "/hp_mgmt_domain/dc_paloalto/cluster_21/customer_x"

    assert refs(figure.code, path) == [f"{SOS}/dc_all.sh"]
    assert refs(figure.install, path) == [f"{SOS}/cluster_all.xml"]
    assert refs(figure.service, path) == [f"{SOS}/customer_x_all.xml"]


def test_figure_8_asks_without_a_leading_slash_and_is_answered() -> None:
    figure = load("figure2.xml")

    path = "dc_paloalto/customer_x/cluster_12"

    assert refs(figure.code, path) == [f"{SOS}/dc_all.sh"]
    assert refs(figure.install, path) == [f"{SOS}/cluster_all.xml"]
    assert refs(figure.service, path) == [f"{SOS}/customer_x_all.xml"]


@pytest.mark.parametrize("path", ["/hp_mgmt_domain/dc_london/x", "/dc_paloalto_2/x", "/x/mycluster/y"])
def test_figure_2_gives_others_nothing(path: str) -> None:
    figure = load("figure2.xml")

    assert refs(figure.code + figure.install + figure.service, path) == []


@pytest.mark.parametrize("level", range(1, 7))
def test_figure_12_makes_initiators_of_four_levels_and_ends_with_the_fifth(level: int) -> None:
    figure = load("figure12.xml")

    path = "/" + "/".join(["region1", "zone3", "dc6", "core7", "sos.hpl.hp.com", "below"][:level])

    ends = {5: ["http://sos/regular_managent_config.xml"], 6: []}
    assert refs(figure.service, path) == ends.get(level, ["http://sos/initiator_config.xml"])


def test_figure_12_as_printed_gives_the_fourth_level_both_roles_and_the_fifth_none() -> None:
    text = (PAPERS / "figure12.xml").read_text().replace('"/**/**/**/**/**"', '"/**/**/**/**"')

    value, _ = repository.read(text, "figure12.xml")

    assert value is not None
    assert len(refs(value.service, "/a/b/c/d")) == 2
    assert refs(value.service, "/a/b/c/d/e") == []


def test_figure_3_gives_its_two_parameters_with_their_places() -> None:
    value, found = configuration.read((PAPERS / "figure3.xml").read_bytes(), "figure3.xml", ref="c.xml")

    assert value is not None
    assert not len(found)
    assert [(item.name, item.value, str(item.origin)) for item in value.env + value.args] == [
        ("TMP_DIR", "/tmp", "figure3.xml:4:5"),
        ("MGMT_PORT", "7078", "figure3.xml:8:5"),
    ]
    assert value.ref == "c.xml"


def test_the_same_lists_in_yaml_give_the_same_to_every_level() -> None:
    text = """\
service-config:
  - {match: "/*/*/*/*/*", ref: "http://sos/regular_managent_config.xml"}
  - {match: ["/*/*/*/*", "/*/*/*", "/*/*", "/*"], ref: "http://sos/initiator_config.xml"}
"""
    value, _ = repository.read(text, "repository.yml")
    figure = load("figure12.xml")

    assert value is not None
    for path in ("/a", "/a/b", "/a/b/c", "/a/b/c/d", "/a/b/c/d/e", "/a/b/c/d/e/f"):
        assert refs(value.service, path) == refs(figure.service, path)
