"""MOFA: A Model Simplification Roadmap for Image Restoration on Mobile Devices, 2023."""

from __future__ import annotations

from npulint.reference_models.definition import Definition

DEFINITIONS: tuple[Definition, ...] = ()
