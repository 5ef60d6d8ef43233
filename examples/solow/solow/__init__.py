"""The Solow growth model in discrete time, with nothing but the standard library."""

from .economy import Economy, Year

__all__ = ["Economy", "Year", "__version__"]
__version__ = "1.0.0"
