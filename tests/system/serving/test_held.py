"""Bytes that ranks hold: of shipped models exactly, then by hand."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from supernode_opt import catalog
from supernode_opt.system.serving.attention import cache_bytes
from supernode_opt.system.serving.held import weight_bytes
from supernode_opt.system.serving.pool import Pool
from supernode_opt.workload.model import Model
from supernode_opt.workload.parameters import (
    embedding_parameters,
    mtp_parameters,
    norm_parameters,
    parameters,
    router_parameters,
)
from supernode_opt.workload.serving import Serving, accepted, formats_of
from tests.system.serving.served import STACK, design, evaluated, scenario

ONE = Pool(ranks=1.0, tensor=1.0, data=1.0, expert=1.0, pipeline=1.0, redundant=0.0)
BF16 = formats_of(Serving(input_length=1.0, output_length=1.0))
FP8 = formats_of(Serving(input_length=1.0, output_length=1.0, weight_precision="fp8"))


@pytest.mark.parametrize("name", catalog.names("model"))
def test_weights_on_one_rank_are_all_parameters(name):
    model = catalog.load("model", name)
    found = float(weight_bytes(model, ONE, BF16, 0.0, False))
    assert found == pytest.approx(2.0 * float(parameters(model)), rel=1e-12)


def test_eight_bits_but_for_tables_routers_and_norms():
    model = catalog.load("model", "deepseek_v3_671b")
    found = float(weight_bytes(model, ONE, FP8, 0.0, False))
    sparse = model.layers - model.dense_layers
    kept = 2.0 * embedding_parameters(model) + sparse * router_parameters(model)
    kept = kept + model.layers * norm_parameters(model) + model.hidden
    assert found == pytest.approx(float(parameters(model) + kept), rel=1e-12)
    # 671 B of them, 1.85 B of which are of the tables.
    assert found == pytest.approx(671.03e9 + 1.96e9, rel=1e-3)


def test_drafts_take_a_layer_and_a_joint():
    model = catalog.load("model", "deepseek_v3_671b")
    less, more = (
        float(weight_bytes(model, ONE, BF16, drafts, False)) for drafts in (0.0, 1.0)
    )
    wanted = 2.0 * float(mtp_parameters(model))
    assert more - less == pytest.approx(wanted, rel=1e-9)
    # More of them come out of the same layer.
    assert float(weight_bytes(model, ONE, BF16, 3.0, False)) == more


def test_ranks_share_weights_and_heads():
    model = catalog.load("model", "llama3_70b")
    tables = 2.0 * 128256 * 8192
    whole = float(weight_bytes(model, ONE, BF16, 0.0, False)) - 2.0 * tables
    eight = ONE._replace(tensor=8.0)
    norms = 2.0 * (80 * 2 * 8192 + 8192)
    wanted = (whole - norms) / 8.0 + norms + 2.0 * tables / 8.0
    found = float(weight_bytes(model, eight, BF16, 0.0, False))
    assert found == pytest.approx(wanted, rel=1e-12)
    # Of eight heads of keys and values sixteen ranks have one each, twice.
    each = [float(cache_bytes(model, n, BF16, 1.0)) for n in (1.0, 8.0, 16.0)]
    assert each == pytest.approx([4096.0, 512.0, 512.0])
    # One end of a pipeline of two has half the layers and one of two tables.
    half = ONE._replace(pipeline=2.0)
    found = float(weight_bytes(model, half, BF16, 0.0, False))
    halved = 0.5 * (whole - 2.0 * 8192) + tables + 2.0 * 8192
    assert found == pytest.approx(halved, rel=1e-12)


def test_a_latent_vector_is_on_every_tensor_rank():
    model = catalog.load("model", "deepseek_v3_671b")
    one, eight = (61.0 * float(cache_bytes(model, n, BF16, 1.0)) for n in (1.0, 8.0))
    assert one == eight == 70272.0


def test_shared_experts_have_ranks_where_some_are_left():
    model = catalog.load("model", "deepseek_v3_671b")
    wide = ONE._replace(data=320.0, expert=320.0, redundant=32.0)
    # 256 experts and 32 copies on 288 ranks, the shared one's copies on 32.
    assert float(wide.alone(model)) == 1.0
    assert float(wide.held(model)) == 1.0
    assert float(wide.picks(model)) == 9.0
    full = wide._replace(redundant=64.0)
    assert float(full.alone(model)) == 0.0
    assert float(full.held(model)) == 1.0
    assert float(full.picks(model)) == 8.0
    without = dataclasses.replace(model, shared_experts=0.0)
    assert float(wide.alone(without)) == 0.0


def test_a_window_is_kept_and_no_more():
    model = catalog.load("model", "gpt_oss_120b")
    assert isinstance(model, Model)
    # Half the layers see 128 tokens: 8 heads of 64 channels, keys and values.
    found = 36.0 * float(cache_bytes(model, 1.0, BF16, 1000.0))
    assert found == 18.0 * (1000.0 + 128.0) * 2.0 * 8.0 * 64.0 * 2.0


def test_accepted_tokens_by_hand():
    serving = Serving(input_length=1.0, output_length=1.0, acceptance=0.5)
    found = [float(accepted(serving, k)) for k in (0.0, 1.0, 2.0)]
    assert found == pytest.approx([1.0, 1.5, 1.75])
    sure = dataclasses.replace(serving, acceptance=1.0)
    assert float(accepted(sure, 3.0)) == 4.0
    never = dataclasses.replace(serving, acceptance=0.0)
    assert float(accepted(never, 3.0)) == pytest.approx(1.0)


def test_where_weights_do_not_fit_a_batch_of_one_breaks_the_limit():
    where = scenario("dgx_h100", "deepseek_v3_671b", STACK)
    found = evaluated(design(where, "dgx_h100", chips=8.0), where)
    assert float(found.batch) == 1.0
    assert float(found.memory_fraction) > 1.0
    assert np.all(np.isfinite(jnp.stack([found.ttft, found.tpot, found.cost])))
