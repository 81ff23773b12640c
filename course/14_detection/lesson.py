# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 14 Object detection
#
# About 85 minutes, 20 points. You need lesson 13, the ViT.
#
# A classifier says what is in a picture. A detector says what, *where*, and how often. By
# the end of this notebook you will be able to
#
# - write a box in four ways, and measure how much two boxes overlap;
# - let every patch of a ViT answer, and decide which answer belongs to which thing;
# - train on a *set* of answers, most of which should be "nothing here";
# - compute average precision by hand, and say what it hides;
# - measure what a pretrained body is worth for finding things.

# %%
from tlkeras.course import lesson

this = lesson("14_detection")
check = this.check

import runpy

import numpy as np
from scipy.optimize import linear_sum_assignment

from tlkeras import boxes as library_boxes
from tlkeras import visualization as show

# %% [markdown]
# ## A question to begin with
#
# How many digits are in each picture, and which? You see it at a glance. The ViT of lesson 13
# has *one* answer for a picture, whatever is in it.

# %%
scenes = runpy.run_path(str(this.folder / "scenes.py"))
train = scenes["draw"]("known", this.at_scale(quick=40, default=1000), seed=0)
test = scenes["draw"]("new", this.at_scale(quick=20, default=200), seed=1)
show.images(test.images[:9, ..., 0], [""] * 9)
print(f"{len(train.images):,} pictures to learn from, {len(test.images)} to test with")

# %% [markdown]
# Each picture is 24 × 24 pixels, with one to four handwritten digits from 5 to 9, smaller and
# larger ones, which do not overlap. They are the digits of lesson 13, pasted at random, and
# in the test pictures they are written by *other people*. A thing in a picture is described
# by its class, which digit it is, and by the **bounding box**, the smallest upright rectangle
# with all of its ink.
#
# The answer to a picture is therefore a **set**: of as many pairs (class, box) as there are
# things, in no order. That it is a set and no list is where all difficulties of this lesson
# come from.

# %% [markdown]
# ## 1. Four numbers for a box
#
# A box along the axes needs four numbers, and there are several habits. The origin is the
# picture's upper left corner; x grows to the right and y *downwards*.
#
# | format | the four numbers | good for |
# |---|---|---|
# | corners | left, top, right, bottom | overlaps |
# | corner and size | left, top, width, height | files of COCO |
# | centre and size | x and y of the centre, width, height | what a network predicts |
#
# Each of them comes in pixels, or **relative**: as shares of the picture, x and width of its
# width, y and height of its height. Relative boxes stay right when a picture is scaled.
# A box in the wrong format raises no error: it is four numbers. It only teaches a network
# nonsense.
#
# ### Exercise: corners in pixels (3 points, 5 minutes, easy)


# %% exercise="corners"
def corners(boxes, width, height):
    """Relative centre and size to corners in pixels: floats (N, 4).

    boxes: floats (N, 4), x and y of the centre, width, height, as shares of the picture.
    width, height: of the picture, in pixels. Returns left, top, right, bottom; boxes that
    reach outside of the picture stay as they are.
    """
    # BEGIN SOLUTION
    centre, size = boxes[:, :2], boxes[:, 2:]  # (N, 2) each
    both = np.concatenate([centre - size / 2, centre + size / 2], axis=1)  # (N, 4)
    return both * np.array([width, height, width, height])
    # END SOLUTION


# %%
check(corners)

# %% [markdown]
# ## 2. How much two boxes overlap
#
# Is a predicted box right? Hardly ever to the last pixel. The usual measure is the
# **intersection over union** (IoU): the area that both share, divided by the area that
# they cover together.
#
# $$\text{IoU}(A, B) = \frac{|A \cap B|}{|A \cup B|}
#   = \frac{|A \cap B|}{|A| + |B| - |A \cap B|}$$
#
# It is 1 if the boxes are the same, and 0 if they share nothing. It does not depend on the unit:
# in pixels or in shares, the same number comes out. What both share is a box itself: it begins
# at the later of the two left edges and ends at the earlier of the two right edges, and
# likewise from top to bottom. If it would end before it begins, there is none.
#
# **Predict first.** Two boxes of 10 × 10 pixels; one lies two pixels further right and two
# further down.

# %%
this.predict("shift", "What is their IoU?", ["0.8", "0.64", "0.47"])

# %%
this.predict(
    "small-shift", "The same shift, but boxes of 5 × 5?", ["0.47", "0.36", "0.22"]
)

# %% [markdown]
# ### Exercise: IoU of all pairs (3 points, 8 minutes, middle)


# %% exercise="box_iou"
def box_iou(boxes1, boxes2):
    """IoU of each box with each other one: floats (N, M).

    boxes1: corners (N, 4). boxes2: corners (M, 4), in the same unit. All have an area.
    """
    # BEGIN SOLUTION
    one, other = boxes1[:, None], boxes2[None]  # (N, 1, 4), (1, M, 4)
    start = np.maximum(one[..., :2], other[..., :2])  # (N, M, 2)
    end = np.minimum(one[..., 2:], other[..., 2:])
    shared = np.maximum(end - start, 0).prod(axis=-1)  # (N, M)
    areas = [(x[..., 2:] - x[..., :2]).prod(axis=-1) for x in (one, other)]
    return shared / (areas[0] + areas[1] - shared)
    # END SOLUTION


# %%
check(box_iou)

# %% tags=["experiment"]
shifted = {}
for side in (5, 10, 20):
    one = np.array([[0.0, 0.0, side, side]])
    shifted[side] = box_iou(one, one + 2)[0, 0]
    print(f"{side:2} × {side:<2} moved by 2 and 2: IoU {shifted[side]:.2f}")
this.reveal("shift", "0.47", f"IoU {shifted[10]:.2f}: 64 shared, 136 together")

# %%
this.reveal("small-shift", "0.22", f"IoU {shifted[5]:.2f}: 9 shared, 41 together")

# %% [markdown] tags=["result"]
# The overlap shrinks along both axes, and what the boxes do not share counts twice in the
# union. IoU is a strict measure, and strictest with small things: two pixels are nothing to a
# large box, and make a small one wrong. Keep this in mind when you read that a detector is
# bad at small things: partly it is, and partly it is the measure.

# %% [markdown]
# ## 3. Boxes that do not touch
#
# At the beginning of training most boxes share nothing with the thing that they should
# surround. Their IoU is 0, near or far, and moving a bit changes nothing: there is no slope
# to follow. The **generalized IoU** (GIoU; Rezatofighi et al. 2019) looks at the smallest
# box C that holds both, and subtracts the share of it that neither covers:
#
# $$\text{GIoU}(A, B) = \text{IoU}(A, B) - \frac{|C| - |A \cup B|}{|C|}$$
#
# The farther apart, the emptier is C. GIoU is 1 for equal boxes and falls towards −1.
#
# ### Exercise: GIoU (3 points, 6 minutes, easy)


# %% exercise="generalized_iou"
def generalized_iou(boxes1, boxes2):
    """GIoU of each box with the one at its place: floats (N,).

    boxes1, boxes2: corners (N, 4). All have an area.
    """
    # BEGIN SOLUTION
    starts, ends = (boxes1[:, :2], boxes2[:, :2]), (boxes1[:, 2:], boxes2[:, 2:])
    sides = np.minimum(*ends) - np.maximum(*starts)  # (N, 2)
    shared = np.maximum(sides, 0).prod(axis=1)
    areas = [(x[:, 2:] - x[:, :2]).prod(axis=1) for x in (boxes1, boxes2)]
    union = areas[0] + areas[1] - shared
    around = (np.maximum(*ends) - np.minimum(*starts)).prod(axis=1)
    return shared / union - (around - union) / around
    # END SOLUTION


# %%
check(generalized_iou)

# %% tags=["experiment"]
still = np.tile([[4.0, 0.0, 8.0, 4.0]], (25, 1))
offsets = np.linspace(-12, 12, 25)
moving = still + offsets[:, None] * np.array([1, 0, 1, 0])
measures = {
    "IoU": np.diagonal(box_iou(moving, still)),
    "GIoU": generalized_iou(moving, still),
}
show.curves(offsets, measures, "moved by", "", "A box of 4 × 4 that moves past another")

# %% [markdown] tags=["result"]
# Where IoU is flat at 0, GIoU still rises towards the other box: it says in which direction to
# go. Where they overlap, and are of one height, the two are the same.

# %% [markdown]
# ## 5. Who answers for what
# ### Exercise: matching (4 points, 10 minutes, middle)


# %% exercise="match"
def match(logits, boxes, true_classes, true_boxes):
    """The query that answers for each thing: integers (G,).

    logits: (Q, C + 1), the last class is *nothing*. boxes: corners (Q, 4), relative.
    true_classes: integers (G,). true_boxes: corners (G, 4). G is at most Q, and may be 0.
    """
    # BEGIN SOLUTION
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)  # (Q, C + 1)
    queries, things = len(boxes), len(true_boxes)
    distance = np.abs(boxes[:, None] - true_boxes[None]).sum(axis=-1)  # (Q, G)
    giou = generalized_iou(
        np.repeat(boxes, things, axis=0), np.tile(true_boxes, (queries, 1))
    ).reshape(queries, things)
    cost = -p[:, true_classes] + 5 * distance - 2 * giou
    rows, columns = linear_sum_assignment(cost)
    return rows[np.argsort(columns)]
    # END SOLUTION


# %%
check(match)

# %% [markdown]
# ## 6. The loss of a set
# ### Exercise: the loss (3 points, 9 minutes, middle)


# %% exercise="set_loss"
def set_loss(logits, boxes, true_classes, true_boxes, queries, no_object):
    """The class loss and the box loss of a picture: two numbers.

    logits: (Q, C + 1), the last class is *nothing*. boxes: corners (Q, 4). true_classes:
    integers (G,). true_boxes: corners (G, 4). queries: integers (G,), as `match` gives
    them. no_object: the weight of a query that should see nothing.
    """
    # BEGIN SOLUTION
    wanted = np.full(len(logits), logits.shape[1] - 1)  # (Q,)
    wanted[queries] = true_classes
    weights = np.full(len(logits), no_object)
    weights[queries] = 1
    logits = logits - logits.max(axis=1, keepdims=True)
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    losses = -np.log(p[np.arange(len(wanted)), wanted])
    mine = boxes[queries]  # (G, 4)
    far = 5 * np.abs(mine - true_boxes).sum(axis=1)
    apart = 2 * (1 - generalized_iou(mine, true_boxes))
    class_loss = (weights * losses).sum() / weights.sum()
    return class_loss, (far + apart).sum() / max(len(queries), 1)
    # END SOLUTION


# %%
check(set_loss)

# %% [markdown]
# ## 7. How good is a detector?
# ### Exercise: average precision (4 points, 14 minutes, hard)


# %% exercise="average_precision"
def average_precision(scores, pictures, overlaps, true_pictures, threshold):
    """AP of one class at a threshold: a number from 0 to 1.

    scores: floats (D,), of detections in all pictures. pictures: integers (D,), in which
    one each was found. overlaps: floats (D, G), IoU of each detection with each thing, of
    other pictures, too. true_pictures: integers (G,), in which one each thing is; G ≥ 1.
    threshold: the least overlap of a right detection.
    """
    # BEGIN SOLUTION
    free, hits = np.ones(len(true_pictures), bool), []
    for d in np.argsort(-scores, kind="stable"):
        here = free & (true_pictures == pictures[d])
        best = np.where(here, overlaps[d], -1).argmax()
        hits.append(here[best] and overlaps[d, best] >= threshold)
        free[best] &= not hits[-1]
    right = np.cumsum(hits)
    precision = right / np.arange(1, len(hits) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return (np.diff(right / len(free), prepend=0) * envelope).sum()
    # END SOLUTION


# %%
check(average_precision)

# %%
this.end()
