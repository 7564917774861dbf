"""Models and chips by what tables of serving runs call them.

Such tables write a model as its owner's page does, with the precision of its weights
behind it, and a chip as its server, or as a key of a benchmark.
"""

from supernode_opt.catalog.naming import hub_name, without_active
from supernode_opt.catalog.read import called, entry


def model_named(text: str) -> str | None:
    """Return the model of the catalog that `text` means; `None` if there is none.

    Owner, precision, date and tuning do not matter, and the parameters that take part
    in a token may be left out or added.

    >>> model_named("nvidia/Qwen3-32B-NVFP4"), model_named("deepseek-ai/DeepSeek-R1")
    ('qwen3_32b', 'deepseek_v3_671b')
    """
    return called("model", text) or called("model", without_active(hub_name(text)))


def chip_named(text: str) -> str | None:
    """Return the chip of the catalog that `text` means; `None` if there is none.

    A machine means its chip.

    >>> chip_named("b200_sxm"), chip_named("GB300 NVL72")
    ('b200', 'gb300')
    """
    found = called("chip", text)
    if found is None and (machine := called("system", text)):
        return str(entry("system", machine)["chip"])
    return found
