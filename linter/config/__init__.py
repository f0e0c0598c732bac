"""Configuration: what a team asks, wants and accepts, found in a file and applied to a report.

Nothing is imported here: where there is no configuration, only `discovery` is ever loaded.
"""
