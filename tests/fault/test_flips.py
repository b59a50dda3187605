"""Bits that flip anywhere in a file: the check names each, or the world reads as before. `make check' has some hundred of them in unit-db; here are more."""
import os
import subprocess

from fault import BUILD, Fault

SEEDS, FLIPS = range(1, 6), 10000


def test_flips(soak):
    if not soak:
        return  # the short form is in unit-db
    for seed in SEEDS:
        environment = dict(os.environ, SEED=str(seed), FLIPS=str(FLIPS))
        done = subprocess.run([BUILD / "unit-db", "--timeout", "3600", "--filter", "flips/every*"], capture_output=True, text=True, env=environment)
        if done.returncode:
            raise Fault(f"seed {seed}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
