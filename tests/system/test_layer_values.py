"""Collectives of a layer and of a step, each worked by hand."""

import dataclasses

import jax.numpy as jnp
import pytest

from supernode_opt.hardware.fabric import crowding
from supernode_opt.system.collectives import Network, duration, network
from supernode_opt.system.communication import (
    Communication,
    communication,
    latent_channels,
)
from supernode_opt.system.layer import layer_passes
from supernode_opt.system.layer_times import LayerTimes
from supernode_opt.workload.operators import Split
from supernode_opt.workload.recompute import Recompute, again
from supernode_opt.workload.shards import Shards
from supernode_opt.workload.traffic import Transfer
from tests.plain import (
    DENSE,
    EXPERTS,
    SWITCH,
    TRAINING,
    design,
    repeated,
    same,
    scenario,
)

EXACT = jnp.inf


def test_rates_and_latencies_of_the_network():
    where = scenario()
    net = network(design(oversubscription=2.0, up=(0.5, 0.5)), where, False)
    # Half of 100 B/s in the domain; 40 % of 10 B/s outside, shared by two.
    same([net.inner_rate, net.outer_rate], [50.0, 2.0])
    # Eight chips of a domain, like all sixteen, need two tiers: three switches of 3 s,
    # and a link of two ends, copper 0.5 s, light 2 s.
    same(net.inner_latency, 10.0 + 9.0 + 2.0 * 1.25)
    same(net.outer_latency, 100.0 + 9.0 + 2.0 * 2.0)
    same([net.board_latency, net.call_latency], [1.0, 1000.0])
    # Four chips need one switch, a single chip none.
    small = network(design(chips=4.0), where, False)
    same([small.inner_latency, small.outer_latency], [10.0 + 3.0 + 1.0, 107.0])
    alone = network(design(chips=1.0), where, False)
    same([alone.inner_latency, alone.outer_latency], [11.0, 104.0])


def test_duration_of_a_transfer():
    net = Network(*map(jnp.asarray, (50.0, 2.0, 1.0, 10.0, 100.0, 1000.0)))
    # 100 / 50 = 2 s inside, 6 / 2 = 3 s outside: the slower one; 2, 3 and 4 hops.
    sent = Transfer(*map(jnp.asarray, (100.0, 6.0, 2.0, 3.0, 4.0, 1.0)))
    same(duration(sent, net, EXACT), 3.0 + 2.0 + 30.0 + 400.0 + 1000.0)


# Parameters of one rank, each its own number.
HELD = Shards(
    dense_layer=jnp.asarray(30.0),
    expert_layer=jnp.asarray(60.0),
    routed_layer=jnp.asarray(90.0),
    tables=jnp.asarray(0.0),
    stages=jnp.asarray([120.0, 100.0, 150.0]),
    routed=jnp.asarray([180.0, 160.0, 210.0]),
    trained=jnp.asarray([110.0, 95.0, 140.0]),
    trained_routed=jnp.asarray([170.0, 155.0, 200.0]),
    stage=jnp.asarray(240.0),
    stage_routed=jnp.asarray(270.0),
    updated=jnp.asarray(400.0),
)
# Bytes take a second each inside a domain and two outside; nothing else takes time.
BYTES = Network(*map(jnp.asarray, (1.0, 0.5, 0.0, 0.0, 0.0, 0.0)))


def timed(domain=4.0, level="zero1", sequence="on", board=4.0, net=BYTES, **changes):
    """16 chips: tensor 2, context 2, pipeline 2, two replicas; experts over four."""
    split = Split(tensor=2.0, context=2.0, expert=4.0, sequence=1.0, tokens=16.0)
    split = split._replace(sequence=float(sequence == "on"))
    chosen = design(
        optimizer_sharding=level,
        sequence_parallel=sequence,
        tensor_parallel=2.0,
        context_parallel=2.0,
        pipeline_parallel=2.0,
        expert_parallel=4.0,
        scale_up_domain=domain,
    )
    where = scenario(EXPERTS, host__chips_per_board=board, **changes)
    # Sharded states are spread over two of the four ranks that share them.
    return communication(chosen, where, split, HELD, 2.0, net, EXACT)


def test_collectives_of_one_layer():
    comm = timed()
    # Two ranks gather as 1 of 1.5.  16 tokens of 8 channels in two bytes.
    same(comm.tensor, 256.0 / 1.5)
    # Attention reads 5 + 6 + 1 channels.
    same(comm.latent, 384.0 / 1.5)
    # Keys and values of 14 channels, of two context ranks.
    same(comm.context, 2.0 * 16.0 * 14.0 * 2.0 / 1.5)
    # Eight tokens to two experts, 3/4 to others, at 1/4 instead of 1/2 of the link.
    same(comm.dispatch, 8.0 * 16.0 * 2.0 * 0.75 * 2.0)
    # One layer's parameters in two bytes, gathered by two of a domain, or by two that
    # stand four chips apart: half of the bytes through each port, at half the rate.
    same([comm.shard_dense, comm.shard_expert], [60.0 / 1.5, 120.0 / 1.5])
    same(comm.shard_routed, 180.0 * 0.5 / 0.5)
    # To the next stage, eight chips on: half of the activations of 16 tokens.
    same(comm.stage, 128.0 / 0.5)


def test_embedding_and_head_come_with_the_layers():
    split = Split(tensor=1.0, context=1.0, expert=1.0, sequence=0.0, tokens=16.0)
    held = HELD._replace(tables=jnp.asarray(15.0))
    chosen = design(optimizer_sharding="zero3", chips=8.0)
    comm = communication(chosen, scenario(DENSE), split, held, 8.0, BYTES, EXACT)
    # 30 of a layer and 15 of the tables in two bytes, 7 of 7.5 by a ring of eight.
    same(comm.shard_dense, 90.0 * 7.0 / 7.5)
    same(comm.shard_expert, 150.0 * 7.0 / 7.5)


@pytest.mark.parametrize(
    ("level", "each"),
    # All-reduce of four bytes; scatter four and gather two; gather two; nothing.
    [("zero0", 8.0), ("zero1", 6.0), ("zero2", 2.0), ("zero3", 0.0)],
)
def test_collectives_of_a_step(level, each):
    comm = timed(level=level)
    same(comm.data_dense, each * 240.0 / 1.5)
    same(comm.data_routed, each * 270.0 * 0.5 / 0.5)
    # Two copies of a half of the states, four chips apart: all-reduced.
    same(comm.data_copies, 2.0 * 4.0 * 240.0 / 2.0 * 0.5 / 0.5)


def test_collectives_of_sizes_that_all_differ():
    """64 chips: tensor 4, context 2, pipeline 2, four replicas; experts over eight."""
    split = Split(tensor=4.0, context=2.0, expert=8.0, sequence=1.0, tokens=16.0)
    chosen = design(
        optimizer_sharding="zero1",
        sequence_parallel="on",
        chips=64.0,
        tensor_parallel=4.0,
        context_parallel=2.0,
        pipeline_parallel=2.0,
        expert_parallel=8.0,
        scale_up_domain=16.0,
    )
    # States are spread over four of eight ranks, in two copies.
    comm = communication(chosen, scenario(EXPERTS), split, HELD, 4.0, BYTES, EXACT)
    same(comm.tensor, 256.0 * 3.0 / 3.5)
    same(comm.context, 2.0 * 16.0 * 7.0 * 2.0 / 1.5)
    same(comm.dispatch, 4.0 * 16.0 * 2.0 * 7.0 / 8.0 * 2.0)
    same([comm.shard_dense, comm.shard_expert], [180.0 / 3.5, 360.0 / 3.5])
    same(comm.data_dense, 6.0 * 240.0 * 3.0 / 3.5)
    # 32 ranks of a stage are four groups of experts, two of them in a domain: outside
    # 3/4 of the bytes through two ports at half the rate, inside a ring through all
    # four, 3 / 3.5 of them at the full rate, which is the slower.
    assert 180.0 * 3.0 / 3.5 > 180.0 * 0.75 / 2.0 / 0.5
    same(comm.shard_routed, 180.0 * 3.0 / 3.5)
    same(comm.data_routed, 6.0 * 270.0 * 3.0 / 3.5)
    # Copies stand 16 chips apart, stages 32.
    same(comm.data_copies, 2.0 * 4.0 * 240.0 / 4.0 * 0.5 / 0.5)
    same(comm.stage, 256.0 / 4.0 / 0.5)


def test_collectives_leave_small_domains():
    comm = timed(domain=2.0, sequence="off")
    # Context ranks stand two apart: half of the bytes, at half the rate.
    same(comm.context, 896.0 * 0.5 / 0.5)
    same(comm.data_dense, 6.0 * 240.0 * 0.5 / 0.5)
    # Sixteen experts on two domains: both picks stay with 8 * 7 of 16 * 15, so that
    # 23/30 copies of a token leave, at 10 % of the network instead of 40 %.
    same(comm.dispatch, 8.0 * 16.0 * 23.0 / 30.0 * 4.0 / 0.5)
    # Without sequence parallelism a stage hands over all activations.
    same(comm.stage, 256.0 / 0.5)


def test_busy_experts_and_small_copies():
    """Each changes `test_collectives_of_one_layer` by its own factor."""
    plain = 8.0 * 16.0 * 2.0 * 0.75 * 2.0

    def dispatch(precision="bf16", **changes):
        training = dataclasses.replace(TRAINING, precision=precision)
        return timed(training=training, **changes).dispatch

    same(dispatch(software__expert_imbalance=1.5), 1.5 * plain)
    # One byte to the experts, two back, in low precision alone.
    same(dispatch(software__dispatch_bytes=1.0), plain)
    same(dispatch("fp8", software__dispatch_bytes=1.0), 0.75 * plain)
    # Two picks of 16 experts miss one of four ranks in 12 * 11 of 16 * 15 cases: they
    # fall on 4 (1 - 11/20) = 9/5 ranks, not 2.
    same(dispatch(software__rank_deduplication=1.0), 9.0 / 10.0 * plain)


def test_exchanges_between_domains_contend():
    contention = {"scale_out_switch__all_to_all_contention": 1.5}
    one, other = timed(domain=2.0), timed(domain=2.0, **contention)
    same(other.dispatch, 1.5 * one.dispatch)
    same(other.data_dense, one.data_dense)


def test_fabrics_without_switches():
    # Four chips in a mesh: a pair has one of three links, four have all.
    where = {"scale_up_switch__topology": "mesh"}
    mesh, plain = timed(**where), timed()
    same([mesh.tensor, mesh.context], [3.0 * plain.tensor, 3.0 * plain.context])
    same(mesh.dispatch, plain.dispatch)
    # In a ring of four an exchange goes one step on average, in one of 16 four: twice
    # that in a torus of 16 by 16, twelve in one of 16 by 16 by 16.
    torus = {"scale_up_switch__topology": "direct"}
    same(timed(**torus, scale_up_switch__dimensions=1.0).dispatch, plain.dispatch)
    for sides, wanted in ((1.0, 4.0), (2.0, 8.0), (3.0, 12.0)):
        switch = dataclasses.replace(SWITCH, dimensions=sides, topology="circuit")
        same(crowding(switch, 16.0**sides, True), wanted)
        same(crowding(switch, 16.0**sides, False), 1.0)
    same(timed(**torus).tensor, plain.tensor)


def test_experts_that_domains_cut():
    # Twelve of sixteen chips: domains of six, groups of four cut 2 and 2.
    split = Split(tensor=1.0, context=1.0, expert=4.0, sequence=0.0, tokens=16.0)
    chosen = design(chips=12.0, expert_parallel=4.0, scale_up_domain=6.0)
    where = scenario(EXPERTS)
    found = communication(chosen, where, split, HELD, 12.0, BYTES, EXACT)
    # Half of the experts are remote: 23/30 of a copy leaves, at 10 % of the network
    # instead of 40 %; inside, 2 x 3/4 copies at 1/4 instead of 1/2.
    outer, inner = 16.0 * 16.0 * 23.0 / 30.0 * 4.0 / 0.5, 16.0 * 16.0 * 1.5 * 2.0
    same(found.dispatch, max(outer, inner))
    # Three groups of data ranks of experts, four apart: 8 | 4 and 4 | 8, so a member
    # of one domain is alone: 2/3 of the bytes through its port.
    same(found.shard_routed, 180.0 * 2.0 / 3.0 / 0.5)
    # A descent lets domains begin where groups do, which is never slower.
    smooth = communication(chosen, where, split, HELD, 12.0, BYTES, EXACT, True)
    same(smooth.dispatch, 16.0 * 16.0 * 1.5 * 2.0)


def test_hops_of_boards_and_domains():
    hops = Network(*map(jnp.asarray, (1e30, 1e30, 1.0, 10.0, 100.0, 1000.0)))
    comm = timed(board=2.0, net=hops)
    # Tensor ranks share a board; context and data ranks a domain; copies and routed
    # experts are domains apart; expert ranks are one hop on and one off the board.
    same(comm.tensor, 1001.0)
    same([comm.context, comm.data_dense, comm.shard_dense], 1010.0)
    same([comm.data_copies, comm.data_routed, comm.stage], 1100.0)
    same(comm.dispatch, 1011.0)


ONCE = Communication(
    *map(jnp.asarray, (1.0, 0.5, 10.0, 100.0, 1e3, 2e3, 3e3, 0, 0, 0, 0))
)


def passes(
    chosen,
    model=EXPERTS,
    compute=0.0,
    comm=ONCE,
    modules=None,
    elementwise=0.0,
    **changes,
):
    """Expose `comm` beside `compute` seconds, a share of them elementwise."""
    where, zero = scenario(model, **changes), jnp.zeros((2, 2))
    parts = (1.0 - elementwise) * compute, zero, elementwise * compute, zero, zero
    kernels = LayerTimes(*(zero + part for part in parts))
    modules = again(chosen.recompute, Recompute(), 0.0) if modules is None else modules
    return layer_passes(chosen, where, modules, kernels, comm, EXACT)


def test_how_often_a_layer_communicates():
    """Kind by layer by pass; nothing hides."""
    plain = passes(design())
    # Two gathers and two scatters of hidden channels forward; backward as many, two of
    # the latents that attention reads; none in an expert block; keys forward, keys and
    # their gradients backward; two all-to-alls; nothing sharded.
    same(plain[0], [[4.0, 3.0], [2.0, 1.0]])
    same(plain[1], [[10.0, 20.0], [10.0, 20.0]])
    same(plain[2], [[0.0, 0.0], [200.0, 200.0]])
    same(plain[3], 0.0)
    # Full recompute repeats what is forward.
    again = passes(design(recompute="full"))
    same(again[0], [[4.0, 7.0], [2.0, 3.0]])
    same(again[1:3, 1], [[10.0, 30.0], [200.0, 400.0]])
    # Sequence parallelism gathers the inputs once more, those of attention at half the
    # size: 1/2 + 1 + 1 + 1 forward, 1/2 + 1/2 + 1 and 3 backward.
    chosen = design(sequence_parallel="on")
    same(passes(chosen)[0], [[3.5, 5.0], [1.5, 2.0]])
    # A dense model has no experts.
    same(passes(chosen, DENSE)[0], [[3.5, 5.0], [3.5, 5.0]])


QUIET = ("norm", "activation", "core_attention", "mla_up")


@pytest.mark.parametrize("module", [*QUIET, "operators", "ffn", "experts", "full"])
def test_what_modules_send_again(module):
    """Backward alone, in half of the layers."""
    more = passes(design(), modules=repeated(**{module: 0.5})) - passes(design())
    # A dense FFN's gather and scatter, two of four; both all-to-alls of 100 s; the
    # whole layer's gathers, keys and all-to-alls.
    tensor = {"ffn": [0.5 * 2.0, 0.0], "full": [0.5 * 4.0, 0.5 * 2.0]}
    context = {"full": [0.5 * 10.0] * 2}
    expert = {name: [0.0, 0.5 * 200.0] for name in ("operators", "experts", "full")}
    for kind, wanted in enumerate((tensor, context, expert, {})):
        same(more[kind, :, 1], wanted.get(module, [0.0, 0.0]))
    same(more[:, :, 0], 0.0)


def test_experts_of_whole_layers_are_dispatched_once():
    found = passes(design(), modules=repeated(full=1.0, experts=1.0, ffn=1.0))
    same(found, passes(design(recompute="full")))


def test_what_is_gathered_has_been_cast():
    fp8 = dataclasses.replace(TRAINING, precision="fp8")
    # Gathers move half, scatters all: 1/4 + 1 + 1/2 + 1 forward; backward 1/2 + 1/2 for
    # gradients of outputs, 1/2 + 1 for those of inputs, 1/4 + 1/2 for inputs.
    chosen = design(sequence_parallel="on", recompute="full")
    same(passes(chosen, training=fp8)[0, 0], [2.75, 3.25 + 2.75])
    same(passes(design(), training=fp8)[0, 0], [4.0, 3.0])


def test_hidden_communication_takes_compute_units():
    # Of 200 s of exchange 50 s hide behind half of 100 s of compute; a quarter of the
    # units does 12.5 s of work less meanwhile.
    free = {"software__expert_window": 0.5, "software__expert_overlapped": 0.8}
    taken = passes(design(), compute=100.0, software__communication_share=0.25, **free)
    same(taken[2, 1], 150.0 + 12.5)
    # What is not hidden takes nothing twice.
    same(taken[0], passes(design())[0])


def test_hidden_communication_takes_memory_from_what_is_bound_by_it():
    # Ports bring 50 B/s; at 0.8 bytes of memory each that is half of its 80 B/s.
    free = {"software__expert_window": 0.5, "software__expert_overlapped": 0.8}
    free["software__communication_traffic"] = 0.8
    bound = passes(design(), compute=100.0, elementwise=0.25, **free)
    # Of the 50 hidden seconds half a second each, in a quarter of the kernels.
    same(bound[2, 1], 150.0 + 50.0 * 0.5 * 0.25)
    # At three bytes it is all of memory, and no more.
    free["software__communication_traffic"] = 3.0
    same(passes(design(), compute=100.0, elementwise=0.25, **free)[2, 1], 162.5)
    same(passes(design(), compute=100.0, **free)[2, 1], 150.0)


PANGU = dataclasses.replace(
    EXPERTS, hidden=7680.0, query_rank=1536.0, key_value_rank=512.0, rope_dim=64.0
)


def test_latents_are_what_attention_gathers():
    # Of Pangu Ultra MoE's 7,680 channels 2,112; all of them without compression of
    # queries, beside the keys'; all in grouped-query attention.
    same(latent_channels(PANGU), 2112.0)
    plain = dataclasses.replace(PANGU, query_rank=0.0)
    same(latent_channels(plain), 7680.0 + 576.0)
    same(latent_channels(DENSE), 8.0)
    # In an expert layer (1 + 0.275) / 2 forward and (1 + 2 x 0.275) / 3 backward.
    small = ONCE._replace(latent=jnp.asarray(2112.0 / 7680.0))
    found = passes(design(sequence_parallel="on"), comm=small)[0, 1]
    assert found[0] / 2.0 == pytest.approx(0.6375)
    assert found[1] / 3.0 == pytest.approx(0.5167, abs=1e-4)


def test_sharded_layers():
    # ZeRO-2 scatters gradients of four bytes, twice a gather's; ZeRO-3 also gathers
    # the parameters in both passes.
    same(passes(design(optimizer_sharding="zero1"))[3], 0.0)
    two = passes(design(optimizer_sharding="zero2"))[3]
    same(two, [[0.0, 2e3], [0.0, 1e4]])
    three = passes(design(optimizer_sharding="zero3"))[3]
    same(three, [[1e3, 3e3], [5e3, 15e3]])
    # Frozen weights are gathered and have no gradients.
    adapted = {"training__lora_rank": 2.0}
    same(passes(design(optimizer_sharding="zero2"), **adapted)[3], 0.0)
    three = passes(design(optimizer_sharding="zero3"), **adapted)[3]
    same(three, [[1e3, 1e3], [5e3, 5e3]])


@pytest.mark.parametrize("kind", ["tensor", "context", "expert", "shard"])
def test_a_share_hides_behind_a_window(kind):
    # A pass of 100 s; behind half of it hides 80 % of a short exchange, and all of a
    # long one but what exceeds the window.
    hidden = {f"software__{kind}_window": 0.5, f"software__{kind}_overlapped": 0.8}
    chosen = design(optimizer_sharding="zero3")
    bare = passes(chosen)
    found = passes(chosen, compute=100.0, **hidden)
    place = ("tensor", "context", "expert", "shard").index(kind)
    raw = bare[place]
    wanted = jnp.maximum(50.0 + 0.2 * raw, raw) - 50.0
    same(found[place], wanted)
    others = jnp.arange(4) != place
    same(found[others], bare[others])
