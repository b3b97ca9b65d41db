"""Shards: every target in exactly one of them, whoever asks, and few that ever move."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.config.sharding import MOST, Shard, divided
from exporter.config.site import load_site
from exporter.model.rule import Status, Target
from tests import make

MINE = {Status.ACTIVE, Status.UNSET}

hosts = st.sampled_from([f"h{n}.example.com" for n in range(12)] + ["192.0.2.1"])
rules = st.builds(
    lambda number, source, choice, feed: make.rule(
        id=f"r{number}", source=source, any_of=choice, feed=feed
    ),
    st.integers(0, 30),
    st.sampled_from(["web", "batch"]),
    st.sampled_from([None, None, None, "either", "one-of"]),
    st.sampled_from([None, None, None, None, "list-a", "list-b"]),
)
targets = st.lists(
    st.builds(
        Target,
        rules,
        hosts,
        st.sampled_from([22, 443]),
        st.sampled_from([*MINE, Status.OTHER_ROLE, Status.RETIRED]),
    ),
    max_size=40,
    unique_by=lambda target: target.key,
)
counts = st.integers(1, 7)


def shards_of(targets, count):
    """The numbers of the shards that take each target."""
    taken = {target.key: [] for target in targets if target.status in MINE}
    for number in range(1, count + 1):
        for target in divided(targets, Shard(number, count)):
            if target.status in MINE:
                taken[target.key].append(number)
    return taken


@given(targets, counts)
def test_every_target_is_in_exactly_one_shard(whole, count):
    assert all(len(taken) == 1 for taken in shards_of(whole, count).values())


@given(targets, counts)
def test_nothing_but_whose_turn_it_is_changes(whole, count):
    for number in range(1, count + 1):
        for before, after in zip(
            whole, divided(whole, Shard(number, count)), strict=True
        ):
            assert after.key == before.key
            if after.status is not before.status:
                assert before.status in MINE
                assert after.status is Status.OTHER_SHARD


@given(targets, counts, st.randoms())
def test_the_order_of_rules_does_not_matter(whole, count, random):
    shuffled = random.sample(whole, len(whole))
    assert shards_of(shuffled, count) == shards_of(whole, count)


@given(targets, counts)
def test_what_is_judged_together_stays_together(whole, count):
    taken = shards_of(whole, count)
    together = {}
    for target in whole:
        if target.status not in MINE:
            continue
        rule = target.rule
        names = [("list", rule.feed) if rule.feed else ("host", target.destination)]
        if rule.any_of:
            names.append((rule.source, rule.any_of))
        for name in names:
            together.setdefault(name, set()).update(taken[target.key])
    assert all(len(numbers) == 1 for numbers in together.values())


@given(targets, counts)
def test_one_shard_more_takes_and_moves_nothing_between_the_others(whole, count):
    before, after = shards_of(whole, count), shards_of(whole, count + 1)
    for key, numbers in after.items():
        assert numbers in (before[key], [count + 1])


def test_every_process_says_the_same():
    program = (
        "from exporter.config.sharding import Shard\n"
        "print([n for g in range(40) for n in range(1, 6) if Shard(n, 5).holds(str(g))])"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(said) == 1
    # Pinned: a release that says anything else moves every fleet's targets.
    assert said.pop().startswith(b"[2, 4, 5, 1, 3, 2, 2, 4, 2, 3, ")


def test_shards_have_about_as_much_to_do():
    whole = [make.target(destination=f"h{n}.example.com") for n in range(1000)]
    sizes = Counter(numbers[0] for numbers in shards_of(whole, 5).values())
    assert all(150 < sizes[number] < 250 for number in range(1, 6))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0/5", "of 5 shards there are 1 to 5, not 0"),
        ("6/5", "of 5 shards there are 1 to 5, not 6"),
        ("1/0", f"there can be 1 to {MOST} shards, not 0"),
        ("1/101", f"there can be 1 to {MOST} shards, not 101"),
        ("a/b", "write the number of a shard and how many there are: 2/5"),
        ("", "write the number"),
        ("2", "write the number"),
        ("2/5/7", "write the number"),
        ("-1/5", "write the number"),
        (" 2/5", "write the number"),
        ("2/5\n", "write the number"),
        ("٢/5", "write the number"),
    ],
)
def test_what_is_no_shard_is_told(text, said):
    with pytest.raises(ValueError, match=said.replace("(", r"\(")):
        Shard.parse(text)


def test_a_shard_is_written_as_it_is_read():
    assert str(Shard.parse("2/5")) == "2/5"
    assert Shard.parse("007/10") == Shard(7, 10)


def test_a_site_is_loaded_as_one_of_its_shards(tmp_path):
    path = tmp_path / "site.yaml"
    path.write_text(
        "rules:\n"
        + "".join(
            f"  - {{id: r{n}, source: a, destination: {{host: h{n}}}, port: 1}}\n"
            for n in range(20)
        )
        + "maintenance:\n"
        "  - {rules: [r1], until: '2100-01-01T00:00Z', why: Work}\n",
        encoding="utf-8",
    )
    whole = load_site(path)
    assert whole.shard is None
    parts = [load_site(path, shard=Shard(n, 2)) for n in (1, 2)]
    assert [part.shard for part in parts] == [Shard(1, 2), Shard(2, 2)]
    for one, other, target in zip(
        parts[0].targets, parts[1].targets, whole.targets, strict=True
    ):
        assert {one.status, other.status} == {Status.ACTIVE, Status.OTHER_SHARD}
        assert one.key == other.key == target.key
        assert one.maintenance == target.maintenance
    # Work that a shard has no target of is no mistake of the file.
    assert parts[0].warnings == parts[1].warnings == whole.warnings
