"""Values of a file that know where they were written, and how to complain."""

import dataclasses
import difflib
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

LONGEST_LINE = 400


class InputError(ValueError):
    """Something the user wrote that cannot be used; its text is always one line.

    Attributes:
      longest: characters of that line.
    """

    longest = LONGEST_LINE

    def __init__(self, text: str) -> None:
        """Keep `text` on one printable line of bearable length."""
        line = "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))
        cut = f"{line[: self.longest]}..." if len(line) > self.longest else line
        super().__init__(cut)


class Doubt(UserWarning):
    """Something that was taken as written, though it is probably not what was meant."""


class StudyError(InputError):
    """Something in a study, or in what is written like one."""


def shown(value: Any) -> str:
    """Write a user's value into an error message, shortened if need be."""
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Point at the nearest of `known`, or list them where they are few.

    >>> did_you_mean("clok", ["clock", "chips"])
    ' (did you mean `clock`?)'
    """
    names = list(known)
    lower = {name.lower(): name for name in reversed(names)}
    near = difflib.get_close_matches(word.lower(), list(lower), n=1, cutoff=0.6)
    if near:
        return f" (did you mean `{lower[near[0]]}`?)"
    return f" (known: {', '.join(names)})" if 0 < len(names) <= 16 else ""


def plain_word(name: str) -> str:
    """Return what is left of a name where case, dashes and blanks do not matter.

    >>> plain_word("Tokens-per s")
    'tokenspers'
    """
    return "".join(c for c in name.casefold() if c.isalnum())


def alike(word: str, known: Iterable[str]) -> str | None:
    """Return the one of `known` that is `word` but for case, dashes and blanks.

    >>> alike("BF16", ["bf16", "fp8"])
    'bf16'
    """
    names = list(known)
    if word in names:
        return word
    same = [name for name in names if plain_word(name) == plain_word(word)]
    return same[0] if len(same) == 1 and plain_word(word) else None


@dataclasses.dataclass(frozen=True)
class Node:
    """A value of the file with its dotted path and its place.

    Attributes:
      value: a scalar, a dict of nodes or a list of nodes.
      path: dotted path from the top of the file, "" for the top itself.
      place: "FILE:LINE" or "--set PATH".
    """

    value: Any
    path: str
    place: str

    def error(self, message: str) -> StudyError:
        """Return the error that says where, in which field, and `message`."""
        field = f"`{self.path}` " if self.path else ""
        return StudyError(f"{self.place}: {field}{message}")

    def fail(self, message: str) -> NoReturn:
        """Raise `error(message)`.

        Raises:
          StudyError: always.
        """
        raise self.error(message)

    def plain(self) -> Any:
        """Return the value as plain dicts, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def described(self) -> str:
        """Say what the value is, for an error message."""
        if isinstance(self.value, dict):
            return "a mapping"
        if isinstance(self.value, list):
            return "a list"
        return "empty" if self.value is None else shown(self.value)

    def mapping(self, known: Iterable[str] | None = None) -> Mapping[str, "Node"]:
        """Return the children of a mapping; with `known`, refuse any other key."""
        if not isinstance(self.value, dict):
            self.fail(f"must be a mapping of fields, but is {self.described()}")
        if known is not None:
            names = list(known)
            for key, node in self.value.items():
                if key not in names:
                    node.fail(f"is not a known field{did_you_mean(key, names)}")
        return self.value

    def items(self) -> list["Node"]:
        """Return the children of a list that must not be empty."""
        if not isinstance(self.value, list) or not self.value:
            what = "an empty list" if self.value == [] else self.described()
            self.fail(f"must be a list, but is {what}")
        return self.value

    def text(self) -> str:
        """Return the value of a node that must be text."""
        if not isinstance(self.value, str) or not self.value.strip():
            self.fail(f"must be text, but is {self.described()}")
        return self.value.strip()

    def one_of(self, known: Iterable[str], what: str) -> str:
        """Return the one of the `known` words that a node must be, case aside."""
        names, word = list(known), self.text()
        found = alike(word, names)
        if found is None:
            near = did_you_mean(word, names)
            self.fail(f"must be a known {what}, but is {shown(word)}{near}")
        return found
