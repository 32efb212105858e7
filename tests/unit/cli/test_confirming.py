"""How long hosts wait for a confirmation the command line says; all else is as the project says."""

import click
import pytest
from click.testing import CliRunner

from ramify.cli.carrying import options_of
from ramify.cli.confirming import confirm_options
from ramify.cli.session import Session
from ramify.initiator.messages import Options


@click.command()
@confirm_options
def command() -> None:
    """A command with these options, and no other arguments."""


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ([], 30),
        (["--confirm-timeout", "4"], 4),
        (["--no-magic-rollback"], 0),
        (["--confirm-timeout", "4", "--no-magic-rollback"], 0),
    ],
)
def test_hosts_wait_as_long_as_they_are_told(words: list[str], seconds: float) -> None:
    session = Session()
    said = CliRunner().invoke(command, words, obj=session)

    assert (said.exit_code, said.output) == (0, "")
    assert options_of(session, Options()).confirm_timeout == seconds


def test_what_nobody_says_is_as_the_project_says() -> None:
    project = Options(history=200, confirm_timeout=7, parallel=3)

    assert options_of(Session(), project) == project
    assert options_of(Session(confirm=0, wait=5), project, rollouts=False) == Options(
        history=200, confirm_timeout=0, parallel=3, wait=5, rollouts=False
    )


def test_a_time_that_is_none_is_refused() -> None:
    for wrong in ("0", "3601", "soon"):
        assert CliRunner().invoke(command, ["--confirm-timeout", wrong], obj=Session()).exit_code == 2
