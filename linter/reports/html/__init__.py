"""The report as one HTML file that needs nothing else: no server, no network, no script even.

The page is written by templates; what its script adds (going from node to node, drawings,
filters) it takes from JSON in the page. A policy in the page forbids everything else.
"""

from __future__ import annotations

from npulint.reports.html.page import render

__all__ = ["render"]
