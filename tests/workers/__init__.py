"""Engines in other processes: attached servers, and workers that are kept alive."""
