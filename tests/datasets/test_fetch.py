"""Files are fetched from a mirror or a site, and never trusted."""

import gzip
import hashlib

import pytest

from tlkeras.datasets import DataError, _fetch, multi30k, tatoeba
from tlkeras.datasets._fetch import Source, fetch

BYTES = b"good morning\n"
SOURCE = Source("owner/name", "c0ffee", "data/a.txt", hashlib.sha256(BYTES).hexdigest())


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """An empty mirror, and no way past it."""
    monkeypatch.setenv("TLKERAS_MIRROR", str(tmp_path))
    monkeypatch.setattr(_fetch, "SITE", (tmp_path / "site").as_uri())
    return tmp_path


@pytest.fixture
def cache(mirror, monkeypatch):
    """No mirror, but the folder `site` as the site; an empty cache for downloads."""
    import keras

    get_file = keras.utils.get_file
    (mirror / "keras").mkdir()  # Keras ignores a folder that is not there
    monkeypatch.delenv("TLKERAS_MIRROR")
    monkeypatch.setattr(
        keras.utils,
        "get_file",
        lambda *args, **more: get_file(*args, cache_dir=str(mirror / "keras"), **more),
    )
    return mirror / "site"


def put(folder, source=SOURCE, content=BYTES):
    path = folder / source.repository / source.commit / source.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_the_mirror_comes_first(mirror):
    path = put(mirror)
    assert fetch(SOURCE) == path


def test_a_damaged_file_in_the_mirror_is_refused(mirror):
    put(mirror, content=BYTES + b"?")
    with pytest.raises(DataError, match=r"a.txt is damaged.*SHA-256 is .* expected"):
        fetch(SOURCE)


def test_a_mirror_that_is_not_there(mirror, monkeypatch):
    monkeypatch.setenv("TLKERAS_MIRROR", str(mirror / "nowhere"))
    with pytest.raises(DataError, match="TLKERAS_MIRROR must name a folder"):
        fetch(SOURCE)


def test_a_file_from_the_site_is_kept(cache):
    put(cache)
    path = fetch(SOURCE)
    assert path.read_bytes() == BYTES
    (cache / SOURCE.repository / SOURCE.commit / SOURCE.path).unlink()
    assert fetch(SOURCE) == path


def test_a_damaged_download_is_refused(cache):
    put(cache, content=b"bad morning\n")
    with pytest.raises(DataError, match=r"(?s)a.txt could not be had.*TLKERAS_MIRROR"):
        fetch(SOURCE)
    put(cache)  # and does not stay in the way
    assert fetch(SOURCE).read_bytes() == BYTES


def test_no_file_anywhere(cache):
    with pytest.raises(DataError, match="could not be had from file:"):
        fetch(SOURCE)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"split": "dev"}, "split must be one of"),
        ({"target": "zh"}, "target must be one of"),
        ({"source": "xx"}, "source must be one of"),
    ],
)
def test_multi30k_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        multi30k.load_data(**arguments)


def test_multi30k_pairs_sentences_line_by_line(monkeypatch, mirror):
    english = gzip.compress(b"A dog .\nTwo cats.\n")
    german = gzip.compress("Ein Hund.\nZwei K\u00e4tzchen.\n".encode())
    for language, content in (("en", english), ("de", german)):
        name = f"val.{language}"
        monkeypatch.setitem(multi30k.SHA256, name, hashlib.sha256(content).hexdigest())
        path = f"data/task1/raw/{name}.gz"
        put(mirror, Source(multi30k.REPOSITORY, multi30k.COMMIT, path, ""), content)
    monkeypatch.setitem(multi30k.SIZES, "validation", 2)
    assert multi30k.load_data("validation") == [
        ("A dog .", "Ein Hund."),
        ("Two cats.", "Zwei Kätzchen."),
    ]
    monkeypatch.setitem(multi30k.SIZES, "validation", 3)
    with pytest.raises(DataError, match="must hold 3 sentences; it has 2"):
        multi30k.load_data("validation")


def tatoeba_of(monkeypatch, mirror, text):
    content = text.encode()
    source = tatoeba.SOURCE._replace(sha256=hashlib.sha256(content).hexdigest())
    monkeypatch.setattr(tatoeba, "SOURCE", source)
    put(mirror, source, content)


def test_tatoeba_keeps_translations_of_a_sentence_together(monkeypatch, mirror):
    lines = [f"Sentence {n // 3}.\t\u53e5{n}\tCC-BY" for n in range(600)]
    tatoeba_of(monkeypatch, mirror, "\n".join(lines))
    splits = [tatoeba.load_data(split) for split in tatoeba.SPLITS]
    english = [{pair[0] for pair in split} for split in splits]
    assert sum(map(len, splits)) == 600
    assert sum(map(len, english)) == 200
    assert all(len(each) > 1 for each in english)


def test_tatoeba_refuses(monkeypatch, mirror):
    tatoeba_of(monkeypatch, mirror, "Hi.\t\u55e8\tCC-BY\nHi.\n")
    with pytest.raises(DataError, match=r"cmn.txt:2 must have three fields"):
        tatoeba.load_data()
    with pytest.raises(ValueError, match="split must be one of"):
        tatoeba.load_data("all")
