"""The shape that fields of a `config.json` describe; see `hugging_face`."""

import dataclasses
import re
from collections.abc import Iterator, Mapping
from typing import Any

from supernode_opt.catalog.families import ALIASES, HARMLESS, Family
from supernode_opt.reading.node import Node
from supernode_opt.workload.model import Model

# Words in the name of a field that a shape may hang on.
_SHAPED = re.compile(
    r"layer|size|dim|head|expert|hidden|rank|width|window|step|freq|ffn|mlp|moe|conv"
    r"|ssm|mamba|state|lora|linear|attn|attention|index|latent|group|depth|num_|n_"
)
# Beyond these a file is damaged.
_MOST, _MOST_LAYERS = 1e9, 1e4
_FULL, _SLIDING = "full_attention", "sliding_attention"


class Config:
    """Fields of one `config.json`, which know what they are called and default to."""

    def __init__(
        self, kind: str, family: Family, fields: Mapping[str, Node], top: Node
    ) -> None:
        """Keep the `fields` of a model of `kind` by their most frequent names."""
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
        if not 0 <= found <= _MOST or found != int(found):
            at = at or dataclasses.replace(self._top, path=name)
            at.fail(f"must be a whole number from 0, but is {found}")
        return float(found)

    def listed(self, name: str) -> list[Any]:
        """Return a field that is a list, empty where it is missing.

        Raises:
          StudyError: it is none.
        """
        found = self.value(name, [])
        if not isinstance(found, list):
            self._fields[name].fail(f"must be a list, but is {found!r:.60}")
        return found

    def model(self, name: str) -> Model:
        """Return the model, once every field is understood."""
        layers, hidden = self.count("num_hidden_layers"), self.count("hidden_size")
        heads = self.count("num_attention_heads")
        if layers > _MOST_LAYERS:
            self._top.fail(f"has {layers:.3g} layers, more than any model")
        if not layers or not hidden or not heads:
            self._top.fail("has no layers, no channels or no heads")
        attention = self._attention(hidden, heads)
        window, share = self._window(int(layers))
        ffn = self.count("intermediate_size", 0.0)
        if self._family.experts_are_the_ffn:
            ffn = 0.0
        experts: dict[str, Any] = {"dense_layers": layers} | self._experts(layers)
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
            **experts,
            **attention,
        )
        self._check_rest()
        return made

    def _experts(self, layers: float) -> dict[str, Any]:
        """Return the fields of experts, none for a dense model."""
        many = self.count("n_routed_experts", 0.0)
        if not self._family.experts or not many:
            self._used |= {"num_experts_per_tok", "moe_intermediate_size"}
            return {}
        width = "intermediate_size" if self._family.experts_are_the_ffn else ""
        expert = self.count(width or "moe_intermediate_size")
        if not expert:
            self._top.fail("has experts without a width")
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
        step = max(self.count("decoder_sparse_step", 1.0), 1.0)
        if layer in self.listed("mlp_only_layers") or (layer + 1) % step:
            return False
        every = max(self.count("moe_layer_freq", 1.0), 1.0)
        return layer >= self.count("first_k_dense_replace", 0.0) and not layer % every

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
        kinds = [str(kind) for kind in self.listed("layer_types")]
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
