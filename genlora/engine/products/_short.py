"""Packed products for passes of few tokens on a CPU: those are bound by reading weights.

Beside a float32 model's projections and head stand packed copies: a 4-bit base's own blocks (`_blocks`), or float16
(`_halves`). Projections of one input are one product. From how many tokens on which form is the quickest differs
between processors, so it is measured here, on the model's own weights, once on a machine; a form that loses everywhere
is not packed.
"""

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genlora.files import sha256_bytes

from ._blocks import pack_blocks
from ._halves import pack_halves
from ._kept import keep, kept_at, read_kept
from ._pages import page_out

log = logging.getLogger(__name__)

FORMS: dict[str, tuple[Callable[[Sequence[Tensor]], "Packing | None"], float]] = {
    "4-bit blocks": (pack_blocks, 0.8),
    "float16": (pack_halves, 1.0),
}
"""How weights are packed, rough to fine, and the share of another's time that one may take: a rougher one must pay."""
_TOKENS = (1, 2, 4, 8, 32, 256)
"""Numbers of tokens that are measured; the limit of a form is the last for which it is the quickest."""
ANY = 1 << 30
"""The limit of a form that is the quickest for the last of them: from there on all are bound by their sums alone."""
_FLOATS = 0.9
"""Of a form's time, what the floats must take to be better: where one form serves all passes, they need no memory."""
_LAYERS = 6
"""Layers that are measured in turn: more than a processor keeps in its caches."""
_ROUNDS = 8
_TOGETHER = (("q_proj", "k_proj", "v_proj"), ("o_proj",), ("gate_proj", "up_proj"), ("down_proj",))


class Packing(Protocol):
    """Packed weights of projections with one input."""

    @property
    def error(self) -> float:
        """What packing rounds off, as a share of the weights' norm."""
        ...

    def product(self, x: Tensor) -> Tensor:
        """(..., d_in) to (..., sum of d_out), float32."""
        ...


Limits = tuple[tuple[int, str], ...]
"""(tokens, form): passes of up to so many tokens take the first form that reaches so far, longer ones the floats."""


class ReplacedLinears:
    """Linear modules whose forward is exchanged for one thread; all others see the plain one."""

    def __init__(self) -> None:
        self._owner: int | None = None
        self._modules: list[nn.Linear] = []

    def __len__(self) -> int:
        return len(self._modules)

    @property
    def here(self) -> bool:
        """Whether the thread that calls is the one that asked for it."""
        return self._owner == threading.get_ident()

    def use_in_this_thread(self) -> None:
        """From now on, calls from this thread (and no other) use the packed weights."""
        self._owner = threading.get_ident()

    def replace(self, module: nn.Linear, forward: Any) -> None:
        """Exchange a module's forward until `detach`."""
        module.forward = forward
        self._modules.append(module)

    def detach(self) -> None:
        """Give the modules their own forward back and free the copies."""
        for module in self._modules:
            del module.forward
        self._modules = []


class ShortLinears(ReplacedLinears):
    """Packed weights beside a float32 model's projections and head on the CPU; empty for any other model.

    What is quickest is measured once on a machine and kept in the cache; `anew` measures it again.
    """

    def __init__(self, model: nn.Module, head: nn.Module | None = None, *, anew: bool = False) -> None:
        super().__init__()
        self.errors: dict[str, float] = {}
        """By form in use: the largest share that packing rounds off of a module's weights."""
        groups = list(_groups(model))
        self.limits = self._take(groups, anew=anew) if groups and all(plain_float(m) for g in groups for m in g) else ()
        read = [m.weight for group in groups for m in group] if self.most == ANY else []
        # A head's numbers lie on no grid of 4 bits; it is the largest module, so half its bytes pay for few rows too.
        if self.limits and type(head) is nn.Linear and head.bias is None and plain_float(head):
            packed = _packed("float16", [(head,)])
            if packed is not None:
                self._replace((head,), [(self.most, packed[0])])
                self.errors["float16"] = max(self.errors.get("float16", 0.0), packed[0].error)
                read += [head.weight] if read else []
        page_out(read)

    @property
    def most(self) -> int:
        """Tokens of a pass up to which a packed form is taken; 0 for none."""
        return max((tokens for tokens, _ in self.limits), default=0)

    def _take(self, groups: Sequence[tuple[nn.Linear, ...]], *, anew: bool) -> Limits:
        """Replace all of the groups by what is quickest: as it was measured on some of them once, or is now."""
        some = groups[: _LAYERS * len(_TOGETHER)]
        path = kept_at([list(FORMS), *_marks(some)])
        limits = None if anew else _read(path)
        if limits is None:
            limits = _measured(some, {name: p for name in FORMS if (p := _packed(name, some)) is not None})
            keep(path, limits)
        used = {name: packed for _, name in limits if (packed := _packed(name, groups)) is not None}
        limits = tuple((tokens, name) for tokens, name in limits if name in used)
        if not limits:
            return ()
        for number, group in enumerate(groups):
            self._replace(group, [(tokens, used[name][number]) for tokens, name in limits])
        for name, packed in used.items():
            self.errors[name] = max(p.error for p in packed)
        log.info("short passes of %d modules: %s", sum(map(len, groups)), limits)
        return limits

    def _replace(self, group: Sequence[nn.Linear], packed: Sequence[tuple[int, Packing]]) -> None:
        most, sizes = packed[-1][0], [m.out_features for m in group]
        shared: list[Any] = [None, ()]  # the input that was last read, and what its projections gave

        def product(x: Tensor) -> Tensor:
            tokens = x.numel() // x.shape[-1]
            return next(p for limit, p in packed if tokens <= limit).product(x)

        def forward_of(place: int, module: nn.Linear) -> Any:
            plain, bias = module.forward, module.bias

            def forward(input: Tensor) -> Tensor:
                if not self.here or input.numel() > most * input.shape[-1]:
                    return plain(input)
                if len(group) == 1:
                    out = product(input)
                else:
                    if shared[0] is not input:
                        shared[:] = input, product(input).split(sizes, -1)
                    out = shared[1][place]
                    if place + 1 == len(group):
                        shared[:] = None, ()
                return out if bias is None else out + bias

            return forward

        for place, module in enumerate(group):
            self.replace(module, forward_of(place, module))


def plain_float(module: nn.Linear) -> bool:
    """Whether its weight is a plain float32 tensor on the CPU."""
    weight = module.weight
    return type(weight.data) is Tensor and weight.dtype is torch.float32 and weight.device.type == "cpu"


def _groups(model: nn.Module) -> Sequence[tuple[nn.Linear, ...]]:
    """A decoder's projections by shared input; none where a block lacks one of them."""
    out = []
    for module in model.modules():
        for names in _TOGETHER:
            found = [getattr(module, name, None) for name in names]
            if any(f is not None for f in found):
                if not all(type(f) is nn.Linear for f in found):
                    return []
                out.append(tuple(found))
    return out


def _packed(name: str, groups: Sequence[Sequence[nn.Linear]]) -> list[Packing] | None:
    """All of the groups in a form, or None where one of them cannot take it."""
    pack, _ = FORMS[name]
    try:
        with ThreadPoolExecutor(max(1, torch.get_num_threads())) as pool:
            found = list(pool.map(lambda group: pack([m.weight for m in group]), groups))
    except (AttributeError, RuntimeError, NotImplementedError) as err:
        log.debug("packed products in %s are not to be had: %s", name, err)
        return None
    packed = [p for p in found if p is not None]
    return packed if len(packed) == len(found) else None


def _marks(groups: Sequence[Sequence[nn.Linear]]) -> Iterator[Any]:
    """What a measurement holds for: the shapes, and some numbers, for only those of some bases lie on a grid."""
    yield [[m.in_features, m.out_features] for group in groups for m in group]
    yield sha256_bytes(groups[0][0].weight.detach()[0].numpy().tobytes())


def _read(path: Path) -> Limits | None:
    """The limits that were kept, or None where there are none that this release understands."""
    found = read_kept(path)
    if not isinstance(found, list) or not all(isinstance(f, list) and len(f) == 2 for f in found):
        return None
    limits = tuple((tokens, name) for tokens, name in found)
    return limits if all(isinstance(n, int) and name in FORMS for n, name in limits) else None


def _measured(groups: Sequence[Sequence[nn.Linear]], forms: dict[str, list[Packing]]) -> Limits:
    """Which form is the quickest, and up to how many tokens."""
    limits: dict[str, int] = {}
    left = dict(forms)
    for tokens in _TOKENS:
        inputs = {g[0].in_features: torch.zeros(tokens, g[0].in_features) for g in groups}

        def plain(inputs: dict[int, Tensor] = inputs) -> None:
            for group in groups:
                for module in group:
                    F.linear(inputs[module.in_features], module.weight)

        def packed(found: list[Packing], inputs: dict[int, Tensor] = inputs) -> None:
            for group, p in zip(groups, found, strict=True):
                p.product(inputs[group[0].in_features])

        took = seconds({"floats": plain, **{name: partial(packed, found) for name, found in left.items()}})
        best = min(took, key=lambda name: took[name] / (FORMS[name][1] if name in FORMS else _FLOATS))
        if best == "floats":
            continue
        limits[best] = ANY if tokens == _TOKENS[-1] else tokens
        # A form that lost to a finer one does not come back: what it saves is bytes, and more tokens read no more.
        left = {name: found for name, found in left.items() if list(FORMS).index(name) >= list(FORMS).index(best)}
    return tuple((tokens, name) for name, tokens in limits.items())


def seconds(runs: dict[str, Callable[[], None]]) -> dict[str, float]:
    """Of each, the quickest of a few runs, in turns: what else the machine does comes upon all of them."""
    took: dict[str, float] = {}
    for number in range(_ROUNDS + 1):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            if number:  # the first one warms up
                took[name] = min(took.get(name, math.inf), time.perf_counter() - start)
    return took
