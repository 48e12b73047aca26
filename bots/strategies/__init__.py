"""Strategies as configurations: pydantic models that the site and Freqtrade's own environment both import.

Nothing here may import Django: only the standard library, pydantic, and each other.
"""
