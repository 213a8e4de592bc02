"""Spans for OpenTelemetry, where the extra `otel` is installed and the server was told to send them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from genlora.extras import missing_extra
from genlora.versions import versions


class Tracing:
    """Sends a span for each request to where `$OTEL_EXPORTER_OTLP_ENDPOINT` points; none ever holds what was said.

    Args:
        exporter: another one than OTLP over HTTP.

    Raises `MissingExtraError`.
    """

    def __init__(self, exporter: Any = None) -> None:
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ImportError as err:
            raise missing_extra("otel", err.name or "opentelemetry.sdk", what="sending traces") from err
        about = {SERVICE_NAME: "genlora", SERVICE_VERSION: versions()["genlora"]}
        self._provider = TracerProvider(resource=Resource.create(about))
        self._provider.add_span_processor(BatchSpanProcessor(exporter or OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("genlora.serve")

    @contextmanager
    def span(self, headers: Mapping[bytes, bytes]) -> "Iterator[dict[str, Any]]":
        """One request's span, which goes on the trace that its headers name. What the dict holds in the end describes
        it: `route`, `method`, `status`, and attributes by OpenTelemetry's own names.
        """
        from opentelemetry.propagate import extract
        from opentelemetry.trace import SpanKind, Status, StatusCode

        carrier = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers.items()}
        told: dict[str, Any] = {}
        with self._tracer.start_as_current_span("request", context=extract(carrier), kind=SpanKind.SERVER) as span:
            try:
                yield told
            finally:
                method, route, status = (told.pop(key, "") for key in ("method", "route", "status"))
                span.update_name(f"{method} {route}")
                span.set_attribute("http.request.method", method)
                span.set_attribute("http.route", route)
                span.set_attribute("http.response.status_code", status)
                for name, value in told.items():
                    if value is not None:
                        span.set_attribute(name, value)
                if isinstance(status, int) and status >= 500:
                    span.set_status(Status(StatusCode.ERROR))

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()
