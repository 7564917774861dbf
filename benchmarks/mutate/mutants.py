"""Every small fault that can be planted in a module, as one replaced line.

A fault is one token: an operator, a number, a function for its opposite, a dropped
term, a name for its neighbour.  Declarations of records, annotations, messages and
decorators are left alone: schemas and sentences are tested, but are no formulas.
"""

import ast
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "-",
    ast.Sub: "+",
    ast.Mult: "/",
    ast.Div: "*",
    ast.Pow: "*",
    ast.FloorDiv: "*",
    ast.Mod: "*",
    ast.BitAnd: "|",
    ast.BitOr: "&",
}
_SYMBOLS: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Pow: "**",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.BitAnd: "&",
    ast.BitOr: "|",
}
_COMPARISONS: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", ">="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", "<="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
}
_OPPOSITES = {
    "maximum": "minimum",
    "minimum": "maximum",
    "max": "min",
    "min": "max",
    "ceil": "floor",
    "floor": "ceil",
    "all": "any",
    "any": "all",
    "argmin": "argmax",
    "argmax": "argmin",
    "log": "exp",
    "exp": "log",
    "zeros_like": "ones_like",
    "ones_like": "zeros_like",
}
# What declares a field instead of computing anything.
_DECLARING = ("quantity", "reported", "static", "flag", "field")


@dataclass(frozen=True)
class Mutant:
    """One fault.

    Attributes:
      path: of the module, from the root of the tree.
      line: number of the line, from 1.
      before, after: the line as it is and as it is made.
      statement: lines that run if this one does.
      inside: whether it stands in a function.
    """

    path: str
    line: int
    before: str
    after: str
    statement: tuple[int, ...] = ()
    inside: bool = True

    def __str__(self) -> str:
        """Write the place and both lines."""
        return f"{self.path}:{self.line}\n  - {self.before}\n  + {self.after}"

    def planted(self, source: str) -> str:
        """Return `source` with the fault in it."""
        lines = source.splitlines(keepends=True)
        old = lines[self.line - 1]
        indent = old[: len(old) - len(old.lstrip())]
        lines[self.line - 1] = f"{indent}{self.after}\n"
        return "".join(lines)


class _Faults(ast.NodeVisitor):
    """Collect (first column, last column, text) of every fault by line."""

    def __init__(self, source: str) -> None:
        self.lines = [line.encode() for line in source.splitlines()]
        self.found: list[tuple[int, int, int, str]] = []
        self.functions: list[dict[str, set[str]]] = []

    def _text(self, node: ast.expr) -> str:
        return self.lines[node.lineno - 1][
            node.col_offset : node.end_col_offset
        ].decode()

    def _put(self, node: ast.expr, text: str) -> None:
        if node.lineno == node.end_lineno:
            place = (node.lineno, node.col_offset, node.end_col_offset or 0)
            self.found.append((*place, text))

    def _between(self, left: ast.expr, right: ast.expr, old: str, new: str) -> None:
        """Replace the operator between two operands, if all are on one line."""
        start, end = left.end_col_offset or 0, right.col_offset
        if left.end_lineno != right.lineno:
            return
        middle = self.lines[right.lineno - 1][start:end].decode()
        if middle.count(old) == 1:
            text = middle.replace(old, new)
            self.found.append((right.lineno, start, end, text))

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for inner in ast.walk(node):
            if isinstance(inner, ast.FunctionDef):
                self.visit(inner)
            elif isinstance(inner, ast.Lambda):
                self.visit(inner.body)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        fields: dict[str, set[str]] = {}
        for inner in ast.walk(node):
            if isinstance(inner, ast.Attribute) and isinstance(inner.value, ast.Name):
                fields.setdefault(inner.value.id, set()).add(inner.attr)
        self.functions.append(fields)
        for statement in node.body:
            self.visit(statement)
        self.functions.pop()

    def visit_keyword(self, node: ast.keyword) -> None:
        """Leave `zip`'s guard alone: correct programs never need it."""
        if node.arg != "strict":
            self.visit(node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_Raise(self, node: ast.Raise) -> None:
        """Leave messages alone."""

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Leave sentences alone."""

    def visit_BinOp(self, node: ast.BinOp) -> None:
        kind = type(node.op)
        if kind in _OPERATORS:
            self._between(node.left, node.right, _SYMBOLS[kind], _OPERATORS[kind])
            if kind in (ast.Add, ast.Sub, ast.Mult, ast.Div):
                self._put(node, self._text(node.left))
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, (ast.USub, ast.Not)):
            self._put(node, self._text(node.operand))
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        if len(node.ops) == 1 and type(node.ops[0]) in _COMPARISONS:
            old, new = _COMPARISONS[type(node.ops[0])]
            self._between(node.left, node.comparators[0], old, new)
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        self._between(node.values[0], node.values[1], old, new)
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        value = node.value
        if isinstance(value, bool):
            self._put(node, str(not value))
        elif isinstance(value, int):
            # One more of many changes nothing: of a size, a limit, an effort.
            self._put(node, str(value + 1 if value < 10 else 2 * value))
        elif isinstance(value, float):
            self._put(node, repr({0.0: 1.0, 1.0: 2.0}.get(value, 2.0 * value)))

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func
        called = name.attr if isinstance(name, ast.Attribute) else ""
        called = name.id if isinstance(name, ast.Name) else called
        if called in _DECLARING:
            return
        if called in _OPPOSITES:
            self._put(name, self._text(name)[: -len(called)] + _OPPOSITES[called])
        if called == "where" and len(node.args) == 3 and not node.keywords:
            test, yes, no = (self._text(a) for a in node.args)
            self._put(node, f"{self._text(name)}({test}, {no}, {yes})")
        self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if isinstance(node.value, ast.Name) and self.functions:
            base = node.value.id
            others = sorted(self.functions[-1].get(base, set()) - {node.attr})
            if others and base not in ("jnp", "np", "jax", "math", "itertools"):
                after = [name for name in others if name > node.attr] + others
                self._put(node, f"{base}.{after[0]}")
        self.generic_visit(node)


def _statements(tree: ast.Module) -> dict[int, tuple[tuple[int, ...], bool]]:
    """Return lines of the statement around each line, and if a function holds it."""
    found: dict[int, tuple[tuple[int, ...], bool]] = {}

    def visit(node: ast.AST, inside: bool) -> None:
        inside = inside or isinstance(node, ast.FunctionDef)
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.stmt):
                body = getattr(child, "body", None)
                last = body[0].lineno - 1 if body else child.end_lineno or 0
                lines = tuple(range(child.lineno, max(last, child.lineno) + 1))
                found.update(dict.fromkeys(lines, (lines, inside)))
            visit(child, inside)

    visit(tree, False)
    return found


def mutants(root: Path, path: str) -> Iterator[Mutant]:
    """Yield every fault that can be planted in the module at `path` below `root`."""
    source = (root / path).read_text()
    faults, tree = _Faults(source), ast.parse(source)
    faults.visit(tree)
    statements = _statements(tree)
    for line, start, end, text in sorted(set(faults.found)):
        whole = faults.lines[line - 1]
        after = (whole[:start] + text.encode() + whole[end:]).decode().strip()
        before = whole.decode().strip()
        try:
            ast.parse(Mutant(path, line, before, after).planted(source))
        except SyntaxError:
            continue
        if after != before:
            yield Mutant(path, line, before, after, *statements[line])


def draw(root: Path, rooms: list[str], count: int, seed: int) -> list[Mutant]:
    """Draw `count` lines of the rooms, and one fault on each."""
    by_line: dict[tuple[str, int], list[Mutant]] = {}
    for room in rooms:
        for file in sorted((root / "supernode_opt" / room).rglob("*.py")):
            for mutant in mutants(root, str(file.relative_to(root))):
                by_line.setdefault((mutant.path, mutant.line), []).append(mutant)
    chance = random.Random(seed)
    lines = chance.sample(sorted(by_line), min(count, len(by_line)))
    return [chance.choice(by_line[line]) for line in lines]
