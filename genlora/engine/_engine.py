"""Continuous batching of requests that name different adapters, on one base, in one thread."""

import logging
import threading
import time
from collections.abc import Sequence as Tokens
from typing import Any, Self

import torch
from torch import Tensor

from genlora.base import Constraint, Grammars, LoadedBase, steady_length
from genlora.errors import EngineError
from genlora.mixture import Mixture, MixturePool

from ._detokenizer import Detokenizer
from ._kv import KVCache, Step, take_over
from ._pool import Pools
from ._prefixes import Prefixes
from ._queue import Sequence, Waiting
from ._report import Report
from ._request import Adapter, FinishReason, Piece, Sampling, Stream, check_bias, check_sizes, checked_prompt
from ._sampling import Choice, choose, generator_of
from ._slots import SlotPool
from ._stats import COUNTS, EngineStats
from ._threads import StepThreads
from .products import Packed, Products

log = logging.getLogger(__name__)

_PROMPT_TOKENS = {"cpu": 1024, "cuda": 8192}
"""Prompt tokens, padding included, that run between two decoding steps on each kind of device."""


class Engine:
    """Runs many requests on one base at once, each with its own adapter or none.

    >>> with Engine(load_base()) as engine:
    ...     stream = engine.submit(prompt_ids(engine.base.tokenizer, "pear apple fig"), adapter=Adapter("sort", state))
    ...     print(stream.result().text)

    Args:
        base: its model belongs to the engine until `close`: hooks sit on it and its attention is the engine's. Others
            may run it meanwhile in other threads and see the plain base. It may be quantised.
        slots: adapters that are stacked in memory at once; the least recently used idle one makes room for a new one.
        max_rank: adapters of a higher rank are refused.
        max_batch: requests that decode at once.
        max_length: tokens of prompt and answer together; at most what the base was trained for, and `steady_length`.
        max_waiting: requests that may wait; the next is refused with `OverloadError`.
        prefix_bytes: keys and values of prompts' common beginnings that are kept at most; 0 keeps none.
        adapter_bytes: memory for stacked adapters at most, whatever `slots` says; None leaves that unbounded.
        products: `auto` takes packed weights for short passes where they are quicker (`_short`), `plain` never.

    Greedy tokens of a request do not depend on what else runs, up to rounding: in float32 they are the adapter's alone
    (Hu et al. 2021's W + scale B A); in bfloat16 and by packed weights two tokens of nearly equal probability may swap.
    """

    def __init__(
        self,
        base: LoadedBase,
        *,
        slots: int = 32,
        max_rank: int = 16,
        max_batch: int = 32,
        max_length: int = 2048,
        max_waiting: int = 256,
        prefix_bytes: int = 256 << 20,
        adapter_bytes: int | None = None,
        products: Products = "auto",
    ) -> None:
        check_sizes(slots=slots, max_rank=max_rank, max_batch=max_batch, max_length=max_length)
        model: Any = base.model
        if getattr(model, "genlora_engine", False):
            raise EngineError("this base is run by another engine already. Close that one, or load the base again.")
        config = model.config.get_text_config()
        self.base, self._model = base, model
        self.max_batch = max_batch
        self.max_length = min(max_length, config.max_position_embeddings, steady_length(config) or max_length)
        self._config = config
        plain = SlotPool(model, base.layout, slots=slots, max_rank=max_rank, rows=max_batch, most_bytes=adapter_bytes)
        mixtures = MixturePool(model, base, slots=slots, max_rank=max_rank)
        self._pools = Pools({Adapter: plain, Mixture: mixtures})
        self._cache = KVCache.of(
            config, rows=max_batch, max_length=self.max_length, dtype=plain.dtype, device=base.device
        )
        self._prefixes = Prefixes(prefix_bytes)
        self._report = Report(base.tokenizer)
        self._waiting = Waiting(max_waiting)
        self._decoding: list[Sequence] = []
        self._group: list[Sequence] = []
        self._group_row = self._group_done = 0
        self._budget = _PROMPT_TOKENS.get(base.device.type, 1024)
        self._lock = threading.Condition()
        self._closing = self._abort = False
        self._counts: dict[str, int] = dict.fromkeys(COUNTS, 0)
        self._pace = 0.05
        """Seconds of engine time that a request takes, a moving average."""
        self._any_mask = torch.zeros(1, 1, 1, 1, device=base.device)  # tells transformers that the mask is ready
        self._packed = Packed(model, config, products)
        self.packed_tokens = self._packed.most
        self._threads = StepThreads(torch.get_num_threads())
        self._give_back = take_over(config)
        model.genlora_engine = True
        self._thread = threading.Thread(target=self._work, name="genlora-engine", daemon=True)
        self._thread.start()

    # For callers, from any thread.

    def submit(
        self,
        prompt: Tokens[int],
        sampling: Sampling | None = None,
        *,
        adapter: Adapter | Mixture | None = None,
        constraint: Constraint | None = None,
        prefix: int = 0,
        owner: str = "",
    ) -> Stream:
        """Queue a prompt's token ids (see `genlora.tasks.prompt_ids`) and return the stream of its answer at once.

        An answer is held to `constraint`, token by token. `prefix` says how many of the first tokens other prompts of
        this adapter have too (system turn, description, examples): they are run once, and kept, for each `owner`
        apart, so that the time to an answer tells nobody what others asked.

        Raises `OverloadError` when too many wait, `EngineError` after `close`, `ConfigError` for a prompt or constraint
        that cannot be used, `AdapterShapeError` or `AdapterFormatError` for an adapter that does not fit.
        """
        sampling = sampling or Sampling()
        check_bias(sampling, self._config.vocab_size)
        if sampling.prompt_logprobs is not None:
            prefix = 0  # what is taken over is not run, and foretells nothing
        ids = checked_prompt(prompt, prefix=prefix, max_length=self.max_length, vocabulary=self._config.vocab_size)
        held = None if constraint is None else Grammars.of(self.base).hold(constraint)
        if adapter is not None:
            self._pools.of(adapter).check(adapter)
        stream = Stream(len(ids), _on_cancel=self._nudge)
        text = Detokenizer(self.base.tokenizer, sampling.stop)
        rng = generator_of(sampling)
        sequence = Sequence(stream, ids, sampling, adapter, text, rng, held=held, prefix=prefix, owner=owner)
        with self._lock:
            if self._closing:
                raise EngineError("the engine is closing and takes no new requests.")
            try:
                self._waiting.add(sequence, retry_after=max(1.0, self._pace * len(self._waiting)))
            except EngineError:
                self._counts["refused"] += 1
                raise
            self._counts["requests"] += 1
            self._lock.notify_all()
        return stream

    def stats(self) -> EngineStats:
        """What it does now, and totals since it started."""
        with self._lock:
            totals: dict[str, Any] = {**self._pools.stats(), **self._counts}
            totals |= {"cache_bytes": self._cache.bytes, "prefix_bytes": self._prefixes.bytes}
            running = len(self._decoding) + len(self._group)
            return EngineStats(running=running, waiting=len(self._waiting), **totals)

    def close(self, *, drain: bool = True, timeout: float | None = None) -> None:
        """Take no new requests, finish those that run and wait (or end them at once), and give the model back.

        Requests that are not finished after `timeout` seconds end with `EngineError`. May be called more than once.
        """
        with self._lock:
            self._closing = True
            self._abort = self._abort or not drain
            self._lock.notify_all()
        self._thread.join(timeout)
        if self._thread.is_alive():
            with self._lock:
                self._abort = True
            self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.close(drain=kind is None)

    def _nudge(self) -> None:
        with self._lock:
            self._lock.notify_all()

    # The engine's own thread.

    @torch.inference_mode()
    def _work(self) -> None:
        # A thread takes over the common number of threads at its first use of torch, and somebody may be holding that
        # at one for a moment: so it is set here.
        torch.set_num_threads(self._threads.most)
        self._packed.use_in_this_thread()
        try:
            while self._ready():
                try:
                    self._turn()
                except Exception as err:  # one bad pass must not end the service: its requests fail, the next ones run
                    log.exception("the engine could not run a pass")
                    self._fail_all(EngineError(f"the engine could not run this request: {type(err).__name__}: {err}"))
        finally:
            self._fail_all(EngineError("the engine was closed before this request was finished. Ask again."))
            self._pools.detach()
            self._packed.detach()
            self._give_back()
            self._model.genlora_engine = False

    def _ready(self) -> bool:
        """Wait for something to do; False when there will be nothing more."""
        with self._lock:
            while True:
                for sequence in self._waiting.drop(lambda s: s.stream.cancelled):
                    self._count_end("cancelled")
                    sequence.end("cancelled")
                busy = bool(self._decoding or self._group or len(self._waiting))
                if self._abort or (self._closing and not busy):
                    return False
                if busy:
                    return True
                self._lock.wait()

    def _turn(self) -> None:
        """Admit who fits, run one stretch of prompts and one decoding step."""
        if not self._group:
            self._admit()
        if self._group:
            self._run_prompts()
        if self._decoding:
            self._run_decoding()

    def _admit(self) -> None:
        rows = self.max_batch - len(self._decoding)
        if not rows:
            return
        with self._lock:
            group = self._waiting.next_group(rows, self._budget, self._lease, start=self._start)
        group.sort(key=lambda s: s.key)  # rows of one adapter side by side
        self._group, self._group_row, self._group_done = group, len(self._decoding), group[0].start if group else 0
        self._cache.reserve(self._group_done, self._group_row)
        for row, s in enumerate(group, self._group_row):
            if s.start:
                self._cache.put(row, self._prefixes.get(s.kept_under, s.prompt[: s.start]))
                self._counts["shared_tokens"] += s.start

    def _start(self, sequence: Sequence) -> int:
        return self._prefixes.length(sequence.kept_under, sequence.prompt[: sequence.prefix])

    def _lease(self, sequence: Sequence) -> bool:
        adapter = sequence.adapter
        return adapter is None or self._pools.of(adapter).lease(adapter)

    def _run_prompts(self) -> None:
        """The next stretch of the group's prompts; after the last one their first tokens are there."""
        group, start = self._group, self._group_done
        longest = max(len(s.prompt) for s in group)
        new = min(longest - start, max(1, self._budget // len(group)))
        end = start + new
        ids = torch.zeros(len(group), new, dtype=torch.long)
        for row, s in enumerate(group):
            part = s.prompt[start:end]
            ids[row, : len(part)] = torch.tensor(part, dtype=torch.long)
        self._cache.reserve(end, self._group_row + len(group))
        step = Step(self._cache, self._group_row, len(group), new, start, torch.empty(0), end, {})
        positions = torch.arange(start, end)[None].expand(len(group), -1)
        hidden = self._forward(ids, positions, step, group)
        self._group_done = end
        self._counts["prompt_steps"] += 1
        done = [(row, s) for row, s in enumerate(group) if start < len(s.prompt) <= end]
        for row, s in enumerate(group):
            if s.sampling.prompt_logprobs is not None and start < len(s.prompt):
                s.rated += self._report.prompt(
                    self._packed.logits, hidden[row], s.prompt, start, s.sampling.prompt_logprobs
                )
        if done:
            last = hidden[[row for row, _ in done], [len(s.prompt) - 1 - start for _, s in done]]
            choices = self._choices(last, [s for _, s in done])
            for (_, s), choice in zip(done, choices, strict=True):
                s.length = len(s.prompt)
                self._counts["prompt_tokens"] += s.length
                s.pending = choice
        if end >= longest:
            self._start_decoding()

    def _start_decoding(self) -> None:
        """The group's rows join those that decode, side by side with them. First their beginnings are kept."""
        for row, s in enumerate(self._group, self._group_row):
            if s.prefix and not s.start:
                self._prefixes.keep(s.kept_under, s.prompt[: s.prefix], self._cache.data[:, :, row, :, : s.prefix])
        for place, s in enumerate(self._group):
            row, target = self._group_row + place, len(self._decoding)
            choice, s.pending = s.pending, None
            assert choice is not None
            if s.rated:
                s.stream.push(Piece("", (), tuple(s.rated)))
            if not s.sampling.max_tokens:
                self._end(s, "length")
            elif self._accept(s, choice):
                if row != target:
                    self._cache.move(row, target, s.length)
                self._decoding.append(s)
        self._group = []

    def _run_decoding(self) -> None:
        """One token for every row."""
        rows = self._decoding
        lengths = [s.length for s in rows]
        longest = max(lengths) + 1
        self._cache.reserve(longest, self._group_row + len(self._group) if self._group else len(rows))
        ids = torch.tensor([[s.tokens[-1].id] for s in rows])
        positions = torch.tensor(lengths)
        step = Step(self._cache, 0, len(rows), 1, 0, positions.to(self.base.device), longest, {})
        with self._threads.step(len(rows)):
            choices = self._choices(self._forward(ids, positions[:, None], step, rows)[:, 0], rows)
        self._counts["decode_steps"] += 1
        alive = []
        for s, choice in zip(rows, choices, strict=True):
            s.length += 1
            alive.append(self._accept(s, choice))
        self._close_gaps(alive)

    def _close_gaps(self, alive: list[bool]) -> None:
        """Move rows from the end into the places of those that have finished."""
        rows = self._decoding
        for i in range(len(rows) - 1, -1, -1):
            if not alive[i]:
                last = rows.pop()
                if i < len(rows):
                    self._cache.move(len(rows), i, last.length)
                    rows[i] = last

    def _forward(self, ids: Tensor, positions: Tensor, step: Step, rows: list[Sequence]) -> Tensor:
        """Last hidden states (rows, new, width)."""
        device = self.base.device
        with self._pools.applied([s.adapter for s in rows], step.new):
            return self._model.base_model(
                input_ids=ids.to(device),
                position_ids=positions.to(device),
                attention_mask=self._any_mask,
                use_cache=False,
                genlora_step=step,
            ).last_hidden_state

    def _choices(self, hidden: Tensor, rows: list[Sequence]) -> list[Choice]:
        samplings, generators = [s.sampling for s in rows], [s.generator for s in rows]
        held, said, prompts = [s.held for s in rows], [s.said for s in rows], [s.prompt for s in rows]
        return choose(self._packed.logits(hidden), samplings, generators, held, said, prompts)

    def _accept(self, s: Sequence, choice: Choice) -> bool:
        """Take a row's next token; False if the row has finished with it."""
        if s.stream.cancelled:
            return self._end(s, "cancelled")
        if fault := s.fault(choice):
            s.stream.finish(EngineError(fault))
            return self._end(s, None)
        if choice.token in self.base.eos_ids:
            return self._end(s, "stop")
        if s.held is not None:
            s.held.take(choice.token)
        text = s.text.feed(choice.token)
        s.say(text, self._report.chosen(choice))
        self._counts["generated_tokens"] += 1
        if s.text.stopped or (s.held is not None and s.held.whole):
            return self._end(s, "stop")
        if len(s.tokens) >= s.sampling.max_tokens or s.length + 1 >= self.max_length:
            return self._end(s, "length")
        return True

    def _end(self, s: Sequence, reason: FinishReason | None) -> bool:
        """Give back what it held and count it, once; None: it failed."""
        if s.over:
            return False
        s.over = True
        with self._lock:
            if s.adapter is not None:
                self._pools.of(s.adapter).held.release(s.adapter.key)
            self._count_end("failed" if reason is None else "cancelled" if reason == "cancelled" else "finished")
        if reason is not None:
            s.end(reason)
        taken = (time.monotonic() - s.submitted) / self.max_batch
        self._pace = 0.9 * self._pace + 0.1 * taken
        return False

    def _count_end(self, how: str) -> None:
        self._counts[how] += 1

    def _fail_all(self, error: EngineError) -> None:
        running = [s for s in (*self._decoding, *self._group) if not s.over]
        self._decoding, self._group = [], []
        waiting: list[Sequence] = []
        if self._abort or self._closing:
            with self._lock:
                waiting = self._waiting.drop(lambda _: True)
        for s in running:
            s.stream.finish(error)
            self._end(s, None)
        for s in waiting:
            self._count_end("failed")
            s.stream.finish(error)
