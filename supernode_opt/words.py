"""Names and numbers as people write them: MFU, Llama 3 8B, 559 kW, 71 degC, 38 %."""

import math
import re

_STEPS = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""))
_PREFIXED = ("W", "B", "B/s", "flop", "flop/s", "USD")
_SMALL = ((1e-3, "m"), (1e-6, "u"), (1e-9, "n"))
_HOUR = 3600.0
# Words of identifiers that people write otherwise than in lower case.
_SPELLED = {
    **{word.lower(): word for word in ("MFU", "MTBF", "GEMM", "FFN", "QKV", "MLA")},
    **{word.lower(): word for word in ("LM", "HBM", "TDP", "PUE", "SXM", "MoE")},
    **{word.lower(): word for word in ("DGX", "HGX", "HLS", "GPT", "TPU", "SuperPoD")},
    **{word.lower(): word for word in ("CloudMatrix384", "DeepSeek", "FSDP", "NeMo")},
    **{word.lower(): word for word in ("MindSpeed", "MaxText", "DualPipe", "LPO")},
    **{word.lower(): word for word in ("CPO", "DSP", "AEC", "SR8", "BF16", "FP8")},
    "gaudi2": "Gaudi 2",
    "llama3": "Llama 3",
    "qwen3": "Qwen3",
    "gpt3": "GPT-3",
    "fp32": "FP32",
    "nvfp4": "NVFP4",
    "mxfp4": "MXFP4",
}
# Families whose version follows a hyphen: DeepSeek-V3.
_HYPHENED = re.compile(r"\bDeepSeek v(\d)")
# Sizes and models of parts: 671B, A22B, 910C, 80GB, H100, NVL72, A3.
_CODE = re.compile(r"\d+[a-z]{0,2}\d?|[a-z]{1,3}\d+\w{0,2}")
_VERSION = re.compile(r"v\d\w?")


def spoken(value: float | str, unit: str, share: bool = False) -> str:
    """Write `value`, given in SI `unit`, for people; a `share` in per cent.

    >>> spoken(559e3, "W"), spoken(298.15, "K"), spoken(0.412, "1", share=True)
    ('559 kW', '25 degC', '41.2 %')
    """
    if isinstance(value, str):
        return value
    if not math.isfinite(value):
        return "not a number" if math.isnan(value) else "unlimited"
    if unit in ("", "1"):
        return f"{100.0 * value:.4g} %" if share else figures(value)
    if unit == "K":
        return f"{figures(value - 273.15)} degC"
    if unit == "m^3/s":
        return f"{figures(value * 6e4)} L/min"
    if unit == "s":
        return _duration(value)
    if unit in _PREFIXED:
        size, prefix = next((s for s in _STEPS if abs(value) >= s[0]), _STEPS[-1])
        return f"{figures(value / size)} {prefix}{unit}"
    return f"{figures(value)} {unit}"


def both(low: float, high: float, unit: str, share: bool = False) -> str:
    """Write the two ends of a range, a unit that they share once.

    >>> both(559e3, 571e3, "W"), both(0.3, 0.42, "1", share=True)
    ('559 to 571 kW', '30 to 42 %')
    """
    first, last = spoken(low, unit, share), spoken(high, unit, share)
    number, _, its = first.partition(" ")
    shared = its and its == last.partition(" ")[2]
    return f"{number if shared else first} to {last}"


def written(name: str) -> str:
    """Write an identifier inside a sentence, as people do; paths stay what they are.

    >>> written("scale_up_bandwidth"), written("mfu"), written("chip.tdp")
    ('scale-up bandwidth', 'MFU', 'chip.tdp')
    """
    if "." in name:
        return name
    spelled = name.replace("scale_up", "scale-up").replace("scale_out", "scale-out")
    parts = re.split(r"[_ ]", spelled)
    return " ".join(_SPELLED.get(part, part) for part in parts)


def titled(name: str) -> str:
    """Write the name of a catalog entry as its makers do, as far as that is known.

    >>> titled("deepseek_v3_671b"), titled("gb200_nvl72"), titled("mixtral_8x7b")
    ('DeepSeek-V3 671B', 'GB200 NVL72', 'Mixtral 8x7B')
    >>> titled("cloudmatrix384"), titled("pangu_ultra_moe_718b"), titled("my own")
    ('CloudMatrix384', 'Pangu Ultra MoE 718B', 'my own')
    """
    if not re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", name):
        return name
    parts = [_titled(part) for part in name.split("_")]
    return _HYPHENED.sub(r"DeepSeek-V\1", " ".join(parts))


def _titled(word: str) -> str:
    if word in _SPELLED:
        return _SPELLED[word]
    if re.fullmatch(r"\d+x\d+b", word):
        return f"{word[:-1]}B"
    if _VERSION.fullmatch(word):
        return word
    return word.upper() if _CODE.fullmatch(word) else word.capitalize()


def figures(value: float, digits: int = 4) -> str:
    """Write a number with some significant figures, whole if it is whole.

    >>> figures(4608.0), figures(0.123456), figures(2e6), figures(212.2, 2)
    ('4608', '0.1235', '2000000', '212')
    """
    if math.isfinite(value) and value == int(value) and abs(value) < 1e9:
        return str(int(value))
    large = 10.0 ** (digits - 1) <= abs(value) < 1e7
    return f"{value:.0f}" if large else f"{value:.{digits}g}"


def _duration(seconds: float) -> str:
    if abs(seconds) >= _HOUR:
        return f"{figures(seconds / _HOUR)} h"
    if seconds == 0.0 or abs(seconds) >= 1.0:
        return f"{figures(seconds)} s"
    size, prefix = next((s for s in _SMALL if abs(seconds) >= s[0]), _SMALL[-1])
    return f"{figures(seconds / size)} {prefix}s"
