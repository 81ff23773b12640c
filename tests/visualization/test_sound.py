"""Figures and players of sound."""

import base64
import io
import re
import wave

import matplotlib.pyplot as plt
import numpy as np
import pytest

from tlkeras import visualization as show


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def test_time_is_in_seconds_and_of_a_short_piece_in_milliseconds():
    long = show.waveform(np.zeros(4000), 8000, "word")
    assert long.get_xlabel() == "time, seconds"
    np.testing.assert_allclose(long.get_xlim(), (0, 3999 / 8000))
    short = show.waveform(np.zeros(200), 8000, start=0.5)
    assert short.get_xlabel() == "time, milliseconds"
    np.testing.assert_allclose(short.get_xlim(), (500, 500 + 199 / 8))


def test_a_spectrogram_has_time_across_and_frequency_up():
    values = np.zeros((50, 8))
    values[10, 6] = 1
    axes = show.spectrogram(values, 100, 4000, "frequency, Hz", "energy", "word")
    (picture,) = axes.images
    assert picture.get_extent() == [0, 0.5, 0, 4000]
    assert picture.origin == "lower"
    assert np.argwhere(picture.get_array()).tolist() == [[6, 10]]
    assert axes.figure.axes[1].get_ylabel() == "energy"


def test_players_hold_the_sounds_and_their_titles():
    sounds = [np.sin(np.arange(800)), np.cos(np.arange(1600))]
    page = show.players(sounds, ["<one>", "two"], (8000, 16000)).data
    assert "&lt;one&gt;" in page
    assert "<one>" not in page
    kept = re.findall(r"base64,([A-Za-z0-9+/=]+)", page)
    found = []
    for one in kept:
        with wave.open(io.BytesIO(base64.b64decode(one))) as file:
            found.append((file.getframerate(), file.getnframes()))
    assert found == [(8000, 800), (16000, 1600)]
