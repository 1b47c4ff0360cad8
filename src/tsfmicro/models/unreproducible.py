"""Systems of the papers' tables that cannot be rebuilt: what they are, and why a comparison shows their published figures only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Unreproducible:
    """A published system of which too little is public.

    Attributes:
        name: as the papers' tables have it. year, title, authors, venue: as it is cited.
        why: what is missing, as the rest of "it cannot be rebuilt: …".
    """

    name: str
    year: int
    title: str
    authors: str
    venue: str
    why: str


UNREPRODUCIBLE: Mapping[str, Unreproducible] = {
    "mpacnet": Unreproducible(
        "MPACNet",
        2025,
        "A dual-branch approach with multi-stage semantic integration and dual optical flow for micro-expression recognition",
        "Zhao, Zhao, Hao and Liu",
        "Research Square, preprint v1",
        "no program, and no text that describes its two branches, its two flows or its stages",
    ),
    "dsstdn": Unreproducible(
        "DSSTDN",
        2025,
        "A dual stream spatio-temporal deep network for micro-expression recognition using upper facial features",
        "Matharaarachchi and Pasha",
        "Neural Computing and Applications 37(3)",
        "its layer sizes, protocol and choice of epoch are unpublished; only the forerunner of 2020 has a program",
    ),
    "decflow": Unreproducible(
        "DecFlow",
        2024,
        "FacialFlowNet: advancing facial optical flow estimation with a diverse dataset and a decomposed model",
        "Lu, He, Zhou, Tan and Yan",
        "ACM Multimedia, arXiv 2409.05396",
        "its flow network can be plugged in (prepare.products.flow.method=facialflow), but which classifier it fed is not known",
    ),
    "automer": Unreproducible(
        "AutoMER",
        2022,
        "AutoMER: spatiotemporal neural architecture search for microexpression recognition",
        "Verma and others",
        "IEEE TNNLS 33(11)",
        "the network that the search found is its result, and was not published",
    ),
    "laenet": Unreproducible(
        "LAENet",
        2024,
        "LAENet for micro-expression recognition",
        "Gan, Lien, Chiang and Liong",
        "The Visual Computer 40",
        "no program, and only that attention is joined with a recurrent network on flow is known",
    ),
    "merastc": Unreproducible(
        "MERASTC",
        2023,
        "MERASTC: micro-expression recognition using effective feature encodings and 2D convolutional neural network",
        "Gupta",
        "IEEE TAFFC 14(2)",
        "no program; how action units, landmarks, gaze and appearance are encoded is not known",
    ),
    "active-patches": Unreproducible(
        "Multi-scale active patches",
        2020,
        "Dynamic micro-expression recognition using multi-scale active patches",
        "Sun and others",
        "JVCIR 71",
        "which patches, scales and choice of the discriminative ones are not known",
    ),
}
"""By the name in small letters that somebody may ask `create_model` for."""
