"""The one noun of the Python API: a study, and what can be asked of it."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from supernode_opt.api import fields
from supernode_opt.api.question import Question
from supernode_opt.api.values import written
from supernode_opt.api.verbs import verb
from supernode_opt.config import study as reading
from supernode_opt.reading.node import Node, StudyError

if TYPE_CHECKING:
    import xarray as xr

    from supernode_opt.answer.gradient import Slope
    from supernode_opt.api.designs import Evaluated
    from supernode_opt.api.fronts import Front
    from supernode_opt.api.gradients import Gradient
    from supernode_opt.api.solutions import Optimized

# What is sought where a study that is made in Python does not say.
_GOAL = {"maximize": "mfu"}


class Study(Question):
    """A question: machine, model, how it is trained, what is free and what is wanted.

    A study never changes; `set` returns another one.  It is understood when something
    is asked of it, so that several fields may be set one after the other.
    """

    def __init__(self, given: Mapping[str, Any] | None = None, /, **more: Any) -> None:
        """Make a study of its fields; the file format's own words are the keywords.

        Any section of a study file is a keyword (`system`, `model`, `training`,
        `design`, `constraints`, ...), and so is what stands in one: design fields
        (`tensor_parallel=8`), of training (`global_batch=1536`), parts of the scenario
        (`chip="h100_sxm"`), and `maximize` or `minimize`.  Where nothing is sought, MFU
        is.

        Args:
          given: fields by dotted path, such as `{"chip.tdp": "700 W"}`.
          **more: fields by name.  Values are words with a unit, numbers in the unit the
            field states (SI), numpy scalars or pint quantities; "free" or a mapping of
            `low` and `high` frees a number, a list an alternative.

        >>> study = Study(system="cloudmatrix384", model="pangu_ultra_moe_718b",
        ...     sequence_length=4096, global_batch=4608, chips=384)
        >>> study.problem.fixed["chips"], study.free[:2]
        (384.0, ('tensor_parallel', 'pipeline_parallel'))

        Raises:
          StudyError: there is no such field.
        """
        empty = Node({}, "", "Study")
        made = _changed(empty, given, more, "Study")
        if "objective" not in made.value:
            made = fields.put(made, "objective", written(_GOAL, "objective", "Study"))
        self._node, self._name = made, "study"

    def set(self, given: Mapping[str, Any] | None = None, /, **more: Any) -> "Study":
        """Return a study in which fields are set, or left to the catalog by `None`.

        Args:
          given: fields by dotted path, such as `{"chip.tdp": "700 W"}`.
          **more: fields by name, values as in `Study`.

        >>> study = Study(system="dgx_h100", model="llama3_70b", chips=64,
        ...     sequence_length=4096, global_batch=512)
        >>> study.set(clock=0.9, chips=128).problem.fixed["chips"]
        128.0
        >>> study.set(tensor_paralel=8)
        Traceback (most recent call last):
        ...
        supernode_opt.reading.node.StudyError: set: `tensor_paralel` is no field of a \
study (did you mean `tensor_parallel`?)

        Raises:
          StudyError: there is no such field.
        """
        return Study.of(_changed(self._node, given, more, "set"), self._name)

    def frozen(self) -> "Study":
        """Return the study with nothing free: the machine as built, its best split.

        What is free of the machine takes the value that the system is built with, or
        the nearest one allowed; what is free of the split takes the best of all legal
        splits.  That is no optimum of the study; `optimize` finds it.

        Raises:
          StudyError: no split is legal; the text says why.
        """
        from supernode_opt.api.freezing import frozen

        return frozen(self)

    def evaluate(self) -> "Evaluated":
        """Evaluate the study's design: step time, MFU, power, cost and what limits it.

        What is free is taken as `frozen` has it, and the answer says so.

        Returns:
          Every reported quantity, in SI by name, shown with units.

        >>> split = dict(pipeline_parallel=1, context_parallel=1, expert_parallel=1,
        ...     interleave=1, micro_batch=1, recompute="none",
        ...     optimizer_sharding="zero1", sequence_parallel="on")
        >>> study = Study(system="dgx_h100", model="llama3_8b", sequence_length=4096,
        ...     global_batch=64, chips=16, tensor_parallel=8, **split)
        >>> report = study.evaluate()
        >>> report.status, 0.2 < report.mfu < 0.5, report.quantity("power").units
        ('feasible', True, <Unit('watt')>)

        Raises:
          StudyError: anything in it cannot be used; the text is one line.
        """
        from supernode_opt.api.designs import evaluated

        return evaluated(self)

    def gradient(self, quantity: str | None = None) -> "Gradient":
        """Differentiate a quantity by every design field and every constant.

        Args:
          quantity: of the report, such as "tokens_per_s"; what is sought if not given.

        Returns:
          A table: value, derivative and elasticity of each, with units.

        Raises:
          StudyError: there is no such quantity.
        """
        from supernode_opt.api.gradients import gradient

        return gradient(self, quantity)

    def optimize(
        self,
        *,
        progress: bool | Callable[[Any], None] = True,
        start: "Optimized | str | Path | None" = None,
        resume: "str | Path | None" = None,
        **settings: Any,
    ) -> Any:
        """Find the best design and show how far it is the best.

        An interruption (Ctrl-C, or stopping the cell) ends the search with the best
        design that was built until then; its status is "stopped".

        Where `models` lists several, it is one machine for all of them, each with its
        own best split; the answer is told, saved and drawn as others are.

        Args:
          progress: whether to show a bar with the time left, or what to call.
          start: an earlier answer, or where one was saved, whose design to begin with.
          resume: folder in which a long search is kept; what is there goes on.
          **settings: of the solver, such as `starts=64`.

        Returns:
          The design with its certificate, prices and alternatives; of several models
          the machine, what each job reaches on it, and the certificate.

        Raises:
          StudyError: no design is legal whatever the limits, nothing is free, or the
            folder holds the search of another question.
          KeyboardInterrupt: it was interrupted before there was a design.
        """
        from supernode_opt.api.optimizing import optimized

        return optimized(self, progress, settings, start, resume)

    def pareto(
        self,
        *objectives: str | Mapping[str, str],
        out: Path | str | None = None,
        resume: bool = False,
        progress: bool | Callable[[str, float], None] = True,
        **settings: Any,
    ) -> "Front":
        """Find designs of which none is better in all that is wanted.

        Args:
          *objectives: two or three, such as "maximize:mfu" and "minimize:power"; those
            of the study's section `pareto` if not given.
          out: folder for the result, from which a stopped front can be resumed.
          resume: go on with what was stopped on the way to `out`.
          progress: whether to show a bar, or what to call with words and share done.
          **settings: of the section, such as `gap="0.5 %"`, `searches=12`.

        Returns:
          The front: designs, how far each is shown, slopes, knee, hypervolume.

        Raises:
          StudyError: an objective is no quantity, or nothing is free.
        """
        from supernode_opt.api.fronts import fronted

        return fronted(self, objectives, settings, out, resume, progress)

    def sweep(
        self, axes: Mapping[str, Any] | None = None, /, **more: Any
    ) -> "xr.Dataset":
        """Evaluate the study over ranges of its fields.

        Args:
          axes: values by dotted path of a field.
          **more: values by name of a field, and options: `samples`, `method`,
            `optimize`, `quantities`, `out`, `resume`, `workers`, `seed`, `progress`.

        Returns:
          A labelled dataset, one dimension per axis; `.so` draws it.

        Raises:
          StudyError: an axis is no field, or a value cannot be used.
        """
        from supernode_opt.api.sweeping import swept

        return swept(self, axes, more)

    def explore(self, *fields: str) -> Any:
        """Show sliders of design fields, and the answer as they are moved.

        Args:
          *fields: which ones; those that matter most of a machine if not given.

        Returns:
          A widget; its `study` is the study as the sliders have it.

        Raises:
          StudyError: ipywidgets is not installed, or a field is unknown.
        """
        from supernode_opt.api.exploring import explored

        return explored(self, fields)

    @verb
    def check(self) -> "list[Slope]":
        """Test the derivatives of what is sought against finite differences.

        Returns:
          One slope per free number: `automatic`, `difference` and whether it `agrees`.
        """
        from supernode_opt.answer.gradient import check

        return check(self.problem)

    def explain(self) -> str:
        """Return the answer in words: its design evaluated, limits, parts, evidence."""
        return self.evaluate().explain()

    def report(self, path: Path | str) -> Path:
        """Write the answer as one HTML file and return its path."""
        return self.evaluate().report(path)

    def __repr__(self) -> str:
        """Write what is asked in a few lines of at most 80 columns."""
        from supernode_opt.api.wording import study_lines

        return "\n".join(study_lines(self))

    def _repr_html_(self) -> str:
        from supernode_opt.api.wording import study_lines
        from supernode_opt.html.notebook import lines

        return lines(study_lines(self))


@verb
def load(
    path: Path | str, overrides: Sequence[str] = (), *, seed: int | None = None
) -> Study:
    """Read the study at `path`, changed by `PATH=VALUE` overrides and `seed`.

    Raises:
      StudyError: anything in it cannot be used; the text is one line.
    """
    made = Study.of(*reading.document_of(path, overrides, seed))
    # What cannot be used is told here, not at the first question.
    if reading.asks_for_several(made.document):
        from supernode_opt.joint.question import understood

        understood(made.document, made._name)
    else:
        _ = made.understood
    return made


def _changed(
    node: Node, given: Mapping[str, Any] | None, more: Mapping[str, Any], place: str
) -> Node:
    if given is not None and not isinstance(given, Mapping):
        raise StudyError(f"{place}: must be fields by name, but is {given!r}")
    for name, value in {**(given or {}), **more}.items():
        node = fields.put(node, str(name), written(value, str(name), place))
    return node
