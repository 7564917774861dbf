"""What a serving stack adds to the hardware: its constants, few of them fitted."""

from supernode_opt.record import record, static
from supernode_opt.units import Efficiency, NonNegative, Number, Share, quantity

Time = quantity("s", zero=True)


@record
class ServingStack:
    """Constants of a serving stack and release.

    Those that `Software` has too mean the same here.

    Attributes:
      gemm_efficiency: rate of products in prefill over the best kernel's [1].
      gemm_tokens, gemm_width, expert_tokens: tokens, widths and tokens per local expert
        at which a product takes twice its ideal time [1].
      fp8_efficiency, fp4_efficiency, int8_efficiency: share of its own peak that a
        precision reaches, over BF16's share [1].
      memory_efficiency: bandwidth at which weights and caches are read, over what
        streaming kernels achieve [1].
      attention_efficiency: attention's causal FLOPs over peak * clock in prefill, as in
        `Software` [1].
      attention_tokens: length at which that takes twice its ideal time [1].
      decode_attention_efficiency: FLOPs of latent attention in decode over peak *
        clock, where it computes in the compressed space [1].
      elementwise_traffic, routing_traffic: bytes that fused elementwise kernels and
        permutations of routed tokens move, over the ideal [1].
      layer_time: of small kernels and gaps between kernels, per layer and pass [s].
      step_time: of scheduler, sampling and launch, per pass of the whole model [s].
      expert_popularity: standard deviation of how often experts are picked over the
        mean, after balancing [1].
      exchange_efficiency: rate of dispatch and combine over that of other collectives
        in the domain [1].
      network_exchange_efficiency: the same of the network [1].
      exchange_time: fixed time of a dispatch and a combine in a layer [s].
      exchange_wait: time that they take inside a running model over that of a unit
        test, less one: ranks wait for each other [1].
      combine_bytes, dispatch_bytes: per channel of a token, back from the experts and
        to them [B].
      dual_batch_overlap: of the exchange between experts, the share that hides behind
        the other half of the batch [1].
      prefill_overlap: the same of prefill [1].
      step_spread: standard deviation of the logarithm of a step's time [1].
      rank_deduplication: 1 if a rank is sent one copy of a token for all its experts,
        0 if one for each [1].
      scale_up_efficiency, scale_out_efficiency, board_latency, scale_up_latency,
        scale_out_latency, collective_latency: of collectives, as in `Software`.
      framework_memory: device context, graphs and libraries per rank [B].
      memory_share: of HBM that the stack may fill [1].
      activation_copies: working memory over one copy of hidden and experts' channels of
        all tokens of a pass [1].
      memory_spread: standard deviation of the logarithm of the memory held over that
        predicted [1].
      transfer_efficiency: rate at which caches move from prefill to decode, over the
        link's [1].
    """

    gemm_efficiency: quantity("", high=1.2)
    gemm_tokens: NonNegative
    gemm_width: NonNegative
    expert_tokens: NonNegative
    memory_efficiency: Efficiency
    attention_efficiency: Efficiency
    layer_time: Time
    step_time: Time
    scale_up_efficiency: Number
    scale_out_efficiency: Number
    board_latency: Time
    scale_up_latency: Time
    scale_out_latency: Time
    collective_latency: Time
    exchange_time: Time
    exchange_wait: NonNegative
    attention_tokens: NonNegative = 500.0
    decode_attention_efficiency: Efficiency = 0.65
    elementwise_traffic: NonNegative = 1.0
    routing_traffic: NonNegative = 1.0
    fp8_efficiency: Number = 1.0
    fp4_efficiency: Number = 1.0
    int8_efficiency: Number = 1.0
    expert_popularity: NonNegative = 0.1
    exchange_efficiency: Number = 1.0
    network_exchange_efficiency: Number = 1.0
    dispatch_bytes: quantity("B") = 1.0
    combine_bytes: quantity("B") = 2.0
    dual_batch_overlap: Share = 0.5
    prefill_overlap: Share = 0.5
    step_spread: NonNegative = 0.1
    rank_deduplication: Share = 0.0
    framework_memory: quantity("B", zero=True) = 4e9
    memory_share: Share = 0.9
    activation_copies: Number = 1.0
    transfer_efficiency: Number = 0.7
    memory_spread: Number = 0.05
    name: str = static(default="serving_stack")
