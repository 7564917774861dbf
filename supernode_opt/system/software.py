"""What a training framework adds to the hardware: the constants of its stack."""

from supernode_opt.record import record, static
from supernode_opt.units import Efficiency, NonNegative, Number, Share, quantity

Time = quantity("s", zero=True)


@record
class Software:
    """Constants of a training stack and release.

    Each kind of communication has an `overlapped` share that may hide behind compute
    and a `window`: the share of compute behind which it may hide.  The windows add up
    to at most one.

    Attributes:
      gemm_efficiency: GEMM rate inside a training step over the best kernel's [1].
      gemm_tokens: tokens at which a GEMM takes twice its ideal time [1].
      gemm_width: the same for the widths N and K of the weight matrix [1].
      expert_tokens: the same for tokens per local expert of grouped GEMMs [1].
      attention_efficiency: flash attention rate over peak * clock [1].
      elementwise_traffic: bytes moved by fused elementwise kernels over the ideal [1].
      launch_time: per kernel, exposed on the device [s].
      expert_layer_time: host time per MoE layer, pass and micro-batch [s].
      scale_up_efficiency: achieved over link bandwidth, collectives in the domain [1].
      scale_out_efficiency: the same for the network [1].
      board_latency: per hop inside a board [s].
      scale_up_latency: per hop across the scale-up domain [s].
      scale_out_latency: per hop across the network [s].
      collective_latency: fixed time to start one collective [s].
      tensor_overlapped, tensor_window: tensor (and sequence) parallel traffic [1].
      context_overlapped, context_window: context parallel ring [1].
      expert_overlapped, expert_window: expert all-to-all [1].
      shard_overlapped, shard_window: ZeRO-2 and ZeRO-3 per-layer exchange [1].
      data_exposed: share of gradient reduction that never hides [1].
      pipeline_exposed: share of stage-to-stage transfers that is exposed [1].
      bubble_share: pipeline bubble over that of 1F1B (DualPipe 0.35) [1].
      expert_imbalance: load of the busiest expert rank over the mean [1].
      score_bytes: stored per attention score (0 with flash attention, 5 unfused) [B].
      head_factor: LM head and loss time over its GEMM [1].
      optimizer_traffic: bytes read and written per local parameter and step [B].
      step_overhead: fixed time per step [s].
      straggler: relative slow-down per doubling beyond eight chips [1].
      framework_memory: context, caches and fragmentation per chip [B].
      buffer_memory: communication buffers per chip [B].
    """

    gemm_efficiency: Efficiency
    gemm_tokens: NonNegative
    gemm_width: NonNegative
    expert_tokens: NonNegative
    attention_efficiency: Efficiency
    elementwise_traffic: NonNegative
    launch_time: Time
    expert_layer_time: Time
    scale_up_efficiency: Number
    scale_out_efficiency: Number
    board_latency: Time
    scale_up_latency: Time
    scale_out_latency: Time
    collective_latency: Time
    tensor_overlapped: Share
    tensor_window: Share
    context_overlapped: Share
    context_window: Share
    expert_overlapped: Share
    expert_window: Share
    shard_overlapped: Share
    shard_window: Share
    data_exposed: Share
    pipeline_exposed: Share
    bubble_share: NonNegative
    expert_imbalance: Number
    head_factor: Number
    optimizer_traffic: NonNegative
    step_overhead: Time
    straggler: NonNegative
    framework_memory: quantity("B", zero=True)
    buffer_memory: quantity("B", zero=True)
    score_bytes: float = static(default=0.0)
    name: str = static(default="software")
