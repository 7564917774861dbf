"""A model from the `config.json` of its weights, as `transformers` reads it.

Shapes are taken from the fields that the families share; what a family calls otherwise,
or leaves out because its class has a default, stands in `families.py`.  A field that
may change the shape and is not understood is refused, never guessed.  Biases, norms of
queries and keys, sandwich norms and attention sinks are not counted: they are below
0.1 % of any of these models.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from supernode_opt.catalog.families import ALIASES, FAMILIES, HARMLESS, Family
from supernode_opt.reading import document
from supernode_opt.reading.document import LARGEST_FILE
from supernode_opt.reading.files import read_text
from supernode_opt.reading.node import Node, did_you_mean
from supernode_opt.workload.model import Model

CONFIG = "config.json"
# Words in the name of a field that a shape may hang on.
_SHAPED = re.compile(
    r"layer|size|dim|head|expert|hidden|rank|width|window|step|freq|ffn|mlp|moe|conv"
    r"|ssm|mamba|state|lora|linear|attn|attention|index|latent|group|depth|num_|n_"
)
_FULL, _SLIDING = "full_attention", "sliding_attention"


def is_config(text: str) -> bool:
    """Tell whether `text` is written like the path of a `config.json`."""
    return text.endswith(".json")


def read(path: Path) -> Model:
    """Return the model that a `config.json` describes.

    Args:
      path: of the file, or of the folder that holds it.

    Raises:
      StudyError: it cannot be read, or describes what is not understood.
    """
    path = path / CONFIG if path.is_dir() else path
    # JSON allows tabs between values, YAML does not.
    text = read_text(path, LARGEST_FILE).replace("\t", " ")
    top = document.parse(text, str(path))
    name = name_of(path, top)
    kind, fields = _text_part(top)
    return _Config(kind, FAMILIES[kind], fields, top).model(name)


def name_of(path: Path, top: Node | None = None) -> str:
    """Return what the model of a `config.json` is called: by itself, or its folder."""
    said = top.mapping().get("_name_or_path") if top is not None else None
    written = said.value if said is not None else ""
    if isinstance(written, str) and re.search(r"[A-Za-z]", written):
        return Path(written).name
    return path.absolute().parent.name if path.name == CONFIG else path.stem


def _text_part(top: Node) -> tuple[str, dict[str, Node]]:
    """Return the family and its fields; of a model that sees, those of its text."""
    fields = top.mapping()
    if "text_config" in fields:
        inner = dict(fields["text_config"].mapping())
        said = inner.get("model_type") or fields.get("model_type")
    else:
        inner = dict(fields)
        said = fields.get("model_type")
    if said is None:
        top.fail("has no `model_type`: it is no config.json of a model")
    kind = said.text()
    if kind not in FAMILIES:
        near = did_you_mean(kind, FAMILIES)
        said.fail(
            f"is {kind!r}, a family whose shape is not understood{near}: write the"
            " model's fields into the study, or into models.yaml"
        )
    return kind, inner


class _Config:
    """Fields of one `config.json`, which know what they are called and default to."""

    def __init__(
        self, kind: str, family: Family, fields: Mapping[str, Node], top: Node
    ) -> None:
        self._family, self._top = family, top
        names = {other: name for name, others in ALIASES.items() for other in others}
        self._fields: dict[str, Node] = {}
        for written, node in fields.items():
            self._fields.setdefault(names.get(written, written), node)
        self._kind = kind
        self._used: set[str] = set()

    def value(self, name: str, default: Any = None) -> Any:
        """Return a field, else the family's default for it, else `default`."""
        self._used.add(name)
        node = self._fields.get(name)
        if node is None or node.value is None:
            return self._family.defaults.get(name, default)
        return node.plain()

    def count(self, name: str, default: float | None = None) -> float:
        """Return a field that counts something.

        Raises:
          StudyError: it is missing, or no whole number from 0.
        """
        found = self.value(name, default)
        at = self._fields.get(name)
        if found is None:
            self._top.fail(f"lacks `{name}`, which {self._kind} needs")
        if isinstance(found, bool) or not isinstance(found, int | float):
            (at or self._top).fail(f"must be a number, but is {found!r:.60}")
        if found != int(found) or found < 0:
            (at or self._top).fail(f"must be a whole number from 0, but is {found}")
        return float(found)

    def model(self, name: str) -> Model:
        """Return the model, once every field is understood."""
        layers, hidden = self.count("num_hidden_layers"), self.count("hidden_size")
        heads = self.count("num_attention_heads")
        if not layers or not hidden or not heads:
            self._top.fail("has no layers, no channels or no heads")
        experts = self._experts(layers)
        attention = self._attention(hidden, heads)
        window, share = self._window(int(layers))
        ffn = self.count("intermediate_size", 0.0)
        if self._family.experts_are_the_ffn:
            ffn = 0.0
        made = Model(
            name=name,
            layers=layers,
            hidden=hidden,
            heads=heads,
            ffn=ffn,
            vocabulary=self.count("vocab_size"),
            tied=float(bool(self.value("tie_word_embeddings", False))),
            mtp_layers=self.count("num_nextn_predict_layers", 0.0),
            window=window,
            windowed_share=share,
            **{"dense_layers": layers, **experts},
            **attention,
        )
        self._check_rest()
        return made

    def _experts(self, layers: float) -> dict[str, float]:
        """Return the fields of experts, none for a dense model."""
        many = self.count("n_routed_experts", 0.0)
        if not self._family.experts or not many:
            self._used |= {"num_experts_per_tok", "moe_intermediate_size"}
            return {}
        width = "intermediate_size" if self._family.experts_are_the_ffn else ""
        expert = self.count(width or "moe_intermediate_size")
        shared = self.count("n_shared_experts", 0.0)
        together = self.count("shared_expert_intermediate_size", 0.0)
        if together:
            # One shared expert as wide as several others computes what they would.
            shared = together / expert
            if shared != int(shared):
                self._fields["shared_expert_intermediate_size"].fail(
                    f"must be a multiple of the experts' {expert:g}"
                )
        groups, picked = self.count("n_group", 1.0), self.count("topk_group", 1.0)
        dense = sum(1.0 for i in range(int(layers)) if not self._is_sparse(i))
        return {
            "dense_layers": dense,
            "experts": many,
            "top_k": self.count("num_experts_per_tok"),
            "shared_experts": shared,
            "expert_ffn": expert,
            # Groups of experts lie in one domain each, which is what they are for.
            "node_limit": picked if picked < groups else 0.0,
        }

    def _is_sparse(self, layer: int) -> bool:
        """Tell whether a layer has experts, by the ways that families say it."""
        step, plain = (
            self.count("decoder_sparse_step", 1.0),
            self.value("mlp_only_layers", []),
        )
        if layer in plain or (step and (layer + 1) % step):
            return False
        first = self.count("first_k_dense_replace", 0.0)
        return layer >= first and not layer % self.count("moe_layer_freq", 1.0)

    def _attention(self, hidden: float, heads: float) -> dict[str, Any]:
        """Return the fields of attention, latent or grouped-query."""
        if self._family.latent:
            self._used |= {"num_key_value_heads", "head_dim", "qk_head_dim"}
            return {
                "attention": "mla",
                "kv_heads": heads,
                "head_dim": self.count("qk_nope_head_dim"),
                "rope_dim": self.count("qk_rope_head_dim"),
                "value_dim": self.count("v_head_dim"),
                "query_rank": self.count("q_lora_rank", 0.0),
                "key_value_rank": self.count("kv_lora_rank"),
            }
        return {
            "kv_heads": self.count("num_key_value_heads", heads),
            "head_dim": self.count("head_dim", hidden / heads),
        }

    def _window(self, layers: int) -> tuple[float, float]:
        """Return what sliding layers look back, and their share of the layers."""
        window = self.value("sliding_window")
        switched = self.value("use_sliding_window", True)
        first = int(self.count("max_window_layers", 0.0))
        pattern = int(self.count("sliding_window_pattern", 1.0))
        kinds = self.value("layer_types")
        if kinds:
            for kind in set(kinds) - {_FULL, _SLIDING}:
                self._fields["layer_types"].fail(f"has {kind!r}, which is not modelled")
            slides = [kind == _SLIDING for kind in kinds]
            if len(slides) != layers:
                self._fields["layer_types"].fail(f"must name {layers} layers")
        elif pattern > 1:
            slides = [bool((i + 1) % pattern) for i in range(layers)]
        else:
            slides = [i >= first for i in range(layers)]
        if not window or not switched or not any(slides):
            return 0.0, 0.0
        return self.count("sliding_window"), sum(slides) / layers

    def _check_rest(self) -> None:
        """Refuse fields that may change the shape and are not understood."""
        for name, node in self._unread():
            if _SHAPED.search(name.lower()) and not HARMLESS.search(name.lower()):
                node.fail(
                    f"may change the shape of a {self._kind} and is not understood"
                )

    def _unread(self) -> Iterator[tuple[str, Node]]:
        for name, node in self._fields.items():
            off = node.value is None or node.value in (0, False, [], {}, "")
            if name not in self._used and not off:
                yield name, node
