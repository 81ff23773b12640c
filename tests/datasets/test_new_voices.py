"""People where they can be had, a synthesiser elsewhere; which one is said."""

import os
import socket
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from tlkeras.datasets import new_voices, spoken_digits, synthetic_speech

MIRROR = os.environ.get("TLKERAS_MIRROR")
FOLDER = Path(MIRROR or "/nowhere", spoken_digits.REPOSITORY, spoken_digits.COMMIT)


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """A machine without recordings."""
    monkeypatch.delenv("TLKERAS_MIRROR", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))


def refuse(*arguments, **others):
    raise OSError("no route to host")


def test_without_a_network_synthetic_voices_stand_in(bare, monkeypatch, capsys):
    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    known, new, human = new_voices.human_or_synthetic(seconds=0.5)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 88
    said = " ".join(lines)
    assert said.startswith("Synthetic voices stand in")
    assert "no route to host" in said
    assert not human
    assert known.waveforms.shape[1] == new.waveforms.shape[1] == 4000
    assert len(known.labels) > 150
    assert len(new.labels) > 75
    assert np.bincount(known.labels).min() >= 10
    assert set(known.speakers) == set(new.speakers)
    assert set(known.speakers) == set(synthetic_speech.TEST_VARIANTS.split())
    waveforms = {row.tobytes() for row in known.waveforms}
    assert not waveforms & {row.tobytes() for row in new.waveforms}


def test_a_name_that_cannot_be_looked_up_is_no_network(bare, monkeypatch, capsys):
    def nameless(*arguments, **others):
        reason = socket.gaierror(-2, "Name or service not known")
        raise urllib.error.URLError(reason)

    monkeypatch.setattr(urllib.request, "urlopen", nameless)
    assert not new_voices.human_or_synthetic().human
    said = capsys.readouterr().out
    assert "(no network)" in said
    assert "Name or service" not in said


def test_a_network_that_does_not_answer_is_given_up(bare, monkeypatch, capsys):
    ended = threading.Event()

    def silent(*arguments, **others):
        ended.wait(30)
        raise OSError("closed")

    monkeypatch.setattr(urllib.request, "urlopen", silent)
    monkeypatch.setattr(new_voices, "PATIENCE", 0.2)
    start = time.perf_counter()
    assert not new_voices.human_or_synthetic().human
    ended.set()
    assert time.perf_counter() - start < 10
    assert "does not answer" in capsys.readouterr().out


def test_nothing_is_fetched_if_it_may_not_be(bare, monkeypatch, capsys):
    calls = []
    monkeypatch.setattr(urllib.request, "urlopen", lambda *a, **k: calls.append(a))
    assert not new_voices.human_or_synthetic(download=False).human
    assert not calls
    assert "nothing was downloaded" in capsys.readouterr().out


@pytest.mark.skipif(not FOLDER.is_dir(), reason="needs the recordings")
def test_people_where_they_can_be_had(monkeypatch, capsys):
    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    known, new, human = new_voices.human_or_synthetic(download=False)
    assert human
    assert (len(known.labels), len(new.labels)) == (2700, 300)
    assert capsys.readouterr().out.startswith("Human voices: 2,700 recordings")
