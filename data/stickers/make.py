"""Draw the emoji of five artists again: `python data/stickers/make.py PACKAGES`.

PACKAGES is a folder with the five npm packages of `SETS`, unpacked there by
`npm install --prefix PACKAGES`. `resvg-py` 0.5.0 turns SVG into pixels.
"""

import io
import json
import sys
from pathlib import Path

import numpy as np
import resvg_py
from PIL import Image

HERE = Path(__file__).resolve().parent
SETS = {  # file: npm package and version, in @iconify-json
    "noto": "noto@1.2.9",
    "twemoji": "twemoji@1.2.5",
    "emojitwo": "emojione@1.2.3",  # EmojiOne 2.3, which EmojiTwo continues
    "fluent": "fluent-emoji-flat@1.2.6",
    "noto_blobs": "noto-v1@1.2.5",
}
SIZE, FINER, COLUMNS = 24, 4, 32  # pixels are averages of 4 × 4


def drawing(icons, name):
    """One emoji on white paper: integers (24, 24, 3)."""
    icon = icons["icons"][name]
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
    paper = colour * cover + 1 - cover  # (96, 96, 3)
    small = paper.reshape(SIZE, FINER, SIZE, FINER, 3).mean(axis=(1, 3))
    return np.round(255 * small).astype("uint8")


def main(packages):
    """Write a sheet for each artist, and the names."""
    folder = Path(packages) / "node_modules" / "@iconify-json"
    sets = {
        file: json.loads(
            (folder / package.split("@")[0] / "icons.json").read_text("utf-8")
        )
        for file, package in SETS.items()
    }
    names = sorted(set.intersection(*(set(icons["icons"]) for icons in sets.values())))
    (HERE / "names.txt").write_text("\n".join(names) + "\n", "ascii")
    rows = -(-len(names) // COLUMNS)
    for file, icons in sets.items():
        sheet = np.full((rows * COLUMNS, SIZE, SIZE, 3), 255, "uint8")
        sheet[: len(names)] = [drawing(icons, name) for name in names]
        grid = sheet.reshape(rows, COLUMNS, SIZE, SIZE, 3).swapaxes(1, 2)
        image = Image.fromarray(grid.reshape(rows * SIZE, COLUMNS * SIZE, 3))
        image.save(HERE / f"{file}.png", optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
