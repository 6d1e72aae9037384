"""What `capacity` promises and what nights have: on planted truth, however many rows get a label, and
whichever.

Run as `python -m benchmarks.capacity [draws]`: prints the table that
`pipelines.core.policies.Capacity` speaks of.
"""

from __future__ import annotations

import sys

import numpy as np

from tests.test_capacity import ALARMS, LABELLED, alarms_of_nights


def main(draws: int) -> None:
    """Print a line a way of labelling: the mean of the nights over the draws, and what single nights have."""
    print(f"{ALARMS} alarms a night asked for, {draws} draws; 5 %, median and 95 %")
    print(f"{'rows with a label':<26}{'mean of the nights':>24}{'single nights':>20}")
    for name, labelled in LABELLED.items():
        found = [alarms_of_nights(labelled, seed) for seed in range(draws)]
        means = np.quantile([nights.mean() for nights in found], (0.05, 0.5, 0.95))
        single = np.quantile(np.concatenate(found), (0.05, 0.5, 0.95))
        print(
            f"{name:<26}"
            + f"{' '.join(f'{n:6.1f}' for n in means):>24}"
            + f"{' '.join(f'{n:5.0f}' for n in single):>20}"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
