"""What people call an entry: case, dashes, blanks, dots and the maker do not matter."""

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from supernode_opt.catalog.own import BadEntry

_MAKER = re.compile(r"^(nvidia|huawei|amd|google|intel|meta)")
# What a hub appends to a model whose shape it does not change.
_TUNED = re.compile(
    r"[-_ ](instruct|chat|base|hf|it|pt|thinking|bf16|fp8|fp4|nvfp4|mxfp4|mxfp8|int8"
    r"|int4|w8a8|w4a8|w4a16|awq|gptq|dynamic|quantized|[a-z]?[0-9]{4})$",
    re.IGNORECASE,
)
# Parameters that take part in a token, which a name may add to those in all.
_ACTIVE = re.compile(r"[-_ ]A[0-9.]+B$", re.IGNORECASE)
# Field of an entry with other names for it.
ALIASES = "aliases"


class UnknownEntry(BadEntry):
    """A name that the catalog does not hold."""


def unknown(what: str, name: str, known: tuple[str, ...]) -> UnknownEntry:
    """Word the error for `name`, which is none of the `known` names of `what`."""
    lower = {one.lower(): one for one in reversed(known)}
    close = difflib.get_close_matches(name.lower(), list(lower), n=1, cutoff=0.5)
    advice = (
        f"did you mean {lower[close[0]]!r}?" if close else f"known: {', '.join(known)}"
    )
    return UnknownEntry(f"unknown {what} {name!r}; {advice}")


def plain(name: str) -> str:
    """Return what is left of a name for comparison.

    >>> plain("NVIDIA A100-SXM4-80GB"), plain("a100_sxm4 80 GB")
    ('a100sxm480gb', 'a100sxm480gb')
    """
    return _MAKER.sub("", re.sub(r"[^a-z0-9]", "", name.casefold()))


def hub_name(name: str) -> str:
    """Return the name of a model on a hub without its owner and its tuning.

    >>> hub_name("meta-llama/Llama-3.1-70B-Instruct")
    'Llama-3.1-70B'
    """
    bare = name.rpartition("/")[2].strip()
    while (cut := _TUNED.sub("", bare)) != bare:
        bare = cut
    return bare


def without_active(name: str) -> str:
    """Return the name of a model without the parameters that take part in a token.

    >>> without_active("Qwen3.5-397B-A17B")
    'Qwen3.5-397B'
    """
    return _ACTIVE.sub("", name)


def words_of(name: str, written: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the name of an entry and its other names.

    Raises:
      BadEntry: these are no list of words.
    """
    others = written.get(ALIASES, []) if isinstance(written, Mapping) else []
    if not isinstance(others, list) or not all(isinstance(o, str) for o in others):
        raise BadEntry(f"`{name}.{ALIASES}` must be a list of names")
    return name, *others


def index(entries: Iterable[tuple[str, tuple[str, ...]]]) -> dict[str, str]:
    """Return the entry of the plain form of every word; the first has precedence."""
    found: dict[str, str] = {}
    for name, words in entries:
        for word in words:
            found.setdefault(plain(word), name)
    found.pop("", None)
    return found
