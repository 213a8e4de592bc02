"""The entry point that vLLM calls in every one of its processes."""

import logging
import os

from ._settings import Settings

log = logging.getLogger("vllm.plugins.genlora")

_done = False


def register() -> None:
    """Register the resolver, if `GENLORA_VLLM_STORE` is set; otherwise do nothing at all.

    vLLM loads every installed plugin unless told otherwise, so that being installed must not be enough. It may call
    this more than once, and calls it in workers that resolve nothing.
    """
    global _done
    settings = Settings.from_environment(os.environ)
    if settings is None or _done:
        return
    _done = True
    _request_amx()
    from vllm.lora.request import LoRARequest  # pyright: ignore[reportMissingImports]
    from vllm.lora.resolver import LoRAResolver, LoRAResolverRegistry  # pyright: ignore[reportMissingImports]

    from ._resolve import Resolver  # torch and genlora, which a server that does not opt in never loads

    resolver = Resolver(settings)

    class GenloraResolver(LoRAResolver):
        """What vLLM asks for a name that it does not know."""

        async def resolve_lora(self, base_model_name: str, lora_name: str) -> LoRARequest | None:
            found = await resolver.resolve(base_model_name, lora_name)
            if found is None:
                return None
            # The server gives the request a number of its own.
            return LoRARequest(lora_name=found.shown, lora_int_id=1, lora_path=str(found.folder))

    LoRAResolverRegistry.register_resolver("genlora", GenloraResolver())
    log.info("genlora: adapters from %s", settings.store)


def _request_amx() -> None:
    """Ask the kernel for AMX tiles, where the processor has them.

    vLLM's attention kernel for CPUs uses them before anything else in the process has asked, and then dies of an
    illegal instruction when the first prompt is very short.
    """
    try:
        import torch

        if torch.cpu._is_amx_tile_supported():
            torch.cpu._init_amx()
    except (ImportError, AttributeError, RuntimeError) as err:
        log.debug("genlora: AMX was not asked for (%s)", type(err).__name__)
