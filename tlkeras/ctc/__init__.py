"""From frames to a shorter text that nobody has aligned with them.

Connectionist temporal classification: a model says at each frame a label or *blank*, 0.
A **path** is one of them for each frame. To read it, merge equal neighbours, then drop
blanks: `a a _ a b` is *aab*. The probability of a text is the sum over all paths that
read so. A label that stands twice in a row therefore needs a blank in between.

Logits are those of frames, `(B, T, C)`; text is ids of at least 1, and 0 fills a row
up. Where `padding_mask` is not given every frame counts; a `tlkeras.models.SpeechCTC`
needs none, as frames of padding come out of it as certain blanks, which change nothing.

Axes: B batch, T frames, C labels with the blank, U length of a text.

Reference:
    Graves et al. (2006), "Connectionist temporal classification", sections 3 and 4;
    Graves et al. (2013), arXiv:1303.5778, section 3.1.
"""

from tlkeras.ctc.alignment import align
from tlkeras.ctc.decoding import beam_decode, collapse, greedy_decode
from tlkeras.ctc.loss import CTCLoss, ctc_loss, frames_needed

__all__ = [
    "CTCLoss",
    "align",
    "beam_decode",
    "collapse",
    "ctc_loss",
    "frames_needed",
    "greedy_decode",
]
