"""Draw the emoji of two artists again: `python data/emoji/make.py PACKAGES`.

PACKAGES is a folder with the npm packages of `SETS`, unpacked there by
`npm install --prefix PACKAGES`. `resvg-py` 0.5.0 turns SVG into pixels, and `emoji`
2.16.0 has the names, those of Unicode's CLDR.
"""

import io
import json
import re
import sys
import zlib
from pathlib import Path

import emoji
import numpy as np
import resvg_py
from PIL import Image

HERE = Path(__file__).resolve().parent
SETS = {"twemoji": "twemoji@1.2.5", "noto": "noto@1.2.9"}  # in @iconify-json
SIZE, FINER, COLUMNS = 32, 4, 32  # pixels are averages of 4 × 4
FLAGS = re.compile("[\U0001f1e6-\U0001f1ff\U000e0020-\U000e007f]")
TONE = re.compile(r" ?(light|medium-light|medium|medium-dark|dark) skin tone")
WHO = {"man", "men", "woman", "women", "person", "people"}
CONCEPTS, COMBINATIONS, BOTH = 12, 7, 5  # one in so many is drawn


def icons_of(folder):
    """A set: its pictures, and the name of each by the code points of its emoji."""
    found = json.loads((folder / "icons.json").read_text("utf-8"))
    return found, json.loads((folder / "chars.json").read_text("utf-8"))


def code(character):
    """Code points as both sets write them, without the variation selector."""
    points = (f"{ord(point):x}" for point in character if point != "\ufe0f")
    return "-".join(points)


def by_code(found):
    """Code, without variation selectors, to the name of the picture."""
    _, characters = found
    return {key.replace("-fe0f", ""): name for key, name in characters.items()}


def text(name):
    """A name of the package as words: `:red_heart:` is `red heart`."""
    return " ".join(name.strip(":").replace("_", " ").split())


def concept(english):
    """A name without tones of skin, and without who it is, where that is not all."""
    words = TONE.sub("", english).split()
    return " ".join([word for word in words if word not in WHO] or words)


def drawn(numbers):
    """Whether one in `numbers` is drawn, the same for the same text everywhere."""
    return lambda text: zlib.crc32(text.encode("utf-8")) % numbers == 0


def splits(english):
    """The split of each name: concepts first, then combinations of known ones."""
    held, combined = drawn(CONCEPTS), drawn(COMBINATIONS)
    found = []
    for name in english:
        if held(concept(name)):
            found.append("concepts")
        elif TONE.search(name) and combined(name):
            found.append("combinations")
        else:
            found.append("train")
    return found


def drawing(icons, name):
    """One emoji on white paper: integers (32, 32, 3)."""
    alias = icons.get("aliases", {}).get(name)
    icon = icons["icons"][alias["parent"] if alias else name]
    box = [
        icon.get(key, icons.get(key, default))
        for key, default in (("left", 0), ("top", 0), ("width", 16), ("height", 16))
    ]
    pixels = SIZE * FINER
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" '
        'xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="{" ".join(map(str, box))}" width="{pixels}" height="{pixels}">'
        f"{icon['body']}</svg>"
    )
    png = resvg_py.svg_to_bytes(svg_string=svg, width=pixels, height=pixels)
    image = Image.open(io.BytesIO(bytes(png))).convert("RGBA")
    fine = np.asarray(image).astype("float32") / 255
    colour, cover = fine[..., :3], fine[..., 3:]
    paper = colour * cover + 1 - cover  # (128, 128, 3)
    small = paper.reshape(SIZE, FINER, SIZE, FINER, 3).mean(axis=(1, 3))
    return np.round(255 * small).astype("uint8")


def rows(sets):
    """Emoji that both draw and the package names in both languages, in its order."""
    emoji.config.load_language("zh")
    codes = [by_code(found) for found in sets.values()]
    found = {}
    for character, entry in emoji.EMOJI_DATA.items():
        whole = entry["status"] == emoji.STATUS["fully_qualified"]
        known = all(code(character) in names for names in codes)
        if whole and known and "zh" in entry and not FLAGS.search(character):
            found.setdefault(text(entry["en"]), (code(character), text(entry["zh"])))
    return [(key, english, zh) for english, (key, zh) in sorted(found.items())]


def sheet(pictures):
    """All drawings as one picture, 32 in a row."""
    count = -(-len(pictures) // COLUMNS)
    cells = np.full((count * COLUMNS, SIZE, SIZE, 3), 255, "uint8")
    cells[: len(pictures)] = pictures
    grid = cells.reshape(count, COLUMNS, SIZE, SIZE, 3).swapaxes(1, 2)
    return Image.fromarray(grid.reshape(count * SIZE, COLUMNS * SIZE, 3))


def save(pictures, file):
    """Write a sheet without loss."""
    path = HERE / f"{file}.webp"
    sheet(pictures).save(path, lossless=True, quality=100, method=6)


def main(packages):
    """Write a sheet for each artist, and the names with their splits."""
    folder = Path(packages) / "node_modules" / "@iconify-json"
    first, second = (icons_of(folder / name.split("@")[0]) for name in SETS.values())
    entries = rows(dict(zip(SETS, (first, second), strict=True)))
    names, pictures = by_code(first), {}  # of those that look the same the first stays
    for entry in entries:
        picture = drawing(first[0], names[entry[0]])
        pictures.setdefault(picture.tobytes(), (entry, picture))
    entries = [entry for entry, _ in pictures.values()]
    save([picture for _, picture in pictures.values()], "twemoji")
    split = splits([english for _, english, _ in entries])
    again = drawn(BOTH)
    both = [x != "train" or again(y[1]) for x, y in zip(split, entries, strict=True)]
    lines = [
        "\t".join((*entry, concept(entry[1]), of, "both" if twice else "one"))
        for entry, of, twice in zip(entries, split, both, strict=True)
    ]
    (HERE / "names.tsv").write_text("\n".join(lines) + "\n", "utf-8")
    names = by_code(second)
    chosen = [key for (key, *_), twice in zip(entries, both, strict=True) if twice]
    save([drawing(second[0], names[key]) for key in chosen], "noto")


if __name__ == "__main__":
    main(*sys.argv[1:])
