"""Tokenizers that come with a preset: its files read here, its text cut by Rust."""
