"""Tests of the Julia worker; those marked `julia` need a Julia."""
