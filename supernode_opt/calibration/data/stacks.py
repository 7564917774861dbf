"""What documentation says of the software that published runs were made with.

Overlap, schedule, dispatcher and graph capture are declared per stack, or read from the
row; they are never fitted.
"""

import dataclasses
import difflib
import functools
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any, NamedTuple

from supernode_opt import catalog
from supernode_opt.calibration.data.runs import Refused, Run
from supernode_opt.reading.folder import plain_yaml, remembered
from supernode_opt.reading.node import did_you_mean, shown


class Measured(NamedTuple):
    """What kernels or collectives of a stack tell of one fitted constant.

    Attributes:
      value: of the constant, in its unit; of attention what sequences of `tokens`
        reach, short as they are.
      spread: standard deviation of its logarithm [1].
      source: where it was measured, and how well it fits.
      tokens: length of the sequences that were measured, 0 where it does not count.
    """

    value: float
    spread: float
    source: str
    tokens: float = 0.0


@dataclasses.dataclass(frozen=True)
class Stack:
    """A training stack as its documentation describes it.

    Attributes:
      name: identifier.
      maker: "user" where others than the makers of the chip tuned it, else "".
      base: catalog software whose unfitted constants it takes, "" for the software
        of the row's own machine.
      constants: stack whose fitted constants it shares, "" for its own.
      alike: stack that is the same software on other chips, "" for none; distances from
        measured runs count it as that.
      tensor_overlap, data_overlap, expert_overlap: whether the stack hides them.
      flash: attention keeps no scores.
      attention_reach: tokens that its attention looks back at most, 0 for all [1].
      fused_dispatch: experts are reached by a fused dispatch kernel.
      sequence_parallel: on where a row does not say.
      sharding: optimizer sharding where a row does not say.
      interleaves: whether the stack can interleave pipeline stages.
      interleave_unreliable, expert_unreliable: an interleave, or an expert parallel
        size, of 1 in its tables may mean "not stated".
      full_recompute: its recipes recompute whole layers, not only modules.
      module_recompute: it recomputes modules, not only whole layers.
      expert_tensor: experts are split over tensor ranks where a row does not say.
      expert_default: expert parallel size where a row does not say, 0 for what the
        model chooses [1].
      capacity: room of every expert over its mean load, which is filled up with
        padding, where tokens beyond it are dropped [1].
      compiled: one compiler fuses everything, attention with capped scores included.
      usual: how it is usually run, first match first: `says` in the words of the
        column `other_config`, where the cells of a job fit the patterns of `match`.
      head_weighed: its stages are cut by parameters, the LM head among them.
      logs_first: what it logs is of its first rank, which holds the first stage.
      plain_pipelines: share of runs that start where several replicas without sharding
        have several pipeline stages [1].
      recompute: what it recomputes where a row does not say, and where it says
        "selective", "" for what the model chooses, in the words of that column.
      rank_by_rank: optimizer states are exchanged by one broadcast per rank.
      eager: kernels are issued one by one while the device runs, see `system.eager`.
      bubble_share: pipeline bubble over that of 1F1B [1].
      pipeline_copies: of weights and gradients that its schedule needs [1].
      gradient_bytes: of stored and reduced gradients [B].
      training: other fields of `Training` as its recipes have them, in SI.
      tuning: those of its recipes for fine-tuning, in SI.
      software: constants of `Software` that its documentation gives, in SI.
      worded: what changes `training` and `software` where the cells of a row that tells
        of memory fit the patterns of `match`, first match alone.
      scale_out_bandwidth: network of its cluster per chip, 0 for the machine's [B/s].
      scale_up_domain: of its cluster, 0 for the machine's [1].
      measured: what its kernels tell of fitted constants, each a list of `Measured`;
        it counts where no run of the stack was fitted.
      step_overhead: fixed time per step, `None` for the fitted one [s].
    """

    name: str
    base: str
    constants: str = ""
    alike: str = ""
    maker: str = ""
    tensor_overlap: bool = False
    data_overlap: bool = True
    expert_overlap: bool = False
    flash: bool = True
    attention_reach: float = 0.0
    fused_dispatch: bool = False
    sequence_parallel: bool = True
    sharding: str = "zero1"
    interleaves: bool = True
    interleave_unreliable: bool = False
    expert_unreliable: bool = False
    full_recompute: bool = True
    module_recompute: bool = True
    expert_tensor: bool = False
    expert_default: float = 0.0
    capacity: float = 1.0
    compiled: bool = False
    head_weighed: bool = False
    logs_first: bool = False
    plain_pipelines: float = 1.0
    recompute: str = ""
    usual: tuple[Mapping[str, Any], ...] = ()
    rank_by_rank: bool = False
    eager: bool = False
    bubble_share: float = 1.0
    pipeline_copies: float = 1.0
    gradient_bytes: float = 4.0
    training: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    tuning: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    software: Mapping[str, float] = dataclasses.field(default_factory=dict)
    worded: tuple[Mapping[str, Any], ...] = ()
    scale_out_bandwidth: float = 0.0
    scale_up_domain: float = 0.0
    measured: Mapping[str, Sequence[Mapping[str, Any]]] = dataclasses.field(
        default_factory=dict
    )
    step_overhead: float | None = None

    @property
    def states(self) -> Mapping[str, Any]:
        """Fields of `Training` that it documents, in SI."""
        return {"gradient_bytes": self.gradient_bytes, **self.training}

    @property
    def kernels(self) -> tuple[tuple[str, Measured], ...]:
        """Fitted constants that its kernels tell, once for each measurement."""
        every = self.measured.items()
        return tuple((name, Measured(**one)) for name, all_ in every for one in all_)

    @property
    def fitted(self) -> str:
        """Name of the stack whose fitted constants it has."""
        return self.constants or self.name

    @property
    def counted(self) -> str:
        """Name of the stack among whose runs its own would count."""
        return self.alike or self.fitted

    def of(self, run: Run) -> "Stack":
        """Return the stack as it was run in a row that tells of memory."""
        if not run.tells_memory:
            return self
        for one in self.worded:
            if _fit(run, one["match"], {}):
                training = {**self.training, **one.get("training", {})}
                software = {**self.software, **one.get("software", {})}
                return dataclasses.replace(self, training=training, software=software)
        return self


def _fit(run: Run, patterns: Mapping[str, str], cells: Mapping[str, str]) -> bool:
    """Tell whether cells of a row, or `cells` in their place, fit patterns."""
    return all(
        re.search(pattern, cells.get(column, run.text(column)), re.IGNORECASE)
        for column, pattern in patterns.items()
    )


# How a stack is found: by patterns of cells, or by other names.
_FINDS = ("match", "aliases")


@functools.cache
def _document() -> Mapping[str, Mapping]:
    file = resources.files("supernode_opt.calibration.data").joinpath("stacks.yaml")
    return remembered(file.read_bytes(), plain_yaml)


@functools.cache
def stacks() -> Mapping[str, Stack]:
    """Return every declared stack by name."""
    return {
        name: Stack(name, **{k: v for k, v in written.items() if k not in _FINDS})
        for name, written in _document().items()
    }


def machine(label: str) -> str:
    """Return the catalog system that an `accelerator` cell names, itself or its chip.

    Raises:
      LookupError: there is none; the text says which name is nearest.
    """
    found = catalog.called("system", label)
    if found is None:
        known = [*catalog.names("system"), *catalog.names("chip")]
        near = difflib.get_close_matches(label.split(" (")[0], known, n=1)
        advice = f"; did you mean {near[0]!r}?" if near else ""
        raise LookupError(f"unknown accelerator {label!r}{advice}")
    return found


def unfitted(base: str) -> str:
    """Return the kind of catalog entry that has the unfitted constants of `base`.

    Shipped software is declared before it is fitted; that of a machine of one's own
    has one entry alone.
    """
    declared = base in catalog.names("declared_software")
    return "declared_software" if declared else "software"


def accelerator(run: Run) -> str:
    """Return what a row calls its accelerator, its system and the chip of that."""
    label = run.text("accelerator")
    found = catalog.called("system", label)
    return label if found is None else f"{label} {found} {catalog.system(found).chip}"


def named(name: str) -> Stack:
    """Return the stack that a column or a study names.

    Raises:
      LookupError: there is none; the text says which name is nearest.
    """
    known = known_stacks()
    if name.lower() in known:
        return stacks()[known[name.lower()]]
    near = did_you_mean(name.lower(), known)
    raise LookupError(f"unknown stack {shown(name)}{near}")


@functools.cache
def known_stacks() -> Mapping[str, str]:
    """Return the stack behind every name and alias."""
    return {
        alias: name
        for name, written in _document().items()
        for alias in (name, *written.get("aliases", ()))
    }


def stack_of(run: Run, assumed: list[str]) -> Stack:
    """Find the stack of a row: the one it names, or the first its cells match.

    Raises:
      Refused: it names one that is not known.
    """
    if run.text("stack"):
        try:
            return named(run.text("stack"))
        except LookupError as error:
            raise Refused(str(error)) from None
    cells = {"accelerator": accelerator(run)}
    for name, written in _document().items():
        # A stack without patterns is found by its name alone.
        if "match" in written and _fit(run, written["match"], cells):
            if not written["match"]:
                said = run.text("source") or "nothing"
                assumed.append(f"stack {name}: the source says {shown(said)}")
            return stacks()[name]
    raise LookupError("the last stack must match every row")
