"""What a serving stack adds to the hardware: its constants, few of them fitted."""

from supernode_opt.record import record, static
from supernode_opt.units import Efficiency, NonNegative, Number, Share, quantity

Time = quantity("s", zero=True)


@record
class ServingStack:
    """Constants of a serving stack and release.

    Those that `Software` has too mean the same here.

    Attributes:
      memory_efficiency: bandwidth at which weights are read, over what streaming
        kernels achieve [1].
      gemm_efficiency: rate of products over the best kernel's [1].
      launch_time: from one small kernel to the next in a captured graph [s].
      kernel_time: of the host to issue one kernel of prefill, which is in no captured
        graph [s].
      collective_latency: to start one collective [s].
      request_time: of the host per request of a rank and step: scheduling, sampling and
        streaming [s].
      step_time: of the host per step, whatever is in it [s].
      draft_time: more of it where tokens are drafted [s].
      first_time: of the server before prefill, per request [s].
      gemm_tokens, gemm_width, expert_tokens: tokens, widths and tokens per local expert
        at which a product takes twice its ideal time [1].
      expert_efficiency: rate of the experts' products over that of others, where one
        kernel gathers the tokens of all of them [1].
      dispatched_efficiency: the same where tokens arrive sorted by expert from other
        ranks [1].
      fp8_efficiency, fp4_efficiency, int8_efficiency: share of its own peak that a
        precision reaches, over BF16's share [1].
      fp4_memory_efficiency: bandwidth at which single products read weights of four
        bits, over that of others [1].
      cache_efficiency: bandwidth at which caches are read, over what streaming kernels
        achieve [1].
      attention_efficiency: attention's causal FLOPs over peak * clock in prefill, as in
        `Software` [1].
      attention_tokens: length at which that takes twice its ideal time [1].
      decode_attention_efficiency: FLOPs of attention in decode over peak * clock [1].
      fp8_attention: rate of attention in decode over that, with a cache of one byte a
        value [1].
      elementwise_traffic, routing_traffic: bytes that elementwise kernels and
        permutations of routed tokens move, over those of training [1].
      dispatched_share: of those bytes of permutations, what is left where tokens are
        dispatched to other ranks [1].
      expert_popularity: standard deviation of how often experts are picked over the
        mean, after balancing [1].
      exchange_time, exchange_growth: of a dispatch or combine, fixed, and per doubling
        of the ranks inside a domain [s].
      network_exchange_time: more of it where it leaves the domain [s].
      exchange_efficiency, network_exchange_efficiency: rate that it reaches over the
        port's, in the domain and on the network [1].
      exchange_scale: its time inside a running model over that law's [1].
      gathered_efficiency: rates of the kernels that send a token once per domain, in
        prefill, over those of decode [1].
      dispatch_bytes, combine_bytes: per channel of a token, to the experts and
        back [B].
      dual_batch_overlap: of the exchange between experts, the share that hides behind
        the other half of the batch [1].
      interference: of the host's time for a prefill, the share that decode waits for
        beside it [1].
      step_spread: standard deviation of the logarithm of a step's time [1].
      collective_growth: latency of a collective per doubling of its ranks, over that to
        start it [1].
      scale_up_efficiency, scale_out_efficiency, scale_out_latency: of collectives, as
        in `Software`.
      framework_memory: device context, graphs and libraries per rank [B].
      memory_share: of HBM that the stack may fill [1].
      memory_spread: standard deviation of the logarithm of the memory held over that
        predicted [1].
      activation_copies: working memory over one copy of hidden and experts' channels of
        all tokens of a pass [1].
      transfer_efficiency: rate at which caches move from prefill to decode, over the
        link's [1].
    """

    memory_efficiency: quantity("", high=1.6)
    gemm_efficiency: quantity("", high=1.6)
    launch_time: Time
    kernel_time: Time
    collective_latency: Time
    request_time: Time
    step_time: Time = 1e-4
    draft_time: Time = 2.5e-3
    first_time: Time = 20e-3
    gemm_tokens: NonNegative = 0.0
    gemm_width: NonNegative = 0.0
    expert_tokens: NonNegative = 0.0
    expert_efficiency: quantity("", high=1.2) = 0.4
    dispatched_efficiency: quantity("", high=1.4) = 0.95
    fp8_efficiency: Number = 1.0
    fp4_efficiency: Number = 1.0
    int8_efficiency: Number = 1.0
    fp4_memory_efficiency: Number = 0.65
    cache_efficiency: Efficiency = 0.8
    attention_efficiency: Efficiency = 0.6
    attention_tokens: NonNegative = 300.0
    decode_attention_efficiency: Efficiency = 0.65
    fp8_attention: Number = 1.39
    elementwise_traffic: NonNegative = 1.0
    routing_traffic: NonNegative = 2.0
    dispatched_share: Share = 0.5
    expert_popularity: NonNegative = 0.2
    exchange_time: Time = 15e-6
    exchange_growth: Time = 2e-6
    network_exchange_time: Time = 20e-6
    exchange_efficiency: Number = 0.6
    network_exchange_efficiency: Number = 0.92
    exchange_scale: Number = 1.0
    gathered_efficiency: Number = 1.2
    dispatch_bytes: quantity("B") = 1.0
    combine_bytes: quantity("B") = 2.0
    dual_batch_overlap: Share = 0.7
    interference: Share = 0.3
    step_spread: NonNegative = 0.1
    collective_growth: NonNegative = 0.3
    scale_up_efficiency: Number = 0.6
    scale_out_efficiency: Number = 0.8
    scale_out_latency: Time = 10e-6
    framework_memory: quantity("B", zero=True) = 2e9
    memory_share: Share = 0.9
    memory_spread: Number = 0.05
    activation_copies: Number = 1.0
    transfer_efficiency: Number = 0.7
    name: str = static(default="serving_stack")

    @property
    def board_latency(self) -> Number:
        """Per hop inside a board, as the network asks for it [s]."""
        return self.collective_growth * self.collective_latency

    @property
    def scale_up_latency(self) -> Number:
        """Per hop across the domain, beside what links and switches take [s]."""
        return self.collective_growth * self.collective_latency
