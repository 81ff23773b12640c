"""What happens inside of a model, and which of it matters for what comes out."""

from tlkeras.interpret.ablation import ablate_heads, attention_layers, head_means
from tlkeras.interpret.attention import (
    attention_rollout,
    induction_scores,
    repeated_tokens,
)
from tlkeras.interpret.attribution import (
    at_layer,
    completeness_gap,
    gradient_times_input,
    integrated_gradients,
)
from tlkeras.interpret.deletion import deletion_area, deletion_curve, occlusion
from tlkeras.interpret.intermediates import intermediates, layer_paths
from tlkeras.interpret.lens import logit_lens
from tlkeras.interpret.patching import patching_effects
from tlkeras.interpret.similarity import linear_cka

__all__ = [
    "ablate_heads",
    "at_layer",
    "attention_layers",
    "attention_rollout",
    "completeness_gap",
    "deletion_area",
    "deletion_curve",
    "gradient_times_input",
    "head_means",
    "induction_scores",
    "integrated_gradients",
    "intermediates",
    "layer_paths",
    "linear_cka",
    "logit_lens",
    "occlusion",
    "patching_effects",
    "repeated_tokens",
]
