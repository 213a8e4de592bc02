"""A fit in a process of its own: `fit_toy.py RUN KILL_AT DEVICES`. Not collected by pytest."""

import os
import signal
import sys
from pathlib import Path

import torch
from torch import nn

from genlora.train.loop._checkpoint_io import write_state
from genlora.train.loop._lightning import fit


class Toy(nn.Module):
    """Each step's 16 rows depend on its number alone; a process takes every `world`-th of them."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))
        self.register_buffer("target", torch.randn(4, 2), persistent=False)

    def losses(self, step):
        x = torch.randn(16, 4, generator=torch.Generator().manual_seed(step.index))[step.rank :: step.world]
        return {"loss": (self.net(x) - x @ self.target).square().mean()}

    def optimizers(self, steps):
        return torch.optim.AdamW(self.parameters(), lr=1e-2), None


def main(run, kill_at, devices):
    torch.set_num_threads(1)

    def tick(now):
        if now.step == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    toy = Toy()
    fitted = fit(toy, run=run, steps=40, config={}, every_checkpoint=6, on_tick=tick, devices=devices)
    if fitted.rank == 0:
        write_state(run / "weights", dict(toy.state_dict()))
        sys.stdout.write(f"done {fitted.rank}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
