"""Tests of pipelines.model."""
