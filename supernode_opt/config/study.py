"""A study: one question, read from one file, ready to be answered."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from supernode_opt import catalog
from supernode_opt.config import forgiving, goal, legality, override
from supernode_opt.config.origins import read_origins
from supernode_opt.config.records import named, read_record, read_value
from supernode_opt.config.scenario import read_scenario
from supernode_opt.config.software import Chosen
from supernode_opt.config.variables import read_variables
from supernode_opt.problem.constraints import is_robust
from supernode_opt.problem.problem import Problem
from supernode_opt.reading.node import Node, StudyError
from supernode_opt.search.rules import WORDS, idle
from supernode_opt.search.settings import Settings, out_of_range

SECTIONS = (
    "name",
    "question",
    "system",
    "model",
    "models",
    "training",
    "serving",
    "scenario",
    "practice",
    "design",
    "objective",
    "constraints",
    "solver",
    "seed",
    "provenance",
    "sweep",
    "pareto",
)
# In place of `model`: one machine for several of them.
MODELS = "models"
NEEDED = ("system", "model", "objective")
# What a machine does: one of them.
JOBS = ("training", "serving")


@dataclasses.dataclass(frozen=True)
class Study:
    """A question with everything decided that is not to be found.

    Attributes:
      name: of the folder with the answer.
      question: in words, for people.
      system: the catalog system it starts from.
      problem: what is given, chosen and wanted.
      settings: of the solver.
      seed: of the random starts.
      chosen: how its software was chosen, and what was assumed.
    """

    name: str
    question: str
    system: str
    problem: Problem
    settings: Settings
    seed: int
    chosen: Chosen = dataclasses.field(compare=False)

    @property
    def free(self) -> tuple[str, ...]:
        """Names of what is to be found."""
        problem = self.problem
        return tuple(v.name for v in (*problem.variables, *problem.choices))


def load(
    path: Path | str, overrides: Sequence[str] = (), *, seed: int | None = None
) -> Study:
    """Read the study at `path`, changed by `PATH=VALUE` overrides and `seed`.

    Raises:
      StudyError: anything in it cannot be used; the text is one line.
    """
    return understand(*document_of(path, overrides, seed))


def document_of(
    path: Path | str, overrides: Sequence[str], seed: int | None
) -> tuple[Node, str]:
    """Return the document that `load` understands, and what it is called if not by it.

    Raises:
      StudyError: it cannot be read, or so changed.
    """
    more = [] if seed is None else [f"seed={seed}"]
    top = override.read(path, [*overrides, *more])
    return top, default_name(path, ("study", "question"), "study")


def default_name(path: Path | str, general: Sequence[str], otherwise: str) -> str:
    """Return what the answer to the file at `path` is called if it does not say.

    Names of files that are `general` say nothing; their folder does.
    """
    path = Path(path)
    stem = path.absolute().parent.name if path.stem in general else path.stem
    return re.sub(r"[^\w.-]", "_", stem).lstrip(".") or otherwise


def sections_of(
    top: Node, what: str, known: Sequence[str], needed: Sequence[str]
) -> Mapping[str, Node]:
    """Return the sections of a document, called `what` in errors.

    Raises:
      StudyError: one is not `known`, or one that is `needed` is not there.
    """
    sections = top.mapping(known)
    for name in needed:
        if name not in sections:
            raise StudyError(f"{top.place}: {what} lacks `{name}`")
    return sections


def asks_for_several(top: Node) -> bool:
    """Tell whether a document asks for one machine for several models."""
    return isinstance(top.value, dict) and MODELS in top.value


def refuse_several(top: Node) -> None:
    """Refuse a study of several models where one is asked for.

    Raises:
      StudyError: it has `models`.
    """
    if asks_for_several(top):
        top.value[MODELS].fail(
            "asks for one machine for several jobs, which `run` answers; name one"
            " `model` here"
        )


def understand(top: Node, default_name: str = "study", *, judged: bool = True) -> Study:
    """Make a study of a document.

    Args:
      top: the document.
      default_name: what the answer is called if it does not say.
      judged: whether frozen values that cannot be true together are refused; who
        judges many designs at once does it himself.

    Raises:
      StudyError: anything in it cannot be used; the text is one line.
    """
    top = forgiving.canonical(top)
    refuse_several(top)
    sections = sections_of(top, "the study", SECTIONS, NEEDED)
    _one_job(top, sections)
    name = sections["name"].text() if "name" in sections else default_name
    if not re.fullmatch(r"\w[\w.-]{0,99}", name):
        at = sections.get("name", top)
        at.fail("must be a folder name of letters, digits, `_`, `-` and `.`")
    question = sections["question"].text() if "question" in sections else ""
    system_name = named(sections["system"], "system")
    system = catalog.system(system_name)
    scenario, software = read_scenario(sections, system)
    goal.refuse_foreign(sections, scenario)
    design = sections.get("design", Node({}, "design", top.place))
    chosen = read_variables(design, _networked(system, software), scenario)
    if judged:
        legality.check(design, chosen.fixed, chosen.scenario)
    problem = Problem(
        scenario=chosen.scenario,
        fixed=chosen.fixed,
        variables=chosen.variables,
        choices=chosen.choices,
        objective=goal.read_objective(sections["objective"]),
        constraints=goal.read_constraints(
            sections.get("constraints"), chosen.scenario.chip, chosen.least_chips
        ),
        origins=read_origins(sections, system, chosen.scenario, chosen.fixed, software),
        chance=goal.read_chance(sections.get("constraints")),
    )
    settings = _settings(sections.get("solver"))
    if settings.draws is not None and not is_robust(problem):
        sections["solver"].mapping()["draws"].fail(
            "has no effect: neither a quantile nor a probability is asked for"
        )
    return Study(
        name=name,
        question=question,
        system=system_name,
        problem=problem,
        settings=settings,
        seed=_seed(sections.get("seed")),
        chosen=software,
    )


def _one_job(top: Node, sections: Mapping[str, Node]) -> None:
    """Refuse a study that says nothing of what its machine does, or two things."""
    found = [name for name in JOBS if name in sections]
    if not found:
        raise StudyError(f"{top.place}: the study lacks `training` or `serving`")
    if len(found) > 1:
        sections["serving"].fail(
            "stands beside `training`: a machine trains or serves; ask of each in a"
            " study of its own"
        )


def refuse_draws(study: Study, what: str) -> None:
    """Refuse a study that asks about draws where `what` takes constants as they are.

    Raises:
      StudyError: it asks for a quantile or a probability.
    """
    if is_robust(study.problem):
        quantile = study.problem.objective.quantile
        field = "constraints.probability" if quantile is None else "objective.quantile"
        raise StudyError(
            f"{study.name}: `{field}` has no effect on {what}, for which nothing is"
            " drawn"
        )


def _networked(system: catalog.System, software: Chosen) -> catalog.System:
    """Return the machine with the network of the cluster that its stack ran on."""
    stack = None if software.practice is None else software.stack
    if stack is None or not stack.scale_out_bandwidth:
        return system
    network = {"scale_out_bandwidth": stack.scale_out_bandwidth}
    follows = tuple(f for f in system.follows if f not in network)
    return dataclasses.replace(
        system, design={**system.design, **network}, follows=follows
    )


def _settings(node: Node | None) -> Settings:
    if node is None:
        return Settings()
    written = node.mapping([field.name for field in dataclasses.fields(Settings)])
    for name, known in WORDS.items():
        if name in written:
            written[name].one_of(known, name)
    settings = read_record(node, Settings, Settings())
    values = vars(settings)
    for name, child in written.items():
        if said := out_of_range(name, values[name]):
            child.fail(f"{said}, but is {child.described()}")
    if found := idle(written, values):
        written[found[0]].fail(f"has no effect: {found[1]}")
    return settings


def _seed(node: Node | None) -> int:
    if node is None:
        return 0
    if isinstance(node.value, bool) or not isinstance(node.value, int):
        node.fail(f"must be a whole number, but is {node.described()}")
    value = read_value(node, int)
    if not 0 <= value < 2**31:
        node.fail(f"must be from 0 to {2**31 - 1}, but is {value}")
    return value
