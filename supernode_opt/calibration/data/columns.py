"""Columns of a table of runs, and the paths of a study that they are short for."""

from collections.abc import Mapping

from supernode_opt.calibration.data.runs import BadRuns, Run

# Short names by path; every other path is the name of its column.
SHORT: Mapping[str, str] = {
    "name": "run_id",
    "system": "accelerator",
    "scenario.stack": "stack",
    "model.name": "model",
    "model.layers": "layers",
    "model.hidden": "hidden",
    "model.heads": "heads",
    "model.kv_heads": "kv_heads",
    "model.head_dim": "head_dim",
    "model.ffn": "ffn",
    "model.vocabulary": "vocab",
    "model.experts": "n_experts",
    "model.top_k": "topk",
    "model.shared_experts": "shared_experts",
    "model.expert_ffn": "moe_ffn",
    "training.sequence_length": "seq_len",
    "training.global_batch": "gbs",
    "training.precision": "precision",
    "design.chips": "n_accel",
    "design.tensor_parallel": "tp",
    "design.pipeline_parallel": "pp",
    "design.context_parallel": "cp",
    "design.expert_parallel": "ep",
    "training.expert_tensor_parallel": "etp",
    "design.interleave": "vpp",
    "design.micro_batch": "mbs",
    "design.recompute": "recompute",
    "design.optimizer_sharding": "fsdp_or_zero",
    "design.sequence_parallel": "seq_parallel",
    "practice.release": "release_or_date",
}


def shortened(run: Run) -> Run:
    """Return a row with short names of columns in place of the paths they stand for.

    Raises:
      BadRuns: it has both, and they differ.
    """
    cells = dict(run.cells)
    for path, name in SHORT.items():
        written = (cells.pop(path, "") or "").strip()
        if not written:
            continue
        if run.text(name) and run.text(name) != written:
            raise BadRuns(f"line {run.line}: {path} and {name} say two things")
        cells[name] = written
        if path == "design.expert_parallel":
            # The ranks as they stand, whatever the stack splits experts over.
            cells.setdefault("etp", "1")
    return Run(cells, run.line)
