"""The model: its inputs, its Pipeline of preprocessing and estimator, how it is fitted, kept and asked for
scores.
"""
