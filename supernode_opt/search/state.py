"""A search under way as bytes, to go on with after any stop.

Arrays go as numpy writes them, everything else as JSON; nothing in it is ever executed.
"""

import io
import json
import zipfile
from typing import Any

import numpy as np

from supernode_opt.search.inner import MENDABLE, Solved
from supernode_opt.search.polish import Finalist
from supernode_opt.search.pursuit import Search
from supernode_opt.search.relaxed import RelaxedPoints
from supernode_opt.search.slsqp import Polished
from supernode_opt.search.streamed import Stream

_KINDS: dict[str, Any] = {
    kind.__name__: kind for kind in (Solved, Polished, Finalist, Stream, RelaxedPoints)
}
_TREE = "tree"
# Of what was solved and polished: enough to choose alternatives from.
_SOLVED, _FINALISTS = 8192, 256
_FIELDS = ("best", "solved", "finalists", "counts", "convex", "attempts", "polished")


class Unreadable(ValueError):
    """Bytes that hold no search."""


def trim(search: Search) -> None:
    """Forget what neither the answer nor its alternatives can come from.

    Done whenever a search could be saved, so that one that goes on is the same.
    """
    blocks = search.solved
    if sum(len(block.cost) for block in blocks) > _SOLVED:
        joined = {
            name: np.concatenate([block.columns[name] for block in blocks])
            for name in blocks[0].columns
        }
        rest = zip(*(block[1:] for block in blocks), strict=True)
        whole = Solved(joined, *(np.concatenate(parts) for parts in rest))
        order = np.lexsort((whole.estimate(), whole.violation() > MENDABLE))
        kept = np.sort(order[:_SOLVED])
        search.solved[:] = [whole.rows(kept)]
    if len(search.finalists) > _FINALISTS:
        ranked = sorted(
            range(len(search.finalists)),
            key=lambda k: (
                not search.finalists[k].ideal.feasible,
                search.finalists[k].ideal.cost,
            ),
        )
        kept_few = {*ranked[:_FINALISTS]}
        few = [f for k, f in enumerate(search.finalists) if k in kept_few]
        search.finalists[:] = few


def saved(search: Search, stream: Stream | None, asked: str) -> bytes:
    """Return a search as bytes.

    Args:
      search: under way.
      stream: how far its families have come, `None` before the first.
      asked: the question, to refuse to go on with another.
    """
    arrays: dict[str, np.ndarray] = {}
    tree = {name: _plain(getattr(search, name), arrays) for name in _FIELDS}
    whole = {"asked": asked, "search": tree, "stream": _plain(stream, arrays)}
    whole |= {"evaluations": search.tally.count}
    file = io.BytesIO()
    text = np.frombuffer(json.dumps(whole).encode(), np.uint8)
    np.savez(file, allow_pickle=False, **{_TREE: text}, **arrays)
    return file.getvalue()


def restored(content: bytes, search: Search) -> tuple[str, Stream | None]:
    """Bring `search` to where it was saved; return the question and the stream.

    Raises:
      Unreadable: the bytes hold no search.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            whole = json.loads(arrays[_TREE].tobytes())
            for name in _FIELDS:
                setattr(search, name, _made(whole["search"][name], arrays))
            # The same tally: evaluations are being counted into it.
            search.tally.count = int(whole["evaluations"])
            return whole["asked"], _made(whole["stream"], arrays)
    except (ValueError, KeyError, TypeError, OSError, zipfile.BadZipFile) as error:
        raise Unreadable(str(error)) from None


def _plain(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """Return `value` as JSON, its arrays put aside."""
    if isinstance(value, np.ndarray):
        arrays[f"a{len(arrays)}"] = value
        return {"array": f"a{len(arrays) - 1}"}
    if isinstance(value, np.generic):
        return _plain(value.item(), arrays)
    if isinstance(value, Finalist) and value.built is value.ideal:
        # Whether nothing had to be built is told by both being the same.
        return {"both": _plain(value.ideal, arrays)}
    name = type(value).__name__
    if name in _KINDS:
        tuples = (Solved, Polished, Finalist, RelaxedPoints)
        fields = value._asdict() if isinstance(value, tuples) else vars(value)
        return {"kind": name, "fields": _plain(fields, arrays)["dict"]}
    if isinstance(value, dict):
        made = [[key, _plain(item, arrays)] for key, item in value.items()]
        return {"dict": made}
    if isinstance(value, list | tuple):
        made = [_plain(item, arrays) for item in value]
        return {"list": made, "tuple": isinstance(value, tuple)}
    return value


def _made(value: Any, arrays: Any) -> Any:
    """Undo `_plain`."""
    if not isinstance(value, dict):
        return value
    if "array" in value:
        return arrays[value["array"]]
    if "both" in value:
        same = _made(value["both"], arrays)
        return Finalist(same, same)
    if "list" in value:
        items = [_made(item, arrays) for item in value["list"]]
        return tuple(items) if value["tuple"] else items
    items = value["fields"] if "kind" in value else value["dict"]
    named = {key: _made(item, arrays) for key, item in items}
    return _KINDS[value["kind"]](**named) if "kind" in value else named
