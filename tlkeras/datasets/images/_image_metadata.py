"""What image files hold besides pixels: which way is up, and much that may be odd.

A damaged colour profile, text or EXIF table is no reason to refuse pixels that are all
there. Pillow refuses some of them, so such a file is read once more without them.

Reference:
    W3C (2003), *PNG Specification*, §5.4: a chunk whose name begins with a small letter
    is not needed to show the image. ITU-T T.81 (1992), *JPEG*, annex B: APPn and COM.
"""

import contextlib
import struct
import zlib

PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
END = struct.pack(">I4sI", 0, b"IEND", zlib.crc32(b"IEND"))
ORIENTATION = 0x0112  # the EXIF tag
COMMENT, SCAN, ADOBE, EXIF = 0xFE, 0xDA, 0xEE, 0xE1
APPLICATION = range(0xE0, 0xF0)


def without_metadata(data):
    """A PNG or JPEG without what does not change a pixel, and its EXIF table.

    Returns:
        Both as bytes; `None` for the first if it is neither of the two.
    """
    if data.startswith(PNG):
        return _png(data), b""
    if data.startswith(JPEG):
        return _jpeg(data)
    return None, b""


def upright(image, exif=b""):
    """The image turned as its camera says.

    Unlike Pillow's `exif_transpose` it writes no EXIF table, which fails on odd ones.

    Args:
        image: a Pillow image.
        exif: its EXIF table, where the image itself has lost it.
    """
    from PIL import Image

    turn = Image.Transpose
    turns = {
        2: turn.FLIP_LEFT_RIGHT,
        3: turn.ROTATE_180,
        4: turn.FLIP_TOP_BOTTOM,
        5: turn.TRANSPOSE,
        6: turn.ROTATE_270,
        7: turn.TRANSVERSE,
        8: turn.ROTATE_90,
    }
    with contextlib.suppress(Exception):  # an odd table tells no direction
        table = Image.Exif() if exif else image.getexif()
        if exif:
            table.load(exif)
        return image.transpose(turns[table[ORIENTATION]])
    return image


def _png(data):
    kept, at, name = [PNG], len(PNG), b""
    while at + 8 <= len(data) and name != b"IEND":
        size, name = struct.unpack_from(">I4s", data, at)
        end = at + 12 + size  # length, name, content, check sum
        if not (name.isalpha() and name[:1].islower()) or name == b"tRNS":
            kept.append(data[at:end])
        at = end
    return b"".join(kept) + (END if name != b"IEND" else b"")


def _jpeg(data):
    kept, exif, at = [data[:2]], b"", 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != SCAN:
        marker, size = data[at + 1], struct.unpack_from(">H", data, at + 2)[0]
        content = data[at + 4 : at + 2 + size]
        if marker == EXIF and content.startswith(b"Exif\0\0"):
            exif = exif or content
        # Adobe's marker says how colours are coded, the others nothing about pixels.
        coded = marker == ADOBE and content.startswith(b"Adobe") and len(content) >= 12
        if coded or (marker not in APPLICATION and marker != COMMENT):
            kept.append(data[at : at + 2 + size])
        at += 2 + size
    return b"".join(kept) + data[at:], exif
