"""What is damaged: a valid input of every kind, and the command that reads it."""

import dataclasses
import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import xarray as xr
import yaml

from supernode_opt import catalog
from supernode_opt.problem.variables import NUMBER_NAMES
from tests.damage import mutate

ROOT = Path(__file__).parents[2]
LOGS = ROOT / "tests" / "logs" / "files"
CONFIGS = ROOT / "tests" / "catalog" / "configs"
Random = random.Random
STUDY = (Path(__file__).parents[1] / "cli" / "conftest.py").read_text()
STUDY = STUDY.split('STUDY = """\\\n')[1].split('"""')[0]
CHANGED = STUDY.replace(
    "design:",
    """\
scenario:
  chip: {tdp: 800 W, hbm_capacity: 120 GB}
  cooling: {base: cold_plate_cm384, price: 0.4 USD/W}
  facility: {pue: 1.2}
  memory_headroom: 6 %
design:
  chip.hbm_bandwidth: {value: 3 TB/s, low: 1 TB/s, high: 4 TB/s}""",
)


@dataclasses.dataclass(frozen=True)
class Case:
    """One command on damaged input.

    Attributes:
      words: of the command line.
      own: folder of an own catalog, "" for none.
    """

    words: tuple[str, ...]
    own: str = ""


@dataclasses.dataclass(frozen=True)
class Valid:
    """Where the valid inputs lie.

    Attributes:
      folder: to write damaged ones to.
      result: file of a result.
    """

    folder: Path
    result: Path


def study(random: Random, valid: Valid) -> Case:
    """Damage a study, and evaluate or check it."""
    files = sorted(ROOT.glob("experiments/*/*ed.yaml"))
    files += sorted(ROOT.glob("experiments/*/question.yaml"))
    texts = [STUDY.encode()] * 4 + [CHANGED.encode()] * 4
    texts += [file.read_bytes() for file in files]
    path = valid.folder / "study.yaml"
    path.write_bytes(mutate.text_of(random, random.choice(texts)))
    command = random.choice(("evaluate", "evaluate", "run"))
    return Case((command, str(path), "--json"))


def asked(random: Random, valid: Valid) -> Case:
    """Damage a comparison, an inversion or a crossover."""
    commands = {"compare": "compare", "invert": "invert", "domain": "invert"}
    files = sorted(ROOT.glob("experiments/*/*.yaml"))
    files = [f for f in files if b"systems:" in f.read_bytes()]
    file = random.choice(files)
    text = file.read_bytes()
    name = "crossover" if b"across:" in text else "compare"
    name = "invert" if b"constant:" in text and b"across:" not in text else name
    path = valid.folder / "asked.yaml"
    path.write_bytes(mutate.text_of(random, text))
    return Case((commands.get(name, name), str(path)))


def overrides(random: Random, valid: Valid) -> Case:
    """Set fields of a sound study to what they cannot be."""
    path = valid.folder / "sound.yaml"
    path.write_text(STUDY)
    fields = (
        *(f"design.{name}" for name in NUMBER_NAMES),
        *(f"scenario.{part}" for part in ("chip", "links", "rack", "software")),
        *("design.recompute", "design.scale_up_link", "training.precision", "model"),
        *("scenario.chip.tdp", "scenario.facility.pue", "scenario.software.straggler"),
        *("constraints.power.at_most", "objective", "objective.minimize", "seed"),
        *("solver.starts", "solver.temperature", "training.global_batch", "name"),
        *("design.chip.tdp", "design.links.lpo.energy", "model.layers", "question"),
        *("", ".", "a.b.c", "design.", "=", "design..x", "scenario.links.0.energy"),
    )
    words = ["evaluate", str(path), "--json"]
    for _ in range(random.choice((1, 1, 2, 3))):
        value = random.choice(mutate.NASTY)
        words += ["--set", f"{random.choice(fields)}={value}"]
    return Case(tuple(words))


def line(random: Random, valid: Valid) -> Case:
    """Mix the words of a command line."""
    path = valid.folder / "sound.yaml"
    path.write_text(STUDY)
    commands = ("run", "evaluate", "check", "plot", "explain", "validate", "calibrate")
    commands += ("compare", "invert", "crossover", "catalog", "schema", "measure")
    pipe = valid.folder / "pipe"
    if not pipe.exists():
        os.mkfifo(pipe)
    words = (
        *(str(path), str(valid.folder), "/dev/null", "/dev/full", "/", "", "nowhere"),
        *(str(pipe), "/dev/zero", "/proc/self/mem", f"--runs={pipe}", f"--runs={path}"),
        *("--json", "--out", "--set", "--seed", "--runs", "--platform", "--models"),
        *("--like", "--minutes", "--name", "--quick", "--intervals", "--markdown"),
        *("-1", "1e99", "chip", "system", "h100_sxm", "dgx_h100", "llama3_8b", "--"),
        *("a" * 5000, "\udcff", "--help", "--colour", "x=1", "-h", "chip.tdp=free"),
        *mutate.NASTY,
    )
    count = random.choice((0, 1, 1, 2, 2, 3, 5))
    made = [random.choice(commands), *(random.choice(words) for _ in range(count))]
    if made[0] == "measure":
        # Nothing but its refusals: it would measure for minutes.
        made += ["--minutes", random.choice(("-1", "0", "nan", "1e999"))]
    # The shell hands over no zero bytes.
    return Case(tuple(word.replace("\x00", "") for word in made))


def own(random: Random, valid: Valid) -> Case:
    """Damage a catalog of the user's own, and ask for an entry or a study."""
    folder = valid.folder / "own"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    kind, name = random.choice(
        (
            ("chip", "ascend_910c"),
            ("chip", "h100_sxm"),
            ("link", "lpo"),
            ("switch", "ub"),
            ("rack", "cloudmatrix"),
            ("cooling", "cold_plate_cm384"),
            ("facility", "liquid_china"),
            ("model", "llama3_8b"),
            ("reliability", "cloudmatrix"),
            ("software", "mindspeed_910c"),
            ("host", "kunpeng"),
            ("system", "cloudmatrix384"),
            ("collective", "nccl_any_all_reduce"),
            ("gemm_kernel", catalog.names("gemm_kernel")[0]),
        )
    )
    from supernode_opt.catalog.files import file_of
    from supernode_opt.catalog.read import entry

    written = yaml.safe_load(yaml.safe_dump({name: dict(entry(kind, name))}))
    if random.random() < 0.3:
        # As people write it: a base, and a few lines that differ.
        few = random.sample(sorted(written[name]), min(3, len(written[name])))
        based = {"base": name, **{field: written[name][field] for field in few}}
        written = {"mine": based, name: {"base": random.choice((name, "mine"))}}
    text = yaml.safe_dump({"sources": {"x": "a source"}, **written}, sort_keys=False)
    (folder / file_of(kind)).write_bytes(mutate.text_of(random, text.encode()))
    path = valid.folder / "sound.yaml"
    path.write_text(STUDY)
    named = str(folder) if random.random() < 0.97 else random.choice(mutate.NASTY)
    show, study = ("catalog", kind, name), ("evaluate", str(path), "--json")
    return Case(random.choice((show, study)), named.replace("\x00", ""))


def log(random: Random, valid: Valid) -> Case:
    """Damage the log of a training run, and make a row of it."""
    name = random.choice(sorted(path.name for path in LOGS.iterdir()))
    path = valid.folder / name
    path.write_bytes(mutate.bytes_of(random, (LOGS / name).read_bytes()))
    stated = {"fsdp_or_zero": "FSDP2", "gbs": "64", "seq_len": "4096"}
    given = (f"--set={column}={cell}" for column, cell in stated.items())
    machine = ("--accelerator=h100", "--chips=8", "--json")
    return Case(("import-runs", str(path), *machine, *given))


def config(random: Random, valid: Valid) -> Case:
    """Damage the config.json of a model, and count it or ask a study of it."""
    source = random.choice(sorted(CONFIGS.iterdir()))
    path = valid.folder / "config.json"
    path.write_bytes(mutate.text_of(random, source.read_bytes()))
    study = valid.folder / "sound.yaml"
    study.write_text(STUDY)
    asked = ("evaluate", str(study), "--json", "--set", f"model={path}")
    return Case(random.choice((("import-model", str(path)), asked)))


def residual(random: Random, valid: Valid) -> Case:
    """Damage the network beside own kernels, and validate GEMMs."""
    folder = valid.folder / "own"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    text = (ROOT / "supernode_opt" / "catalog" / "gemm_residual.json").read_bytes()
    made = mutate.bytes_of(random, text)
    if random.random() < 0.5:
        whole = json.loads(text)
        key = random.choice(list(whole))
        whole[key] = random.choice(
            (None, [], {}, "x", 1, [[1]], [["a"]], whole[key][1:])
        )
        made = json.dumps(whole).encode()
    (folder / "gemm_residual.json").write_bytes(made)
    (valid.folder / "runs.csv").write_text(GEMMS)
    return Case(("validate", "--runs", str(valid.folder / "runs.csv")), str(folder))


GEMMS = """\
system,gemm_dtype,m,n,k,latency_ms,power_w,power_limit_w,weights_in_turn,source
b200,bf16,2048,2048,2048,0.03,600,1000,6,somebody
b200,bf16,4096,2048,2048,0.05,700,1000,6,somebody
h100_sxm,bf16,4096,4096,2048,0.15,,700,1,
"""
COLLECTIVES = """\
system,op_name,num_gpus,bytes,latency_ms,library,source
h100_sxm,all_reduce,8,1024,0.016,nccl,somebody
h100_sxm,all_gather,8,1048576,0.05,nccl,somebody
gb200,alltoall,4,1048576,0.05,nccl,somebody
"""


def table(random: Random, valid: Valid) -> Case:
    """Damage a table of runs, GEMMs or collectives, and validate or calibrate."""
    shipped = ROOT / "supernode_opt/calibration/data/published_runs.csv"
    runs = "\n".join(shipped.read_text().split("\n")[:6]) + "\n"
    text = random.choice((runs, runs, GEMMS, COLLECTIVES))
    path = valid.folder / "runs.csv"
    path.write_bytes(mutate.table_of(random, text.encode()))
    if random.random() < 0.5:
        return Case(("validate", "--runs", str(path), "--json"))
    return Case(("calibrate", "--runs", str(path), "--platform", "mine"))


def result(random: Random, valid: Valid) -> Case:
    """Damage the bytes of a result, or what is in it, and explain or draw it."""
    path = valid.folder / "result.nc"
    if random.random() < 0.4:
        path.write_bytes(mutate.bytes_of(random, valid.result.read_bytes()))
    else:
        dataset = xr.load_dataset(valid.result, engine="h5netcdf", decode_times=False)
        for _ in range(random.choice((1, 1, 2))):
            dataset = _changed(random, dataset)
        path.unlink(missing_ok=True)
        dataset.to_netcdf(path, engine="h5netcdf")
    command = "plot" if random.random() < 0.25 else "explain"
    out = ("--out", str(valid.folder / "drawn")) if command == "plot" else ("--json",)
    return Case((command, str(path), *(out if random.random() < 0.7 else out[2:])))


def _changed(random: Random, dataset: xr.Dataset) -> xr.Dataset:
    names = list(dataset.variables)
    name = random.choice(names)
    kind = random.randrange(8)
    if kind == 0:
        return dataset.drop_vars(name)
    if kind == 1:
        return dataset.assign({name: ("elsewhere", np.arange(3.0))})
    if kind == 2 and name in dataset.data_vars:
        strange = random.choice((np.nan, np.inf, -1.0, 0.0, 1e300, 5, "x", True))
        shape = dataset[name].shape
        return dataset.assign({name: (dataset[name].dims, np.full(shape, strange))})
    if kind == 3 and dataset[name].attrs:
        del dataset[name].attrs[random.choice(list(dataset[name].attrs))]
        return dataset
    if kind == 4 and name in dataset.data_vars:
        dataset[name].attrs["units"] = random.choice(mutate.NASTY[:20]) or 5
        return dataset
    if kind == 5:
        dataset = dataset.copy()
        del dataset.attrs[random.choice(list(dataset.attrs))]
        return dataset
    text = str(random.choice((*mutate.NASTY, '{"a": 1}', "[[1]]", "[1]", '"x"', "3")))
    key = random.choice(list(dataset.attrs))
    if kind == 6 and isinstance(dataset.attrs[key], str):
        old = dataset.attrs[key].encode()
        text = mutate.lines_of(random, old).decode(errors="replace")
    return dataset.assign_attrs({key: text.replace("\x00", "")})


KINDS: dict[str, Callable[[Random, Valid], Case]] = {
    "study": study,
    "asked": asked,
    "overrides": overrides,
    "line": line,
    "own": own,
    "log": log,
    "config": config,
    "residual": residual,
    "table": table,
    "result": result,
}
WEIGHTS = (4, 2, 4, 3, 4, 3, 3, 1, 4, 3)
assert len(WEIGHTS) == len(KINDS)
