"""The command `demo`: a real model, fitted through a real server, every derivative checked.

`model` has the function that is differentiated, `checks` compares with statsmodels, `command`
runs and shows it all.
"""
