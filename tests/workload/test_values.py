"""Parameters, FLOPs, bytes and shares of two small models, each worked by hand."""

import dataclasses

import pytest

from supernode_opt.workload.activations import in_flight, layer_activations
from supernode_opt.workload.flops import step_flops, token_flops
from supernode_opt.workload.operators import (
    Split,
    attention_bytes,
    attention_flops,
    elementwise_bytes,
    key_value_channels,
    layer_gemms,
)
from supernode_opt.workload.parameters import (
    active_parameters,
    adapter_parameters,
    attention_parameters,
    dense_ffn_parameters,
    mtp_parameters,
    parameters,
)
from tests.plain import DENSE, EXPERTS, TRAINING, repeated, same

WHOLE = Split(tensor=1.0, context=1.0, expert=1.0, sequence=0.0, tokens=1.0)
# Two tensor ranks with sequence parallelism, experts over four.
HALF = Split(tensor=2.0, context=1.0, expert=4.0, sequence=1.0, tokens=16.0)
QUARTER = HALF._replace(tensor=4.0)


def dense(**changes):
    return dataclasses.replace(DENSE, **changes)


def experts(**changes):
    return dataclasses.replace(EXPERTS, **changes)


def test_parameters_of_grouped_attention():
    # Four query, four output and two key and value heads of 2 channels: 8 * 12 * 2.
    same(attention_parameters(DENSE), 192.0)
    same(dense_ffn_parameters(DENSE), 3.0 * 8.0 * 12.0)
    same(dense_ffn_parameters(dense(gated=0.0)), 2.0 * 8.0 * 12.0)
    # Six layers of 192 + 288 + two norms of 8, two tables of 100 * 8, the last norm.
    same(parameters(DENSE), 6.0 * 496.0 + 1600.0 + 8.0)
    same(parameters(dense(tied=1.0)), 6.0 * 496.0 + 800.0 + 8.0)


def test_parameters_of_latent_attention_and_experts():
    # Query 5 (8 + 4 * 3) = 100; key and value 8 (6 + 1) + 6 * 4 (2 + 4) = 200; out 4 *
    # 4 * 8 = 128.
    same(attention_parameters(EXPERTS), 428.0)
    same(attention_parameters(experts(query_rank=0.0)), 8.0 * 4.0 * 3.0 + 328.0)
    # An expert has 3 * 8 * 3 = 72, the router 8 * 16, norms 16 + 5 + 6; of a token two
    # experts and the shared one are active.
    common = 428.0 + 27.0
    layer = common + 128.0 + 17.0 * 72.0
    active = common + 128.0 + 3.0 * 72.0
    plain = common + 288.0
    same(parameters(EXPERTS), 2.0 * plain + 4.0 * layer + 1608.0)
    same(active_parameters(EXPERTS), 2.0 * plain + 4.0 * active + 1608.0)
    # The multi-token-prediction layer has a projection of 16 x 8 beside.
    same(mtp_parameters(experts(mtp_layers=2.0)), 2.0 * (layer + 128.0))


def test_parameters_of_adapters():
    # Of rank 2: query, key and value 8 + 16 and out 8 + 8; up 8 + 24 and down 12 + 8.
    same(adapter_parameters(DENSE, 2.0), [2.0 * 40.0, 2.0 * 52.0, 2.0 * 16.0])
    same(adapter_parameters(dense(gated=0.0), 2.0)[1], 2.0 * (8.0 + 12.0 + 12.0 + 8.0))
    # Query 8 + 5 and 5 + 12, key and value 8 + 7 and 6 + 24, out 16 + 8; of an expert
    # 8 + 6 and 3 + 8.
    same(adapter_parameters(EXPERTS, 2.0), [2.0 * 99.0, 2.0 * 52.0, 2.0 * 25.0])
    # Uncompressed queries are 8 + 12.
    same(adapter_parameters(experts(query_rank=0.0), 1.0)[0], 99.0 - 30.0 + 20.0)


def test_flops_of_a_token():
    # Forward: query, key, value 2 * 16 * 8; out 2 * 8 * 8; up 2 * 24 * 8; down 2 * 8 *
    # 12; scores 16 tokens * 4 heads * (2 + 2); head 2 * 100 * 8.
    layer = 256.0 + 128.0 + 384.0 + 192.0
    same(token_flops(DENSE, TRAINING), 3.0 * (6.0 * (layer + 256.0) + 1600.0))
    full = dataclasses.replace(TRAINING, attention_flops="full")
    same(token_flops(DENSE, full), 3.0 * (6.0 * (layer + 512.0) + 1600.0))
    # 32 sequences of 16 tokens.
    same(step_flops(DENSE, TRAINING), 512.0 * 3.0 * (6.0 * (layer + 256.0) + 1600.0))


def test_flops_of_a_token_beside_frozen_weights():
    # No weight gradient: twice 960 of a layer and 1600 of the head, scores as before.
    adapted = dataclasses.replace(TRAINING, lora_rank=2.0)
    wanted = 2.0 * (6.0 * 960.0 + 1600.0) + 3.0 * 6.0 * 256.0
    same(token_flops(DENSE, adapted), wanted)


@pytest.mark.parametrize(
    ("documents", "length"), [(4.0, 4.0), (16.0, 16.0), (99.0, 16.0)]
)
def test_flops_of_documents(documents, length):
    # A token attends to its document, of 16 tokens at most: 4 heads * (2 + 2) each.
    packed = dataclasses.replace(TRAINING, document_length=documents)
    same(attention_flops(DENSE, packed, HALF), 16.0 * length * 8.0)
    wanted = 3.0 * (6.0 * (960.0 + length * 16.0) + 1600.0)
    same(token_flops(DENSE, packed), wanted)


def test_flops_of_a_token_of_experts():
    # Query down 2 * 5 * 8 and up 2 * 12 * 5; keys down 2 * 7 * 8 and up 2 * 24 * 6; out
    # 2 * 8 * 16; scores 16 * 4 * (3 + 4).
    common = 80.0 + 120.0 + 112.0 + 288.0 + 256.0 + 448.0
    # Router 2 * 16 * 8; shared and two routed experts 2 * 3 * 3 * 8 each.
    routed = 256.0 + 3.0 * 144.0
    # Two dense layers of 576, four of experts, one more to predict ahead, two heads.
    forward = 2.0 * (common + 576.0) + 5.0 * (common + routed) + 2.0 * 1600.0
    # Before the one that predicts ahead 16 channels become 8.
    forward += 256.0
    same(token_flops(EXPERTS, TRAINING), 3.0 * forward)


def rows_of(model, split):
    gemms, parts = layer_gemms(model, split)
    names = ("rows", "columns", "inner", "groups", "grouped", "kept", "inputs")
    return {
        name: [float(getattr(gemms, field)[place]) for field in (*names, "outputs")]
        for place, name in enumerate(gemms.names)
    }, parts


def test_shapes_of_a_dense_split():
    """Rows, columns, inner, groups, grouped, kept, inputs and outputs over ranks."""
    rows, parts = rows_of(DENSE, HALF)
    assert rows == {
        # (4 + 2 * 2) heads of 2 channels over two ranks.
        "query key value": [16, 8, 8, 1, 0, 0, 2, 1],
        "attention out": [16, 8, 4, 1, 0, 0, 1, 2],
        "ffn up": [16, 12, 8, 1, 0, 0, 2, 1],
        "ffn down": [16, 8, 6, 1, 0, 0, 1, 2],
        # A dense model has an idle router and experts of no width.
        "router": [8, 1, 8, 1, 0, 1, 1, 1],
        "shared up": [8, 0, 8, 1, 0, 0, 1, 1],
        "shared down": [8, 8, 0, 1, 0, 0, 1, 1],
        "expert up": [0, 0, 8, 0.25, 1, 0, 1, 1],
        "expert down": [0, 8, 0, 0.25, 1, 0, 1, 1],
        "lm head": [16, 50, 8, 1, 0, 1, 1, 1],
        "join ahead": [8, 8, 16, 1, 0, 0, 1, 1],
    }
    assert parts["attention"] == slice(0, 2)
    assert parts["dense"] == slice(2, 4)
    assert parts["expert"] == slice(4, 9)
    assert parts["head"] == slice(9, 10)
    # Without sequence parallelism nothing is spread before or after.
    alone, _ = rows_of(DENSE, HALF._replace(sequence=0.0))
    assert alone["ffn up"] == [16, 12, 8, 1, 0, 0, 1, 1]


def test_shapes_of_experts():
    """16 experts over four ranks: four of each rank's, 8 * 2 / 4 tokens to each."""
    rows, _ = rows_of(EXPERTS, HALF)
    # Compressions see the rank's 8 of 16 tokens, at full width.
    assert rows["query down"] == [8, 5, 8, 1, 0, 0, 1, 1]
    assert rows["query up"] == [16, 6, 5, 1, 0, 0, 2, 1]
    assert rows["key value down"] == [8, 7, 8, 1, 0, 0, 1, 1]
    assert rows["key value up"] == [16, 12, 6, 1, 0, 0, 2, 1]
    assert rows["attention out"] == [16, 8, 8, 1, 0, 0, 1, 2]
    assert rows["router"] == [8, 16, 8, 1, 0, 1, 1, 1]
    assert rows["shared up"] == [8, 6, 8, 1, 0, 0, 1, 1]
    assert rows["shared down"] == [8, 8, 3, 1, 0, 0, 1, 1]
    assert rows["expert up"] == [4, 6, 8, 4, 1, 0, 1, 1]
    assert rows["expert down"] == [4, 8, 3, 4, 1, 0, 1, 1]
    direct, _ = rows_of(experts(query_rank=0.0), HALF)
    assert direct["query down"][1] == 0.0
    assert direct["query up"][2] == 8.0


def test_attention_core():
    # Half of 16 heads * channels; two key heads over four ranks are replicated.
    same(attention_flops(DENSE, TRAINING, HALF), 16.0 * 16.0 * 8.0)
    same(key_value_channels(DENSE, 1.0), 8.0)
    same(key_value_channels(DENSE, 4.0), 4.0)
    same(key_value_channels(EXPERTS, 2.0), 14.0)
    # Two bytes of 8 query and output and 4 key and value channels.
    same(attention_bytes(DENSE, HALF), 2.0 * 16.0 * 12.0)
    same(attention_bytes(EXPERTS, HALF), 2.0 * 16.0 * 28.0)


def test_sliding_windows():
    # A window of 4 of 16 tokens: 1/4 (2 - 1/4) = 7/16 of the scores, in half of the
    # layers; a window beyond the sequence changes nothing.
    windowed = dense(window=4.0, windowed_share=0.5)
    same(attention_flops(windowed, TRAINING, WHOLE), 256.0 * (1.0 - 0.5 * 9.0 / 16.0))
    same(attention_flops(dense(window=99.0, windowed_share=0.5), TRAINING, WHOLE), 256)
    # Of documents of 8 tokens 1/2 (2 - 1/2) = 3/4.
    packed = dataclasses.replace(TRAINING, document_length=8.0)
    same(attention_flops(windowed, packed, WHOLE), 128.0 * (1.0 - 0.5 * 0.25))


def test_elementwise_bytes():
    # 28 B a channel of the 8 tokens; FFN 6 B of 6 channels of 16 tokens.
    found = elementwise_bytes(EXPERTS, HALF)
    same(found.norm, 28.0 * 8.0 * 8.0)
    same(found.dense, 6.0 * 12.0 * 16.0 / 2.0)
    # Two routed and a shared expert of 3; two copies read and written twice in BF16.
    same(found.expert, 6.0 * 9.0 * 8.0)
    same(found.routing, 8.0 * 2.0 * 8.0 * 8.0)
    alone = elementwise_bytes(dense(gated=0.0), HALF._replace(sequence=0.0))
    same([alone.norm, alone.dense], [28.0 * 8.0 * 16.0, 4.0 * 12.0 * 16.0 / 2.0])


def test_four_tensor_ranks():
    # 896 B of residuals, 28 * 8 on four of 16 tokens; a quarter of the FFN's 6 * 12.
    streamed = elementwise_bytes(EXPERTS, QUARTER)
    same(streamed, [896.0, 288.0, 6.0 * 9.0 * 4.0, 4.0 * 128.0])
    # Per token: 64 / 4; a head 2 * 4 and keys 2 * 4; FFN 6 * 12 / 4.  Selective drops
    # 4 * 8 / 4 and 2 * 12 / 4.
    everything = 16.0 * (16.0 + 8.0 + 8.0 + 18.0)
    kept = {"none": everything, "selective": everything - 16.0 * 14.0, "full": 64.0}
    for name, bytes_kept in kept.items():
        found = layer_activations(DENSE, TRAINING, QUARTER, 0.0, repeated(name))
        same([found.dense, found.whole_dense], [bytes_kept, everything])
    # Query heads are parted, key heads replicated: 2 + 4 columns.
    rows, _ = rows_of(DENSE, QUARTER)
    assert rows["query key value"] == [16, 6, 8, 1, 0, 0, 4, 1]
    assert rows["ffn down"] == [16, 8, 3, 1, 0, 0, 1, 4]
    rows, _ = rows_of(EXPERTS, QUARTER)
    assert rows["query down"] == [4, 5, 8, 1, 0, 0, 1, 1]
    assert rows["expert up"] == [2, 6, 8, 4, 1, 0, 1, 1]


def kept_by(model, name, score_bytes=0.0):
    modules = repeated(name, score_bytes)
    return layer_activations(model, TRAINING, HALF, score_bytes, modules)


def test_activations_of_a_dense_layer():
    # Per token: 8 * 8 and a mask of 2 * 8 over two ranks: 40; heads 2 * 2 * (2 + 2) =
    # 16 and keys 2 * 4 = 8; FFN (4 + 2) * 6 = 36.
    masked = dense(dropout=1.0)
    everything = 16.0 * (40.0 + 16.0 + 8.0 + 36.0)
    # Selective drops norms, 4 * 8 / 2 a token, and the FFN's product, 2 * 6; full all
    # but the layer's input.
    same(kept_by(masked, "none").dense, everything)
    same(kept_by(masked, "selective").dense, everything - 16.0 * (16.0 + 12.0))
    same(kept_by(masked, "full").dense, 16.0 * 2.0 * 8.0 / 2.0)
    # Unfused attention stores 5 B for each of 16 * 16 scores of two heads; selective
    # drops those and nothing else.
    same(kept_by(masked, "none", 5.0).dense, everything + 2560.0)
    same(kept_by(masked, "selective", 5.0).dense, everything)
    same(kept_by(masked, "full", 5.0).dense, 128.0)
    # An ungated FFN keeps 4 B per channel, and without a mask 32 B remain.
    plain = kept_by(dense(gated=0.0), "none").dense
    same(plain, 16.0 * (32.0 + 16.0 + 8.0 + 24.0))
    # Scores of documents of 4 tokens are a quarter.
    packed = dataclasses.replace(TRAINING, document_length=4.0)
    found = layer_activations(masked, packed, HALF, 5.0, repeated())
    same(found.dense, everything + 640.0)


def test_activations_of_an_expert_layer():
    # Latents add 2 (5 + 6): (64 + 22) / 2 = 43; heads 2 * 2 * 7 = 28, keys 2 * 14 = 28.
    common = 16.0 * (43.0 + 28.0 + 28.0)
    # 8 tokens, each 6 B of nine channels and two copies of 2 * 8 B.
    routed = 8.0 * (54.0 + 32.0)
    dropped = 16.0 * 16.0 + 8.0 * 2.0 * 9.0
    same(kept_by(EXPERTS, "none").expert, common + routed)
    same(kept_by(EXPERTS, "selective").expert, common + routed - dropped)
    same(kept_by(EXPERTS, "full").expert, 128.0)
    same(kept_by(EXPERTS, "full").whole_expert, common + routed)


@pytest.mark.parametrize(
    ("stages", "chunks", "count", "held"),
    [
        (4.0, 1.0, 10.0, [4.0, 3.0, 1.0]),
        # 4 + 3 / 2, two chunks less on the second, and (4 + 1) / 2 on the last.
        (4.0, 2.0, 10.0, [5.5, 4.5, 2.5]),
        (4.0, 3.0, 10.0, [5.0, 13.0 / 3.0, 3.0]),
        # The second of two is the last.
        (2.0, 1.0, 10.0, [2.0, 1.0, 1.0]),
        (2.0, 2.0, 10.0, [2.5, 1.5, 1.5]),
        (1.0, 1.0, 10.0, [1.0, 1.0, 1.0]),
        # Never more than there are.
        (4.0, 3.0, 4.0, [4.0, 4.0, 3.0]),
        (4.0, 3.0, 2.0, [2.0, 2.0, 2.0]),
        (4.0, 3.0, 1.0, [1.0, 1.0, 1.0]),
    ],
)
def test_micro_batches_in_flight(stages, chunks, count, held):
    same(in_flight(stages, chunks, count), held)
