# %% [markdown]
# # Tiny

# %%
import numpy as np

# %% [markdown]
# ## Doubling


# %% exercise="double"
def double(x):
    """Twice x."""
    # BEGIN SOLUTION
    return 2 * x
    # END SOLUTION


# %% [markdown]
# ## Summing

# %%
LAST = -1


# %% name="sums" exercise="row_sums"
def row_sums(x):
    """The sum of each row."""
    # BEGIN SOLUTION
    return np.sum(x, axis=LAST)
    # END SOLUTION


# %% tags=["experiment"]
raise RuntimeError("experiments are left out of headless checks")
