"""The script of the foreign client is run by a test, in a process of its own."""

collect_ignore = ["stub_client.py"]
