"""Units as people write them, spelled the way the rest of the program spells them.

Case is forgiven only where it decides nothing: `tflops`, `kw`, `mhz` have one meaning.
Between bits and bytes it does decide: `Gb` is gigabit and `GB` gigabyte, `gb` is a
gigabyte where an amount is asked for.  A rate in `gb/s` and an amount in `Gb` are
refused, because people write them for either.
"""

import re
from collections.abc import Callable

_PREFIX = {
    "kilo": "k",
    "mega": "M",
    "giga": "G",
    "tera": "T",
    "peta": "P",
    "exa": "E",
    "kibi": "Ki",
    "mebi": "Mi",
    "gibi": "Gi",
    "tebi": "Ti",
    "pebi": "Pi",
    "exbi": "Ei",
}
_LONG = "|".join(_PREFIX)
# Words that have one meaning whatever their case, in the units of this field.
_WORDS = {
    "usd": "USD",
    "us$": "USD",
    "$": "USD",
    "dollar": "USD",
    "dollars": "USD",
    "w": "W",
    "kw": "kW",
    "gw": "GW",
    "khz": "kHz",
    "mhz": "MHz",
    "ghz": "GHz",
    "hz": "Hz",
    "nsec": "ns",
    "usec": "us",
    "msec": "ms",
    "sec": "s",
    "secs": "s",
    "lpm": "LPM",
    "fit": "FIT",
    "pj": "pJ",
    "tok": "token",
    "toks": "token",
    "percent": "percent",
}
_CELSIUS = re.compile(r"(°|deg(rees?)? ?)?c(elsius)?", re.IGNORECASE)
_PER_SECOND = r"\s*/\s*s(ec(onds?)?)?\b"
_FLOP = re.compile(rf"\b([kmgtpez]?)flop(s?)\b(?!{_PER_SECOND})", re.IGNORECASE)
_FLOP_OVER = re.compile(rf"\b([kmgtpez]?)flops?\b(?={_PER_SECOND})", re.IGNORECASE)
_DATA_LONG = re.compile(rf"\b({_LONG})[ -]?(bit|byte)s?\b", re.IGNORECASE)
_DATA_MIXED = re.compile(r"\b([kmgtpe]i?)(bit|byte)s?\b", re.IGNORECASE)
_PER_SECOND_DATA = re.compile(r"\b([kmgtpe]i?)(b)(ps)\b", re.IGNORECASE)
_BINARY = re.compile(r"\b([kmgtpe])i([bB])\b", re.IGNORECASE)
_LOWER = re.compile(r"\b[kmgtpe]b\b")
_UPPER = re.compile(r"\b([KMGTPE])([Bb])\b")
_WORD = re.compile(r"US\$|\$|[A-Za-z]+")


class Ambiguous(ValueError):
    """A unit that people write for two things; the text says which."""


def spelled(written: str, wanted: str) -> str:
    """Return the unit `written` by people as the units of this field are written.

    >>> spelled("TFLOPS", "flop/s"), spelled("Gbps", "B/s"), spelled("gb", "B")
    ('(Tflop/s)', '(Gbit/s)', 'GB')

    Args:
      written: by people, without the number.
      wanted: base SI unit of what is asked for.

    Raises:
      Ambiguous: it may count bits or bytes.
    """
    if wanted == "K" and _CELSIUS.fullmatch(written):
        return "degC"
    text = written.replace("μ", "u").replace("µ", "u")
    text = re.sub(r"(?<=/)\s*S\b", "s", text)
    # A plural that no time follows is the rate that people mean by FLOPS.
    text = _FLOP_OVER.sub(lambda m: f"{_of(m[1])}flop", text)
    text = _FLOP.sub(_flops(wanted), text)
    text = _DATA_LONG.sub(lambda m: _data(_PREFIX[m[1].lower()], m[2]), text)
    text = _DATA_MIXED.sub(lambda m: _data(_of(m[1]), m[2]), text)
    text = _PER_SECOND_DATA.sub(_rate, text)
    text = _BINARY.sub(lambda m: _of(m[1] + "i") + _bytes(m[0], "B", wanted), text)
    text = _LOWER.sub(lambda m: f"{_of(m[0][0])}{_bytes(m[0], 'B', wanted)}", text)
    text = _UPPER.sub(lambda m: _amount(m, wanted), text)
    return _WORD.sub(lambda m: _WORDS.get(m[0].lower(), m[0]), text)


def _of(prefix: str) -> str:
    """Return a prefix in the case it has in SI."""
    first = prefix[:1].upper()
    return ("k" if first == "K" and len(prefix) == 1 else first) + prefix[1:].lower()


def _flops(wanted: str) -> Callable[[re.Match[str]], str]:
    def rate(found: re.Match[str]) -> str:
        amount = f"{_of(found[1])}flop"
        return f"({amount}/s)" if found[2] and "flop/s" in wanted else amount

    return rate


def _data(prefix: str, kind: str) -> str:
    return f"{prefix}{'bit' if kind.lower() == 'bit' else 'B'}"


def _rate(found: re.Match[str]) -> str:
    """Return Gbps, or GBps; GBPS may be either."""
    if found[2] == "B" and found[3] == "PS":
        raise Ambiguous(_either(found[0], f"{_of(found[1])}"))
    return f"({_of(found[1])}{'B' if found[2] == 'B' else 'bit'}/s)"


def _bytes(said: str, kind: str, wanted: str) -> str:
    """Return the letter of bytes where a lower-case `b` must mean them.

    Raises:
      Ambiguous: it stands in a rate.
    """
    if said[-1] == "b" and said[0].isupper():
        return "b"
    if said[-1] == "b" and "/s" in wanted:
        raise Ambiguous(_either(f"{said}/s", _of(said[:-1])))
    return kind


def _amount(found: re.Match[str], wanted: str) -> str:
    """Return GB or Gb; an amount of bytes is hardly meant in bits.

    Raises:
      Ambiguous: it is one, in bits.
    """
    prefix = _of(found[1])
    if found[2] == "b" and "B" in wanted and "/s" not in wanted:
        said = f"{found[0]} may be bits or bytes"
        raise Ambiguous(f"{said}: write {prefix}bit or {prefix}B")
    return f"{prefix}{found[2]}"


def _either(said: str, prefix: str) -> str:
    return f"{said} may be bits or bytes: write {prefix}bit/s or {prefix}B/s"
