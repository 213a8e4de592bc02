"""The loss at each label of a batch, and what it was made of."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from genlora.base import decoder_of, logits_of

from ._packing import Batch, attention_masks


@dataclass(frozen=True, eq=False)
class LabelLosses:
    """What a model says at the N labels of a batch."""

    loss: Float[Tensor, " labels"]
    """Cross-entropy, float32."""
    logits: Float[Tensor, "labels vocabulary"]
    """Float32."""
    labels: Int[Tensor, " labels"]

    @property
    def right(self) -> Bool[Tensor, " labels"]:
        """Whether the label is the most likely token."""
        return self.logits.argmax(-1) == self.labels


def label_losses(model: nn.Module, batch: Batch) -> LabelLosses:
    """Losses at the labels alone: logits are computed nowhere else, which is most of the memory of a small base."""
    hidden = decoder_of(model)(
        input_ids=batch.ids,
        attention_mask=attention_masks(model.config, batch),
        position_ids=batch.positions,
        use_cache=False,
    ).last_hidden_state
    logits = logits_of(model, hidden.flatten(0, 1)[batch.at]).float()
    return LabelLosses(nn.functional.cross_entropy(logits, batch.labels, reduction="none"), logits, batch.labels)


def means_by(index: Int[Tensor, " labels"], values: Float[Tensor, " labels"], n: int) -> Float[Tensor, " {n}"]:
    """Mean of the values of each index 0 to n - 1; 0 where there are none."""
    count = torch.bincount(index, minlength=n).clamp(min=1)
    return torch.zeros(n, device=values.device).index_add(0, index, values) / count


def rows_right(batch: Batch, right: Bool[Tensor, " labels"]) -> tuple[Bool[Tensor, " rows"], Int[Tensor, " rows"]]:
    """Per row: whether every label is the argmax (what greedy decoding gets strictly right), and the pack it is in."""
    row, owner = batch.row.cpu(), batch.owner.cpu()
    ok = torch.bincount(row[~right.cpu()], minlength=batch.n_rows) == 0
    return ok, torch.zeros(batch.n_rows, dtype=torch.long).index_copy(0, row, owner)
