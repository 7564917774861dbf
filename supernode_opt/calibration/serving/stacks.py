"""Serving stacks by the words of tables: which one served a row."""

import re
from typing import NamedTuple

GENERIC = "generic"


class Named(NamedTuple):
    """A serving stack.

    Attributes:
      name: of its entry in the catalog.
      words: pattern that its name, makers or publications fit.
      chips: pattern of the chips that it is fitted on apart from others, "" for all.
    """

    name: str
    words: str
    chips: str = ""


# AMD's ports of a stack are software of their own: the kernels are others.
_AMD = r"MI\d{3}"
_ASCEND = r"ascend|910|atlas|310"
# The first that fits is meant: what is more particular stands before the general.
STACKS = (
    Named(
        "cloudmatrix_infer",
        r"cloudmatrix|xdeepserve|flowserve|cm384|2506\.12708|2508\.02520",
        _ASCEND,
    ),
    Named("mindie", r"mindie|vllm-ascend|pangu|omni-?infer", _ASCEND),
    Named("ant_sglang", r"ant-group|ant group|theta"),
    Named("deepseek", r"open-infra-index|profile-data|^ds-|deepseek-ai/"),
    Named("atom", r"\batom\b", _AMD),
    Named("sglang_rocm", r"sglang|mori|lm-?sys", _AMD),
    Named("vllm_rocm", r"vllm|mlperf|amd", _AMD),
    Named("tensorrt_llm", r"tensorrt|trt|mlperf.*nvidia|dynamo[- ]trt|\btrt"),
    Named("sglang", r"sglang|lm-?sys|sgl-"),
    Named("vllm", r"vllm"),
    Named("tensorrt_llm", r"mlperf"),
)
# Where no word tells: what chips of a maker are usually served with.
_USUAL = (("mindie", _ASCEND),)
# Rows of one phase alone are taken at the engine of many expert ranks, without clients.
ENGINES = {"sglang": "sglang_large_scale"}
NAMES = (*dict.fromkeys((*(one.name for one in STACKS), *ENGINES.values())), GENERIC)


def engine_of(stack: str, phase: str) -> str:
    """Return the stack whose constants a row of `phase` has.

    >>> engine_of("sglang", "decode"), engine_of("sglang", "mixed")
    ('sglang_large_scale', 'sglang')
    """
    return stack if phase == "mixed" else ENGINES.get(stack, stack)


def stack_named(source: str, remarks: str, chip: str, name: str = "") -> str:
    """Return the stack that a row ran on, `GENERIC` where it does not say.

    What stands in the remarks of a row is nearer to it than its source, which may
    report on others.

    >>> stack_named("SemiAnalysis", "dynamo-trt; concurrency 64", "B200")
    'tensorrt_llm'
    >>> stack_named("lm-sys blog", "", "MI300X")
    'sglang_rocm'
    """
    words = (remarks.partition(";")[0], name, source, remarks)
    for text in words:
        for one in STACKS:
            fits = re.search(one.words, text, re.IGNORECASE)
            if text and fits and re.search(one.chips, chip, re.IGNORECASE):
                return one.name
    usual = (one for one, chips in _USUAL if re.search(chips, chip, re.IGNORECASE))
    return next(usual, GENERIC)
