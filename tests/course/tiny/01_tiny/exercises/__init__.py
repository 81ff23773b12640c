"""The smallest lesson that has everything a lesson has."""
