"""Images from noise: what a `DiffusionTransformer` is trained to say, and samplers."""

from tlkeras.diffusion.denoising import Diffusion, signal_rates
from tlkeras.diffusion.flow_matching import FlowMatching

__all__ = ["Diffusion", "FlowMatching", "signal_rates"]
