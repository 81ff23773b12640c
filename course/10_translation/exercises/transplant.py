"""The child's table of embeddings: rows of the parent's, found by their piece."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, mistakes


def by_piece(piece, place, names):
    """Where the parent has the same piece."""
    return names.index(piece) if piece in names else None


def by_place(piece, place, names):
    """The parent's row of the same number, whatever piece it is."""
    return place if place < len(names) else None


def by_beginning(piece, place, names):
    """The first piece of the parent that begins in the same way."""
    return next((i for i, name in enumerate(names) if name[:1] == piece[:1]), None)


def transplant(
    fresh,
    pieces,
    parent,
    parent_pieces,
    alike,
    *,
    find=by_piece,
    other=True,
    first=False,
    missing=lambda fresh, parent: fresh,
    copy=lambda row, fresh: row,
):
    """The fresh table, with the parent's rows where it has the piece: (V, D)."""
    names = list(parent_pieces)
    table = np.array(missing(fresh, parent), dtype="float64")
    for place, piece in enumerate(pieces):
        found = find(piece, place, names)
        if other and piece in alike and (found is None or first):
            found = find(alike[piece], place, names)
        if found is not None:
            table[place] = copy(parent[found], table[place])
    return table


def tables(size, parent_size, shared, width, tags=True):
    """A child and a parent with some pieces in common, at other places."""

    def draw(rng):
        names = [f"{a}{b}" for a in "abcdefgh" for b in "ijklmno"]
        drawn = rng.permutation(names)
        common, rest = drawn[:shared], drawn[shared:]
        own, others = rest[: size - shared], rest[size:][: parent_size - shared]
        pieces, theirs = [*common, *own], [*common, *others]
        pieces = rng.permutation(pieces).tolist()
        theirs = rng.permutation(theirs).tolist()
        if tags:
            theirs = ["", "<sv>", "<de>", *theirs]
            pieces = ["", "<da>", *pieces]
        fresh = floats(rng, len(pieces), width, scale=0.1)
        parent = floats(rng, len(theirs), width)
        return fresh, pieces, parent, theirs, {"<da>": "<sv>"} if tags else {}

    return draw


def both(rng):
    """A piece that is alike to another one, though the parent has the piece itself."""
    fresh, pieces, parent, theirs, alike = tables(7, 9, 4, 5)(rng)
    shared = next(piece for piece in pieces if piece and piece in theirs)
    other = next(piece for piece in theirs[3:] if piece != shared)
    return fresh, pieces, parent, theirs, {**alike, shared: other}


def unknown_friend(rng):
    """A piece is said to be alike to one that the parent has not either."""
    fresh, pieces, parent, theirs, alike = tables(6, 8, 3, 4)(rng)
    own = next(piece for piece in pieces[2:] if piece not in theirs)
    return fresh, pieces, parent, theirs, {**alike, own: "zz"}


wrong = mistakes("transplant", section="transplant")

EXERCISE = Exercise(
    name="transplant",
    section="transplant",
    points=3,
    reference=transplant,
    cases=(
        Case("some-shared", tables(7, 9, 4, 5)),
        Case("larger-child", tables(11, 6, 3, 4)),
        Case("no-tags", tables(6, 8, 3, 5, tags=False)),
        Case("nothing-shared", tables(5, 7, 0, 4, tags=False)),
        Case("all-shared", tables(6, 6, 6, 5)),
        Case("both", both),
        Case("unknown-friend", unknown_friend),
        Case("one-piece", tables(1, 4, 1, 3, tags=False)),
    ),
    misconceptions=(
        wrong("by-number", find=by_place, other=False),
        wrong("by-first-letter", find=by_beginning),
        wrong("alike-forgotten", other=False),
        wrong("alike-first", first=True),
        wrong("zeros-for-new", missing=lambda fresh, parent: np.zeros_like(fresh)),
        wrong(
            "mean-for-new",
            missing=lambda fresh, parent: np.broadcast_to(
                parent.mean(axis=0), fresh.shape
            ),
        ),
        wrong("averaged", copy=lambda row, fresh: (row + fresh) / 2),
        wrong("added", copy=lambda row, fresh: row + fresh),
        wrong("nothing-taken", copy=lambda row, fresh: fresh),
    ),
    accepted={
        "dictionary": lambda *a: _transplant_with_a_dictionary(*a),
        "list of rows": lambda *a: _transplant_as_rows(*a),
        "indices": lambda *a: _transplant_by_indices(*a),
        "exceptions": lambda *a: _transplant_by_trying(*a),
    },
)


def _transplant_with_a_dictionary(fresh, pieces, parent, parent_pieces, alike):
    rows = dict(zip(parent_pieces, parent, strict=True))
    table = fresh.copy()
    for i, piece in enumerate(pieces):
        if piece not in rows:
            piece = alike.get(piece, piece)
        if piece in rows:
            table[i] = rows[piece]
    return table


def _transplant_as_rows(fresh, pieces, parent, parent_pieces, alike):
    rows = {piece: parent[i] for i, piece in enumerate(parent_pieces)}
    return [
        rows.get(piece, rows.get(alike.get(piece), row))
        for piece, row in zip(pieces, fresh, strict=True)
    ]


def _transplant_by_indices(fresh, pieces, parent, parent_pieces, alike):
    place = {piece: i for i, piece in enumerate(parent_pieces)}
    where = [place.get(p, place.get(alike.get(p, p), -1)) for p in pieces]
    where = np.array(where)[:, None]
    return np.where(where >= 0, parent[where[:, 0]], fresh)


def _transplant_by_trying(fresh, pieces, parent, parent_pieces, alike):
    table = np.array(fresh)
    for i in range(len(pieces)):
        for name in (pieces[i], alike.get(pieces[i])):
            try:
                table[i] = parent[parent_pieces.index(name)]
                break
            except ValueError:
                continue
    return table
