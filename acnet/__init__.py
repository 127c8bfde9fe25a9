"""Reference reproduction of "Adaptive Context Network for Scene Parsing" (ACNet, ICCV 2019)."""

__version__ = "0.1.0"
