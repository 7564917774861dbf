"""Made-up sweeps in the form in which they are stored."""

import json

import numpy as np
import xarray as xr

from supernode_opt.system.report import Report
from supernode_opt.units import quantity_of

LIMITS = ("memory_fraction", "power", "junction_temperature")
SUBJECT = "CloudMatrix384, DeepSeek-V3 671B, BF16, TP8 PP4 EP64"
AXES = {
    "scale_up_link": (["copper", "cpo", "lpo"], ""),
    "scale_up_domain": ([8.0, 16.0, 32.0, 72.0, 144.0, 384.0], "1"),
    "scale_up_bandwidth": (np.linspace(50e9, 800e9, 31), "B/s"),
    "scenario.chip.tdp": (np.geomspace(300.0, 1200.0, 25), "W"),
}


def quantities(point):
    """Return made-up quantities of points, and what binds there.

    `point` has every variable of `AXES` in arrays of one shape.
    """
    link, domain = point["scale_up_link"], point["scale_up_domain"]
    rate, watts = point["scale_up_bandwidth"], point["scenario.chip.tdp"]
    energy = np.select([link == "copper", link == "cpo"], [0.0, 48e-12], 80e-12)
    wait = 0.3 * 400e9 / rate * (1.0 + 40.0 / domain) + 2e-4 * domain
    mfu = 0.55 / (1.0 + wait + 150.0 / watts)
    power = 384.0 * (watts + 300.0 + 2.0 * energy * rate)
    told = {
        "mfu": mfu,
        "tokens_per_s": 1e6 * mfu * (watts / 600.0) ** 0.4,
        "power": power,
        "step_time": 20.0 / mfu,
    }
    margins = [
        1.0 - 1.9 * mfu,
        1.0 - power / 470e3,
        1.0 - (watts / 1100.0) ** 2,
    ]
    legal = (link != "copper") | (domain <= 72.0)
    return told, np.stack(margins), legal


def _dataset(coords, dims, point, axes):
    told, margins, legal = quantities(point)
    made = xr.Dataset(coords=coords)
    for name, values in told.items():
        unit = quantity_of(Report, name).unit or "1"
        words = {"units": unit, "long_name": name.replace("_", " ")}
        made[name] = dims, np.where(legal, values, np.nan), words
    made["feasible"] = dims, legal & (margins > 0.0).all(axis=0)
    made["legal"] = dims, legal
    binding = np.where(legal, margins.argmin(axis=0), -1).astype(np.int8)
    flags = {
        "flag_values": np.arange(3, dtype=np.int8),
        "flag_meanings": " ".join(LIMITS),
    }
    made["binding"] = dims, binding, flags
    told = {"kind": "sweep", "objective": "mfu", "subject": SUBJECT, "study": "name: x"}
    return made.assign_attrs(told, sweep=json.dumps({name: {} for name in axes}))


def _words(name):
    unit = AXES[name][1]
    return {"units": unit or "1", "long_name": name.replace("_", " ").replace(".", " ")}


def grid(*names):
    """Return a sweep over the grid of some of `AXES`, the others fixed."""
    fixed = {"scale_up_link": "lpo", "scale_up_domain": 384.0}
    fixed |= {"scale_up_bandwidth": 392e9, "scenario.chip.tdp": 560.0}
    values = [np.asarray(AXES[name][0], object if i == 0 else None)
              if AXES[name][1] == "" else np.asarray(AXES[name][0])
              for i, name in enumerate(names)]  # fmt: skip
    mesh = np.meshgrid(*values, indexing="ij")
    point = {name: np.full(mesh[0].shape, value) for name, value in fixed.items()}
    point |= dict(zip(names, mesh, strict=True))
    coords = {n: (n, v, _words(n)) for n, v in zip(names, values, strict=True)}
    return _dataset(coords, names, point, names)


def samples(count=200):
    """Return a sweep over points that were drawn."""
    random = np.random.default_rng(1)
    point = {
        "scale_up_link": random.choice(AXES["scale_up_link"][0], count).astype(object),
        "scale_up_domain": random.choice(AXES["scale_up_domain"][0], count),
        "scale_up_bandwidth": random.uniform(50e9, 800e9, count),
        "scenario.chip.tdp": 300.0 * 4.0 ** random.uniform(0.0, 1.0, count),
    }
    coords = {name: ("point", values, _words(name)) for name, values in point.items()}
    return _dataset(coords, ("point",), point, point)


def tornado():
    """Return how some constants move a quantity."""
    names = ["software.mindspeed_910c.routing_traffic", "facility.pue"]
    names += ["links.lpo.energy", "chip.tdp", "software.mindspeed_910c.gemm_efficiency"]
    made = xr.Dataset(coords={"constant": np.array(names, dtype=object)})
    made["low"] = "constant", [0.12, 0.0, 0.002, 0.03, -0.2]
    made["high"] = "constant", [-0.17, 0.0, -0.004, -0.02, 0.16]
    return made.assign_attrs(quantity="tokens_per_s", subject=SUBJECT)


def served():
    """Return limits on time per token swept for three sizes of the domain."""
    limit = np.geomspace(0.01, 0.1, 8)
    domain = np.array([8.0, 72.0, 384.0])
    axes = ("serving.tpot_limit", "scale_up_domain")
    user = np.repeat(1.0 / limit[:, None], 3, axis=1)
    rate = 2400.0 * (1.0 - np.exp(-(domain**0.4) * limit[:, None] * 4.0))
    made = xr.Dataset(
        {
            "output_tokens_per_s_per_chip": (axes, rate, {"units": "token/s"}),
            "user_tokens_per_s": (axes, user, {"units": "token/s"}),
            "feasible": (axes, (limit[:, None] > 0.012) | (domain > 8.0)),
        },
        coords={
            axes[0]: (axes[0], limit, {"units": "s", "long_name": "tpot limit"}),
            axes[1]: (axes[1], domain, _words(axes[1])),
        },
    )
    told = {"kind": "sweep", "objective": "output_tokens_per_s_per_chip"}
    told |= {"subject": SUBJECT, "study": "name: x"}
    return made.assign_attrs(told, sweep=json.dumps({name: {} for name in axes}))
