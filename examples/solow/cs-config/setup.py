from setuptools import find_packages, setup

setup(
    name="cs-config",
    version="1.0.0",
    description="Compute Studio's functions for the Solow growth model",
    packages=find_packages(),
    python_requires=">=3.8",
)
