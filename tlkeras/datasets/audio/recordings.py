"""What every data set of speech is made of: waveforms of one length and their words."""

from typing import NamedTuple

import numpy as np


class Recordings(NamedTuple):
    """Some recordings, padded to one length. Axes: N recordings, S samples.

    Args:
        waveforms: floats `(N, S)`, float32, about −1 to 1; zeros behind the end.
        padding_mask: boolean `(N, S)`, True at real samples.
        labels: integers `(N,)`.
        texts: what is said, text `(N,)`.
        speakers: who says it, text `(N,)`.
        sample_rate: in Hz.
    """

    waveforms: np.ndarray
    padding_mask: np.ndarray
    labels: np.ndarray
    texts: np.ndarray
    speakers: np.ndarray
    sample_rate: int

    def only(self, chosen: np.ndarray) -> "Recordings":
        """Some of them.

        Args:
            chosen: indices, or a boolean mask `(N,)`.

        Returns:
            `Recordings`.
        """
        rows = {name: getattr(self, name)[chosen] for name in self._fields[:-1]}
        return self._replace(**rows)

    def sound(self, index: int) -> np.ndarray:
        """One recording without its padding, floats `(S',)`: to play or to draw."""
        return self.waveforms[index][self.padding_mask[index]]
