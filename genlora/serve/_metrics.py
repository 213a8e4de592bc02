"""Figures for Prometheus, in a registry of the server's own. No label ever holds what a client wrote."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from genlora.api import Library
from genlora.engine import Engine

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """Counters and times of one server."""

    def __init__(self, engine: Engine, library: Library) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "genlora_requests", "Requests by route and HTTP status.", ["route", "status"], registry=self._registry
        )
        self.seconds = Histogram(
            "genlora_request_seconds",
            "From a request to the end of its answer.",
            ["route"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.first_token = Histogram(
            "genlora_first_token_seconds",
            "From a request's arrival at the engine to its first token.",
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.generation = Histogram(
            "genlora_generation_seconds", "Making an adapter.", buckets=_SECONDS, registry=self._registry
        )
        self.disconnects = Counter(
            "genlora_disconnects", "Clients that left before their answer was whole.", registry=self._registry
        )
        self._registry.register(_Live(engine, library))
        ProcessCollector(registry=self._registry)

    def text(self) -> bytes:
        """Everything, in Prometheus' text format."""
        return generate_latest(self._registry)


class _Live(Collector):
    """What engine and library say of themselves at the moment of asking."""

    def __init__(self, engine: Engine, library: Library) -> None:
        self._engine, self._library = engine, library

    def collect(self) -> Iterator[Metric]:
        engine, library = self._engine.stats(), self._library.stats()
        gauges = {
            "genlora_running": ("Requests the engine works on.", engine.running),
            "genlora_waiting": ("Requests that wait for the engine.", engine.waiting),
            "genlora_resident_adapters": ("Adapters in the engine's slots.", len(engine.resident)),
            "genlora_adapters": ("Adapters that clients made or brought.", library["adapters"]),
            "genlora_adapter_bytes": ("Memory that these take.", library["bytes"]),
            "genlora_generations_running": ("Adapters being generated.", library["running"]),
            "genlora_generations_waiting": ("Adapters waiting to be generated.", library["waiting"]),
            "genlora_cache_bytes": ("Keys and values of running requests.", engine.cache_bytes),
            "genlora_slot_bytes": ("Stacked factors of resident adapters.", engine.slot_bytes),
        }
        counters = {
            "genlora_prompt_tokens": ("Tokens read.", engine.prompt_tokens),
            "genlora_generated_tokens": ("Tokens written.", engine.generated_tokens),
            "genlora_decode_steps": ("Decoding passes.", engine.decode_steps),
            "genlora_prompt_steps": ("Prompt passes.", engine.prompt_steps),
            "genlora_adapter_loads": ("Adapters put into slots.", engine.loads),
            "genlora_adapter_evictions": ("Adapters taken out of slots for others.", engine.evictions),
            "genlora_engine_refused": ("Requests refused because too many waited.", engine.refused),
            "genlora_engine_cancelled": ("Requests ended because nobody waited for them.", engine.cancelled),
            "genlora_engine_failed": ("Requests the engine could not finish.", engine.failed),
            "genlora_adapters_created": ("Adapters generated.", library["created"]),
            "genlora_adapters_dropped": ("Adapters let go of for others.", library["evictions"]),
        }
        for name, (about, value) in gauges.items():
            yield GaugeMetricFamily(name, about, value=value)
        for name, (about, value) in counters.items():
            yield CounterMetricFamily(name, about, value=value)
