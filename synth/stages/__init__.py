"""Stages: functions from Arrow tables to Arrow tables."""
