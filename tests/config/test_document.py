"""Reading YAML: what is understood, and that everything else costs one line."""

import math
import time

import pytest

from supernode_opt.config import override
from supernode_opt.reading import document
from supernode_opt.reading.node import StudyError


def test_words_are_words_and_numbers_are_numbers():
    text = "a: on\nb: 12:30\nc: 1e3\nd: [1, .inf, 4_608]\ne: '7'\nf: 8 %\ng: true\n"
    assert document.parse(text, "study.yaml").plain() == {
        "a": "on",
        "b": "12:30",
        "c": 1000.0,
        "d": [1, math.inf, 4608],
        "e": "7",
        "f": "8 %",
        "g": True,
    }


def test_every_value_knows_its_place():
    top = document.parse("a: 1\nb:\n  c:\n    - x\n", "study.yaml")
    c = top.mapping()["b"].mapping()["c"]
    assert (c.place, c.path) == ("study.yaml:3", "b.c")
    assert c.items()[0].place == "study.yaml:4"


BAD_YAML = {
    "empty": ("", "study.yaml: is empty"),
    "only a comment": ("# nothing\n", "study.yaml: is empty"),
    "a list": ("- 1\n", "study.yaml:1: must be a mapping"),
    "a word": ("hello", "study.yaml:1: must be a mapping"),
    "not closed": ("a: 1\nb: [1, 2\n", "is not valid YAML"),
    "a tab": ("a:\n\t- 1\n", "study.yaml:2: is not valid YAML"),
    "two documents": ("a: 1\n---\nb: 2\n", "study.yaml:2: is not valid YAML"),
    "a key twice": ("a: 1\nb: 2\na: 3\n", "study.yaml:3: `a` is written twice"),
    "a list as key": ("[1, 2]: 3\n", "must have words as keys"),
    "an alias": ("a: &x [1]\nb: *x\n", "study.yaml:2: cannot be read: aliases"),
    "an alias to itself": ("a: &x [*x]\n", "aliases are not allowed"),
    "nested deep": ("a: " + "[" * 100_000, "it is nested too deep"),
    "many values": ("a: [" + "1," * 30_000 + "1]", "it holds too many values"),
    "python": ("a: !!python/object/apply:os.getcwd []\n", "must not have a tag"),
    "a tag": ("a: !secret 1\n", "must not have a tag"),
    "a control character": ("a: 1\nb: \x07\n", "study.yaml:2: holds an unprintable"),
}


@pytest.mark.parametrize(("text", "message"), BAD_YAML.values(), ids=BAD_YAML)
def test_bad_yaml_is_one_line(text, message):
    started = time.perf_counter()
    with pytest.raises(StudyError) as caught:
        document.parse(text, "study.yaml")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert time.perf_counter() - started < 5.0


def test_an_error_is_one_printable_line_whatever_the_user_wrote():
    text = str(StudyError("a\nb\x1b[31m" + "c" * 10_000))
    assert text.startswith("a b?[31m")
    assert len(text) < 500


STUDY = """
model: pangu
design:
  chips: {low: 8, high: 64}
  clock: 0.9
"""
OVERRIDES = {
    "a new section": ("seed=3", ("seed",), 3),
    "a bound": ("design.chips.low=16", ("design", "chips"), {"low": 16, "high": 64}),
    "a value for a box": ("design.chips=32", ("design", "chips"), 32),
    "a box for a value": (
        "design.clock={low: 0.8, high: 1}",
        ("design", "clock"),
        {"low": 0.8, "high": 1},
    ),
    "a dotted constant": ("design.chip.tdp=free", ("design", "chip.tdp"), "free"),
    "a field of a named entry": (
        "model.layers=30",
        ("model",),
        {"base": "pangu", "layers": 30},
    ),
    "a field below nothing": (
        "scenario.chip.tdp=900 W",
        ("scenario",),
        {"chip": {"tdp": "900 W"}},
    ),
}


@pytest.mark.parametrize(
    ("assignment", "where", "value"), OVERRIDES.values(), ids=OVERRIDES
)
def test_override(assignment, where, value):
    found = override.apply(document.parse(STUDY, "study.yaml"), assignment).plain()
    for word in where:
        found = found[word]
    assert found == value


def test_an_override_is_the_place_of_its_value():
    top = override.apply(document.parse(STUDY, "study.yaml"), "design.clock=fast")
    clock = top.mapping()["design"].mapping()["clock"]
    assert str(clock.error("is wrong")) == "--set design.clock: `design.clock` is wrong"


@pytest.mark.parametrize(
    "assignment", ["seed", "=3", "a..b=3", "seed=", "seed=[1", "model.base.x=3"]
)
def test_bad_override(assignment):
    with pytest.raises(StudyError, match="--set"):
        override.apply(document.parse(STUDY, "study.yaml"), assignment)
