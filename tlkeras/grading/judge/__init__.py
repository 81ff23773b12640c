"""What is right, what is wrong, and why: NumPy alone, and no notebook is run."""
