"""Recipes that ship with the package, one TOML file each, and overlays that models need."""
