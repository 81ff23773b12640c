"""Where a submission's code runs: what it can see, use up, and outlive."""

from tlkeras.grading.sandbox.isolation import Isolation, choose
from tlkeras.grading.sandbox.limits import Limits
from tlkeras.grading.sandbox.warm_parent import SandboxError, Session, WarmParent

__all__ = ["Isolation", "Limits", "SandboxError", "Session", "WarmParent", "choose"]
