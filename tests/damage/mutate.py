"""Damage to texts, bytes, words and trees, drawn from a seeded generator."""

import random
from typing import Any

import yaml

# What stands for a value in YAML, a cell in CSV or a word at the shell.
NASTY = (
    *(
        "",
        "~",
        "null",
        "[]",
        "{}",
        "[1, [2]]",
        "{a: {b: 1}}",
        "- 1",
        "'",
        '"',
        "|",
        ">",
    ),
    *("yes", "off", "true", "0", "-0", "-1", "1.5", "7/3", "0x1F", "1_000", "12:30:45"),
    *(".nan", ".inf", "-.inf", "nan", "inf", "1e999", "1e308", "-1e308", "1e-320"),
    *(
        "9" * 25,
        "9" * 400,
        "2024-01-01",
        "1e400 W",
        "3 parrots",
        "5 %",
        "700 GB",
        "1 m",
    ),
    *("W^9^9^9", "1 W**9", "1 kW kW kW", "free", "best", "x" * 3000, "\u202eabc", "é"),
    *("!!python/object:os.system x", "&a [*a]", "*b", "<<: {a: 1}", "../../x", "a=b"),
    *("\t", "\x00", "\x1b[31m", "%", "@", "`", "{low: 1}", "{low: 9, high: 1}"),
)
_BYTES = (b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\x1f\x8b\x08\x00", b"\r", b"\x80\n")


def bytes_of(random: random.Random, content: bytes) -> bytes:
    """Flip, cut, repeat or overwrite bytes."""
    made = bytearray(content)
    for _ in range(random.choice((1, 1, 2, 5, 40))):
        at = random.randrange(max(len(made), 1))
        kind = random.randrange(6)
        if kind == 0 and made:
            made[at] ^= 1 << random.randrange(8)
        elif kind == 1 and made:
            made[at] = random.randrange(256)
        elif kind == 2:
            del made[at : at + random.choice((1, 3, 50, 1000))]
        elif kind == 3:
            made[at:at] = random.choice(_BYTES)
        elif kind == 4:
            made[at:at] = made[at : at + random.choice((1, 20, 300))]
        elif random.random() < 0.2:
            del made[at:]
    return bytes(made)


def lines_of(random: random.Random, content: bytes) -> bytes:
    """Lose, double, swap, indent or overwrite lines and the values in them."""
    text = content.decode(errors="replace")
    lines = text.split("\n")
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        at, other = random.randrange(len(lines)), random.randrange(len(lines))
        kind = random.randrange(8)
        if kind == 0:
            lines[at] = ""
        elif kind == 1:
            lines.insert(other, lines[at])
        elif kind == 2:
            lines[at], lines[other] = lines[other], lines[at]
        elif kind == 3:
            lines[at] = random.choice(("  ", "\t", "- ")) + lines[at]
        elif kind == 4 and ":" in lines[at]:
            key, _, _ = lines[at].partition(":")
            lines[at] = f"{key}: {random.choice(NASTY)}"
        elif kind == 5 and "," in lines[at]:
            cells = lines[at].split(",")
            cells[random.randrange(len(cells))] = random.choice(NASTY)
            lines[at] = ",".join(cells)
        elif kind == 6 and "," in lines[at]:
            cells = lines[at].split(",")
            cut = random.randrange(len(cells))
            lines[at] = ",".join(cells[:cut] + cells[cut + random.randrange(3) :])
        else:
            words = lines[at].split(" ")
            words[random.randrange(len(words))] = random.choice(NASTY)
            lines[at] = " ".join(words)
    return "\n".join(lines).encode(errors="replace")


def bomb(random: random.Random, content: bytes) -> bytes:
    """Make a file that costs more than it looks."""
    kinds = (
        b"[" * 200_000,
        b"a: " + b"{a: " * 200_000,
        b"a: &a [x,x,x,x,x,x,x,x,x]\n"
        + b"".join(
            b"%c: &%c [%s]\n" % (98 + i, 98 + i, b",".join([b"*%c" % (97 + i)] * 9))
            for i in range(9)
        ),
        b"a: " + b"x" * 1_200_000,
        b"".join(b"k%d: 1\n" % i for i in range(40_000)),
        b"a,b\n" + b"1," * 200_000,
        b'a,b\n"' + b"x" * 300_000,
        b"",
        b"\n\n",
        b"\x1f\x8b\x08\x00" + content[:500],
        content.replace(b"\n", b"\r"),
        content + content,
        content.decode(errors="replace").encode("utf-16"),
    )
    return random.choice(kinds)


def tree_of(random: random.Random, content: bytes) -> bytes:
    """Change values and keys of a YAML mapping that stays YAML."""
    top = yaml.safe_load(content)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        holder, key = random.choice(list(_places(top)))
        kind = random.randrange(7)
        if kind == 0:
            del holder[key]
        elif kind == 1 and isinstance(holder, dict):
            name = str(key)
            at = random.randrange(len(name) or 1)
            holder[name[:at] + name[at + 1 :]] = holder.pop(key)
        elif kind == 2:
            holder[key] = [holder[key]]
        elif kind == 3:
            holder[key] = {"value": holder[key]}
        elif kind == 4 and isinstance(holder[key], int | float):
            holder[key] *= random.choice((-1, 0, 0.5, 1e-9, 1e3, 1e6, 1e12, 1e300))
        elif kind == 5:
            other, name = random.choice(list(_places(top)))
            # A copy, for dumped twice one object would become an alias.
            holder[key] = yaml.safe_load(yaml.safe_dump(other[name]))
        else:
            holder[key] = _value(random.choice(NASTY))
    return yaml.safe_dump(top, sort_keys=False, allow_unicode=True).encode()


def _value(text: str) -> Any:
    # A list in itself would have no end.
    text = text.replace("*a", "x")
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text


def _places(tree: Any) -> Any:
    items = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for key, value in list(items):
        yield tree, key
        if isinstance(value, dict | list):
            yield from _places(value)


def text_of(random: random.Random, content: bytes) -> bytes:
    """Damage a YAML text in any of these ways."""
    ways = (bytes_of, lines_of, lines_of, tree_of, tree_of, tree_of, tree_of)
    way = bomb if random.random() < 0.04 else random.choice(ways)
    return way(random, content)


def table_of(random: random.Random, content: bytes) -> bytes:
    """Damage a CSV text."""
    ways = (bytes_of, lines_of, lines_of, lines_of)
    way = bomb if random.random() < 0.06 else random.choice(ways)
    return way(random, content)
