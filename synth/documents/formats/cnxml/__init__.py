"""CNXML, in which OpenStax writes its books."""
