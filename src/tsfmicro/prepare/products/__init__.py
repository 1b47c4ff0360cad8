"""What preparation can make of a clip. A new product is one file in this folder: it is found by itself."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

from tsfmicro.prepare.products.base import PRODUCTS, Product, product

for _module in pkgutil.iter_modules([str(Path(__file__).parent)]):
    importlib.import_module(f"tsfmicro.prepare.products.{_module.name}")

__all__ = ["PRODUCTS", "Product", "product"]
