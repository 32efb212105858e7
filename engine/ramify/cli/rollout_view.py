"""How a plan will be rolled out, and how a rollout stands, as people read it."""

from collections.abc import Iterator

from ramify.cli.folding import fold, shortened
from ramify.cli.paint import Paint
from ramify.cli.words import counted, listed
from ramify.compile.fleet import Fleet
from ramify.compile.rollouts import rollout_of
from ramify.model import paths
from ramify.model.plan import Plan
from ramify.model.rollout import Amount, Limits, Rollout
from ramify.model.standing import RESUMABLE, Standing

MOST_LINES = 6
MOST_NAMES = 3
_PLAIN = Paint()
_THEN = {"pause": "stops", "rollback": "stops and rolls back", "continue": "goes on whatever fails"}


def text(fleet: Fleet, plan: Plan, most: Limits | None = None, paint: Paint = _PLAIN) -> str:
    """How the children of each node will be taken, where that is not simply all at once."""
    by_words: dict[str, list[str]] = {}
    for path in _parents(plan):
        words = words_of(rollout_of(fleet, path))
        if words:
            by_words.setdefault(words, []).append(path)
    everywhere = len(by_words) == 1 and len(_parents(plan)) == len(next(iter(by_words.values())))
    if everywhere:
        lines = [f"    on every level: {next(iter(by_words))}"]
    else:
        lines = [line for words, parents in by_words.items() for line in _lines(words, parents)]
    if most is not None and most != Limits():
        lines.append(f"    this run: {_most(most)}")
    if not lines:
        return ""
    hidden = len(lines) - MOST_LINES
    shown = [*lines[:MOST_LINES], f"    … and {counted(hidden, 'line')} more"] if hidden > 0 else lines
    return "\n".join([paint("bold", "Rollout:"), *shown])


def _parents(plan: Plan) -> dict[str, None]:
    changed = (node.path for node in plan.nodes if node.action.acts)
    found: dict[str, None] = {}
    for path in changed:
        above = paths.parent(path)
        while above not in found:
            found[above] = None
            if above == paths.ROOT:
                break
            above = paths.parent(above)
    return found


def _lines(words: str, parents: list[str]) -> Iterator[str]:
    inner = [path for path in parents if path != paths.ROOT]
    names, left = shortened(fold(inner), MOST_NAMES) if inner else ([], 0)
    top = ["the top nodes"] if len(inner) < len(parents) else []
    told = [*top, *(f"below {name}" for name in names), *([f"{left:,} more"] if left else [])]
    yield f"    {listed(told)}: {words}"


def words_of(rollout: Rollout) -> str:
    """`in waves of 1, 25%, 100%; stops after 5 failures`."""
    parts = []
    if rollout.waves:
        parts.append(f"in waves of {', '.join(map(str, rollout.waves))}")
    if rollout.max_inflight:
        parts.append(f"at most {rollout.max_inflight} at once")
    if rollout.bake:
        parts.append(f"{rollout.bake:g} s between waves")
    if rollout.gate:
        command = rollout.gate.command
        parts.append(f"a wave must pass `{command[0]}`" if command else "a wave must stay healthy")
    return "; ".join((*parts, *_stops(rollout)))


def _stops(rollout: Rollout) -> Iterator[str]:
    then = _THEN[rollout.after_failure]
    if rollout.after_failure == "continue":
        if rollout.cautious:
            yield then
        return
    fail = Amount(0) if rollout.max_fail is None and rollout.cautious else rollout.max_fail
    if fail is not None:
        yield f"{then} after {_failures(fail)}"
    if rollout.max_offline is not None:
        yield f"{then} after {rollout.max_offline} offline"


def _failures(fail: Amount) -> str:
    if fail.share:
        return f"{fail} failures"
    return "the first failure" if fail.number <= 1 else counted(fail.number, "failure")


def _most(most: Limits) -> str:
    found = []
    if most.fail is not None:
        found.append(f"stops after {_failures(Amount(most.fail))}")
    if most.offline is not None:
        found.append(f"stops after {most.offline:,} offline")
    return "; ".join(found)


def status(standing: Standing, done: int, paint: Paint = _PLAIN) -> str:
    """All that is known of one rollout."""
    good = "good" if standing.state.value in {"done", "running", "resumed"} else "warning"
    lines = [f"Rollout {standing.run}: {paint(good, standing.state.value)}"]
    if standing.next:
        lines[0] += f", by run {standing.next}"
    if standing.reason:
        lines.append(f"  {standing.reason}")
    total = sum(standing.waves)
    wave = f"wave {standing.wave} of {len(standing.waves)}, " if len(standing.waves) > 1 else ""
    lines.append(f"  {wave}{standing.started:,} of {_branches(total)} begun")
    if len(standing.waves) > 1:
        lines.append(f"  waves of {', '.join(f'{size:,}' for size in standing.waves)}")
    lines += _below(standing)
    lines.append(f"  {counted(done, 'node')} touched; {_spent(standing)}")
    if standing.left:
        names, left = shortened(fold(standing.left), MOST_NAMES)
        lines.append(
            f"  {counted(len(standing.left), 'node')} left: {', '.join(names)}{' …' if left else ''}"
        )
    if standing.state in RESUMABLE:
        lines.append(f"  {way_on(standing.run)}")
    return "\n".join(lines)


def _below(standing: Standing) -> Iterator[str]:
    """In which waves the levels further down are."""
    alike: dict[tuple[int, int], list[str]] = {}
    for path, wave in standing.below.items():
        alike.setdefault(wave, []).append(path)
    for (number, count), found in sorted(alike.items())[:MOST_LINES]:
        names, more = shortened(fold(found), MOST_NAMES)
        yield f"  below {', '.join(names)}{' …' if more else ''}: wave {number} of {count}"


def _branches(number: int) -> str:
    return "1 branch" if number == 1 else f"{number:,} branches"


def _spent(standing: Standing) -> str:
    def told(number: int, limit: int | None, word: str) -> str:
        return f"{number:,} {word}" + (f" of {limit:,} allowed" if limit is not None else "")

    return ", ".join(
        (
            told(standing.failed, standing.limits.fail, "failed"),
            told(standing.offline, standing.limits.offline, "offline"),
        )
    )


def way_on(run: str) -> str:
    """What can be done with a rollout that stopped."""
    resume, abort = f"`ramify rollout resume {run}`", f"`ramify rollout abort {run}`"
    return f"{resume} goes on, {abort} ends it, a new apply replaces it."
