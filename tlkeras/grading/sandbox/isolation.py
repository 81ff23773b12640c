"""Which isolation this machine offers: found out by trying, best first."""

import os
from dataclasses import dataclass
from pathlib import Path

from tlkeras.grading.messages import say
from tlkeras.grading.sandbox import jail
from tlkeras.grading.sandbox.limits import Limits
from tlkeras.grading.sandbox.warm_parent import SandboxError, WarmParent

TIERS = ("A", "B", "C")  # best first


@dataclass(frozen=True)
class Isolation:
    """How submissions are kept apart from everything.

    Args:
        tier: `A`, `B` or `C`.
        why: why no better one was to be had.
    """

    tier: str
    why: tuple[str, ...] = ()

    @property
    def for_marks(self):
        """Whether its results may be used as marks."""
        return self.tier != "C"

    def to_dict(self):
        """As in `result.json`."""
        return {
            "tier": self.tier,
            "name": say("isolation", self.tier),
            "for_marks": self.for_marks,
        }


def choose(hidden=(), wanted=None):
    """The best tier that works here, tried with a worker each.

    Args:
        hidden: folders of lessons, which no submission may read.
        wanted: a tier to use and no other. Defaults to `None`.

    Raises:
        SandboxError: the wanted one, or none at all, works.
    """
    why = []
    for tier in TIERS if wanted is None else [wanted]:
        try:
            _try(tier, hidden)
        except (SandboxError, OSError) as error:
            reason = {"name": say("isolation", tier), "reason": error}
            why.append(say("isolation", "unusable", tier=tier, **reason))
        else:
            return Isolation(tier, tuple(why))
    raise SandboxError("; ".join(why))


def _try(tier, hidden):
    if tier == "A" and jail.bubblewrap() is None:
        raise SandboxError(say("isolation", "no_bubblewrap"))
    if tier == "B":
        _require_container(hidden)
    parent = WarmParent(tier, hidden=hidden)
    try:
        with parent.session(Limits()):
            pass
    finally:
        parent.close()


def _require_container(hidden):
    if not (in_container() and os.geteuid() == 0):
        raise SandboxError(say("isolation", "no_container"))
    for folder in hidden:
        if _others_may_read(Path(folder).resolve()):
            raise SandboxError(say("isolation", "open_folder", folder=folder))


def _others_may_read(folder):
    return all(place.stat().st_mode & 0o001 for place in (folder, *folder.parents))


def in_container():
    """Whether this process runs in a container."""
    marks = ("/.dockerenv", "/run/.containerenv")
    return any(map(os.path.exists, marks)) or "container" in os.environ
