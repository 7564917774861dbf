"""What a training framework adds to the hardware: the constants of its stack."""

from pydantic import NonNegativeFloat

from supernode_opt.record import flag, record, static
from supernode_opt.units import (
    Efficiency,
    Flag,
    NonNegative,
    Number,
    Share,
    quantity,
)

Time = quantity("s", zero=True)


@record
class Software:
    """Constants of a training stack and release.

    Each kind of communication has an `overlapped` share that may hide behind compute
    and a `window`: the share of compute behind which it may hide.  The windows add up
    to at most one.

    Attributes:
      gemm_efficiency: GEMM rate inside a training step over the best kernel's, which is
        itself an estimate, so that it may exceed one [1].
      gemm_tokens: tokens at which a GEMM takes twice its ideal time [1].
      gemm_width: the same for the widths N and K of the weight matrix [1].
      expert_tokens: the same for tokens per local expert of grouped GEMMs [1].
      attention_efficiency: attention's causal FLOPs over peak * clock, with heads of
        128 channels, long sequences and exponentials as fast as Hopper's [1].
      attention_tokens: length of the sequence at which attention takes twice its
        ideal time; its start, its end and the mask's diagonal cost this much [1].
      score_traffic: bytes moved per attention score and pass (0 with flash) [B].
      elementwise_traffic: bytes moved by fused elementwise kernels over the ideal [1].
      fp8_efficiency, mxfp8_efficiency, nvfp4_efficiency: share of its own peak that
        a precision reaches, over BF16's share [1].
      cast_traffic: bytes moved to quantise operands over one read and two writes [1].
      tensor_pieces: pieces, over tensor ranks, that a GEMM is cut into where it
        overlaps its own gather or scatter [1].
      gradient_traffic: bytes moved to add up weight gradients over one read and one
        write per micro-batch [1].
      routing_traffic: bytes moved to permute routed tokens over four copies [1].
      dispatch_scale_up: share of the scale-up link that expert all-to-alls reach [1].
      dispatch_scale_out: the same of the network [1].
      launch_time: gap between two kernels on the device [s].
      kernel_time: host time to issue one kernel; bounds a layer from below [s].
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
      warmup_hidden: of what of it hides, the share that hides also where a pipeline
        fills and drains, without a pass of the other kind beside it; `None`: all [1].
      shard_overlapped, shard_window: ZeRO-2 and ZeRO-3 per-layer exchange [1].
      shard_latency: per layer and rank of a group that shares optimizer states; the
        cost of exchanging them rank by rank instead of in one collective [s].
      data_exposed: share of gradient reduction that never hides [1].
      pipeline_exposed: share of stage-to-stage transfers that is exposed [1].
      bubble_share: pipeline bubble over that of 1F1B (DualPipe 0.35) [1].
      pipeline_copies: copies of a stage's weights and gradients that its schedule needs
        (DualPipe 2); with several, every stage has one micro-batch more in flight than
        there are stages [1].
      expert_imbalance: load of the busiest expert rank over the mean [1].
      dispatch_bytes: per channel that a low-precision stack sends to the experts;
        BF16 stacks send two, and so do all from the experts back [B].
      communication_share: share of the chip's compute units that communication takes
        while it hides behind compute; 0 where copy engines or switches do it [1].
      communication_traffic: bytes that memory reads and writes per byte that arrives
        while it hides: a ring's reduction reads two operands and writes one, a copy
        reads and writes; shipped stacks have 0, for what it costs them is in their
        fitted windows [1].
      rank_deduplication: 1 if a rank is sent one copy of a token for all its experts,
        0 if one for each.
      score_bytes: stored per attention score (0 with flash attention, 5 unfused) [B].
      loss_traffic: bytes moved per logit by the loss, both passes [B].
      optimizer_traffic: bytes read and written per local parameter and step [B].
      step_overhead: fixed time per step [s].
      straggler: relative slow-down per doubling beyond eight chips [1].
      activation_copies: stored activations over those of fused kernels, as
        `workload.activations` counts them [1].
      weight_casts: copies of the weights in the low precision of the GEMMs kept over
        the micro-batches of a step [1].
      gathered_layers: layers whose parameters ZeRO-3 holds gathered at a time [1].
      fragmentation: what the allocator has reserved over what is allocated, less
        one [1].
      memory_spread: standard deviation of the logarithm of a measured peak over the
        predicted one [1].
      framework_memory: device context and libraries outside the allocator [B].
      buffer_memory: communication buffers per chip [B].
    """

    gemm_efficiency: quantity("", high=1.2)
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
    loss_traffic: quantity("B", zero=True)
    optimizer_traffic: NonNegative
    step_overhead: Time
    straggler: NonNegative
    framework_memory: quantity("B", zero=True)
    buffer_memory: quantity("B", zero=True)
    activation_copies: Number = 1.0
    weight_casts: NonNegative = 2.0
    gathered_layers: Number = 2.0
    fragmentation: NonNegative = 0.04
    memory_spread: Number = 0.1
    fp8_efficiency: Number = 1.0
    mxfp8_efficiency: Number = 1.0
    nvfp4_efficiency: Number = 1.0
    attention_tokens: NonNegative = 500.0
    cast_traffic: NonNegative = 1.0
    gradient_traffic: NonNegative = 1.0
    tensor_pieces: NonNegative = 0.0
    kernel_time: Time = 0.0
    score_traffic: quantity("B", zero=True) = 0.0
    shard_latency: Time = 0.0
    routing_traffic: NonNegative = 1.0
    dispatch_scale_up: Number = 0.6
    dispatch_scale_out: Number = 0.7
    dispatch_bytes: quantity("B") = 2.0
    communication_share: Share = 0.0
    # Decided before anything is compiled.
    communication_traffic: NonNegativeFloat = static(default=0.0)
    rank_deduplication: Flag = flag(default=0.0)
    # Without it no program tells those passes apart.
    warmup_hidden: Share | None = flag(default=None)
    score_bytes: float = flag(default=0.0)
    pipeline_copies: float = flag(default=1.0)
    name: str = static(default="software")
