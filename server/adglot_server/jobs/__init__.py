"""Batch jobs: one operator of one function at all the points of a file, into a Zarr store.

A job is a `JobSpec`. It is cut into chunks of points; `run` has them computed by a pool of
processes on this machine or on a Dask cluster. Each is written when it is done, so the store says
what is left, and a job that died goes on where it stopped. Stands below `service`, and asks
through the client's transports, so a job may ask a server as well as this process.
"""
