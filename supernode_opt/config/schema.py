"""The JSON Schema of a study file, from the records themselves; editors read it."""

from typing import Any

from supernode_opt import catalog
from supernode_opt.calibration.data.practice import WORDS
from supernode_opt.calibration.data.stacks import known_stacks
from supernode_opt.catalog.systems import PARTS
from supernode_opt.config.fields import FREE
from supernode_opt.config.goal import PROBABILITY, QUANTILE
from supernode_opt.config.model import CONFIG, PARAMETERS
from supernode_opt.config.records import adapter, field_type
from supernode_opt.config.software import RELEASE
from supernode_opt.config.study import JOBS, NEEDED
from supernode_opt.hardware.network import LinkTechnology
from supernode_opt.search.settings import Settings
from supernode_opt.system.design import EVERY_CHOICE, EVERY_NUMBER, holder_of
from supernode_opt.system.precision import BEST
from supernode_opt.system.report import SERVING_SCALARS, Report
from supernode_opt.system.scenario import Scenario
from supernode_opt.system.serving.stack import ServingStack
from supernode_opt.system.software import Software
from supernode_opt.units import Share
from supernode_opt.workload.model import Model, Training
from supernode_opt.workload.recompute import MODULES, NAMED, Recompute
from supernode_opt.workload.routing import Routing
from supernode_opt.workload.serving import Serving

Schema = dict[str, Any]
# What a study of one model needs, and each of several has its own of.
_EACH = ("model",)
_OVER = {"enum": ["weighted", "worst"]}


def schema() -> Schema:
    """Return the JSON Schema of a study."""
    link = _entry("link", LinkTechnology)
    parts = {
        name: _entry(kind, field_type(Scenario, name))
        for name, kind in PARTS.items()
        if name != "software"
    }
    trains, serves = (
        _entry(kind, record_type)
        for kind, record_type in (
            ("software", Software),
            ("serving_stack", ServingStack),
        )
    )
    parts["software"] = {"anyOf": [trains, serves]}
    headroom = _value(field_type(Scenario, "memory_headroom"))
    scenario = {
        **parts,
        "links": {"type": "array", "items": link, "minItems": 1},
        "memory_headroom": headroom,
        "stack": {"enum": [*known_stacks(), *catalog.names("serving_stack")]},
        "recompute": _record(Recompute, partial=True),
        "routing": _record(Routing, partial=True),
    }
    quantity, share = {"enum": list(SERVING_SCALARS)}, _value(Share)
    names = {"type": "array", "items": {"type": "string"}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "supernode_opt study",
        **_object(
            {
                "name": {"type": "string"},
                "question": {"type": "string"},
                "system": {"enum": list(catalog.names("system"))},
                "model": _model(),
                "models": _models(),
                "training": _training(),
                "serving": _serving(),
                "scenario": _object(scenario),
                "practice": _practice(),
                "design": _design(),
                "objective": {
                    "oneOf": [
                        {
                            **_object(
                                {sense: quantity, QUANTILE: share, "over": _OVER}
                            ),
                            "required": [sense],
                        }
                        for sense in ("maximize", "minimize")
                    ]
                },
                "constraints": _object(
                    {
                        **{name: _limits(name) for name in SERVING_SCALARS},
                        PROBABILITY: share,
                    }
                ),
                "solver": _solver(),
                "seed": {"type": "integer", "minimum": 0},
                "sweep": _sweep(),
                "pareto": _pareto(quantity),
                # Written where a study is written out.
                "provenance": _object(
                    {"entries": {"type": "object"}, "user": names, "follows": names}
                ),
            }
        ),
        "required": [name for name in NEEDED if name not in _EACH],
        # Of several models each may have a training of its own.
        "anyOf": [
            *({"required": [*_EACH, job]} for job in JOBS),
            {"required": ["models"]},
        ],
    }


def _solver() -> Schema:
    """Return the schema of the solver's settings, those of several models as well."""
    made = _record(Settings, partial=True)
    more: Schema = {
        "gap": _value(Share),
        "time_limit": {"type": "number", "exclusiveMinimum": 0},
        "maximum_boxes": {"type": "integer", "minimum": 1},
    }
    made["properties"] = {**made["properties"], **more}
    return made


def _models() -> Schema:
    """Return the schema of several models on one machine: names, or what is theirs."""
    training = _training()
    training.pop("required", None)
    positive = {"type": ["number", "string"]}
    fields = {
        "model": _model(),
        "training": training,
        "practice": _practice(),
        "design": {"type": "object"},
        "constraints": _object({name: _limits(name) for name in SERVING_SCALARS}),
        "weight": {"type": "number", "exclusiveMinimum": 0},
        "target": positive,
    }
    entry = _object(fields) | {"required": ["model"]}
    return {"type": "array", "minItems": 1, "items": {"anyOf": [_model(), entry]}}


def _sweep() -> Schema:
    """Return the schema of what a study is swept over."""
    number = {"type": ["number", "string"]}
    ends = {
        "from": number,
        "to": number,
        "count": {"type": "integer", "minimum": 2},
        "scale": {"enum": ["linear", "log"]},
    }
    values = {"type": "array", "minItems": 1}
    axis = {"anyOf": [values, _object(ends) | {"required": ["from", "to"]}]}
    return _object(
        {
            "axes": {"type": "object", "additionalProperties": axis},
            "method": {"enum": ["grid", "latin_hypercube", "sobol"]},
            "samples": {"type": "integer", "minimum": 1},
            "optimize": {"type": "boolean"},
            "quantities": {"type": "array", "items": {"type": "string"}},
        }
    )


def _pareto(quantity: Schema) -> Schema:
    """Return the schema of what a study wants at once."""
    goal = {"oneOf": [_object({"maximize": quantity}), _object({"minimize": quantity})]}
    count = {"type": "integer", "minimum": 0}
    value = {"type": ["number", "string"]}
    return _object(
        {
            "objectives": {
                "type": "array",
                "items": goal,
                "minItems": 2,
                "maxItems": 3,
            },
            "gap": value,
            "searches": {"type": "integer", "minimum": 1},
            "boxes": count,
            "cloud": count,
            "reference": {"type": "object", "additionalProperties": value},
        }
    )


def _object(properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _value(annotation: Any) -> Schema:
    return adapter(annotation).json_schema()


def _record(record_type: type, *, partial: bool = False) -> Schema:
    """Return the schema of a record; with `partial`, no field is required."""
    made = adapter(record_type).json_schema()
    # What a docstring says to programmers is too long for the tip of an editor.
    made["description"] = made.pop("description", "").partition("\n")[0]
    if partial:
        made.pop("required", None)
    return made | {"additionalProperties": False}


def _training() -> Schema:
    made = _record(Training)
    known = made["properties"]["precision"]
    known["enum"] = [*known["enum"], BEST]
    return made


def _serving() -> Schema:
    """Return the schema of what is served: lengths and limits may be of percentiles."""
    made = _record(Serving)
    words = {"type": ["number", "string", "object"]}
    names = ("input_length", "output_length", "ttft_limit", "tpot_limit")
    for name in names:
        made["properties"][name] = words
    made["properties"]["arrival_rate"] = {"type": ["number", "string"]}
    for name in ("ttft_percentile", "tpot_percentile"):
        made["properties"][name] = _value(Share)
    return made


def _practice() -> Schema:
    """Return the schema of how a job is run: words, and the release of the stack."""
    switch = {"enum": ["off", "on", True, False]}
    words = {
        name: switch if set(known) == {"off", "on"} else {"enum": list(known)}
        for name, known in WORDS.items()
    }
    return _object({**words, RELEASE: {"type": ["string", "number"]}})


def _entry(kind: str, record_type: type) -> Schema:
    """Return the schema of a catalog entry: its name, or what to change in one."""
    names = {"enum": list(catalog.names(kind))}
    changed = _record(record_type, partial=True)
    changed["properties"] = {"base": names, **changed["properties"]}
    return {"anyOf": [names, changed]}


def _model() -> Schema:
    """Return the schema of a model: as any entry, or the path of a `config.json`."""
    made = _entry("model", Model)
    path = {"type": "string", "pattern": r"\.json$"}
    changed = made["anyOf"][1]
    more = {CONFIG: {"type": "string"}, PARAMETERS: {"type": ["number", "string"]}}
    changed["properties"] = {**more, **changed["properties"]}
    return {"anyOf": [*made["anyOf"], path]}


def _limits(name: str) -> Schema:
    value = _value(field_type(Report, name))
    return {
        **_object({"at_least": value, "at_most": value, PROBABILITY: _value(Share)}),
        "anyOf": [{"required": ["at_least"]}, {"required": ["at_most"]}],
    }


def _design() -> Schema:
    free = {"const": FREE}
    fields: Schema = {}
    for name in EVERY_NUMBER:
        value = _value(field_type(holder_of(name), name))
        fields[name] = {"anyOf": [free, value, _bounds(value)]}
    for name, known in EVERY_CHOICE.items():
        one: Schema = {"enum": list(known)} if known else {}
        option = one or {"type": "string"}
        if name == "recompute":
            option = {"anyOf": [option, _modules()]}
        several = {"type": "array", "items": option, "minItems": 1}
        fields[name] = {"anyOf": [free, option, several]}
    number = {"type": ["number", "string"]}
    constant = {"anyOf": [free, number, _bounds(number)]}
    # A constant of the scenario, freed or fixed, by its dotted path.
    # Fields of a pool may stand below its name.
    fields |= {pool: {"type": "object"} for pool in ("decode", "prefill")}
    return _object(fields) | {"patternProperties": {r"^[a-z_]+\..+$": constant}}


def _modules() -> Schema:
    """Return the schema of a list of recomputed modules, or of the name of one."""
    one = rf"({'|'.join([*MODULES, *NAMED])})(:\d+)?"
    return {"type": "string", "pattern": rf"^{one}([+,] *{one})*$"}


def _bounds(value: Schema) -> Schema:
    return _object(dict.fromkeys(("value", "low", "high", "step"), value))
