"""Servers that read PEFT folders: vLLM, SGLang, LoRAX."""

from collections.abc import Mapping
from typing import Any

from genlora.errors import PushError
from genlora.remote import Remote, Reply
from genlora.tasks import AnswerForm

from ._parcel import check_served_base
from ._target import Job, Target, entries

VLLM_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
_PROMPT = "The capital of France is"


def _chat(model: str, job: Job, held: Mapping[str, Any]) -> dict[str, Any]:
    body = {"model": model, "messages": job.messages, **held}
    return {"path": "/v1/chat/completions", "body": body}


def _structured(form: AnswerForm | None) -> dict[str, Any]:
    """VLLM's way of saying what an answer is."""
    if form is None:
        return {}
    return {"structured_outputs": {"choice": list(form.labels)} if form.is_choice else {"regex": form.regex}}


class VLLM(Target):
    """vLLM; run with 0.32.0 on a CPU."""

    title = "vLLM"
    default_rank = 16

    def name(self, job: Job) -> str:
        return f"genlora:{job.digest}"

    def flags(self, job: Job) -> str:
        rank = next((r for r in VLLM_RANKS if r >= job.parcel.rank), job.parcel.rank)
        return (
            "VLLM_ALLOW_RUNTIME_LORA_UPDATING=1 vllm serve BASE --enable-lora --max-loras 8 --max-cpu-loras 64 "
            f"--max-lora-rank {max(16, rank)} --api-server-count 1"
        )

    def request(self, job: Job) -> dict[str, Any]:
        return _chat(self.name(job), job, _structured(job.form))

    def planned(self, job: Job) -> list[str]:
        return [
            "GET /v1/models: the base, and whether the name is loaded already",
            f"POST /v1/load_lora_adapter: {self.name(job)} from {job.seen}",
            "GET /v1/models: the name is listed",
        ]

    def _cards(self, remote: Remote) -> list[dict[str, Any]]:
        where = f"{remote.url}/v1/models"
        reply = remote.ask("GET", "/v1/models")
        if not reply.ok:
            raise PushError(f"{where}: answered {reply.status} ({reply.said}). Is it a vLLM server? Check the URL.")
        return entries(reply.json(where), where, "data")

    def _loaded_from(self, job: Job, remote: Remote) -> str | None:
        """The path that the server has for the name, which stands for the content; None where it has no such name."""
        return next((str(c.get("root")) for c in self._cards(remote) if c.get("id") == self.name(job)), None)

    def inspect(self, job: Job, remote: Remote) -> list[str]:
        bases = [c for c in self._cards(remote) if not c.get("parent")]
        names = [str(c[k]) for c in bases for k in ("root", "id") if isinstance(c.get(k), str)]
        note = check_served_base(job.parcel, names, server=remote.url, force=job.force)
        return [note] if note else []

    def deliver(self, job: Job, remote: Remote) -> tuple[bool, list[str]]:
        if (found := self._loaded_from(job, remote)) is not None:
            return True, ["it was loaded already" + ("" if found == job.seen else f", from {found[:200]}")]
        path = "/v1/load_lora_adapter"
        reply = remote.ask("POST", path, {"lora_name": self.name(job), "lora_path": job.seen})
        if not reply.ok:
            raise self.refused(remote, path, reply, self._hint(job, reply))
        if self._loaded_from(job, remote) is None:
            raise PushError(
                f"{remote.url}/v1/models: does not list {self.name(job)} although it was taken. Several API servers "
                "behind one address do not share adapters; start it with --api-server-count 1."
            )
        return True, []

    def _hint(self, job: Job, reply: Reply) -> str:
        if "No adapter found" in reply.said:
            return (
                f"It does not see {job.seen}. Give a store that both machines see (--store), and its path on the "
                "server if that is another (--server-store)."
            )
        if reply.status == 404:
            return "It does not load adapters at run time: start it with VLLM_ALLOW_RUNTIME_LORA_UPDATING=1."
        if "max_lora_rank" in reply.said:
            return f"The adapter's rank is {job.parcel.rank}: start it with {self.flags(job)}, or use a smaller --rank."
        return f"Start it with: {self.flags(job)}"

    def without_server(self, job: Job) -> str:
        return (
            f"a vLLM with the plugin genlora-vllm and GENLORA_VLLM_STORE set to this store finds it as "
            f"{self.name(job)}; or push again with --server"
        )

    def withdraw(self, digest: str, remote: Remote) -> None:
        path = "/v1/unload_lora_adapter"
        reply = remote.ask("POST", path, {"lora_name": f"genlora:{digest}"})
        if not reply.ok and reply.status != 404:
            raise PushError(f"{remote.url}{path}: {reply.status}: {reply.said}. The lease stays; try again.")


class SGLang(Target):
    """SGLang; the sources of 0.5.23 were read, it was not run.

    The route that takes tensors wants them pickled, which genlora never writes, so the path is sent.
    """

    title = "SGLang"

    def name(self, job: Job) -> str:
        # SGLang splits "base:adapter" at the first colon.
        return f"genlora-{job.digest}"

    def flags(self, job: Job) -> str:
        return (
            "python -m sglang.launch_server --model-path BASE --enable-lora "
            f"--max-lora-rank {max(16, job.parcel.rank)} --lora-target-modules {' '.join(job.parcel.targets)} "
            "--max-loras-per-batch 8"
        )

    def request(self, job: Job) -> dict[str, Any]:
        held = {} if job.form is None else {"regex": job.form.regex}
        return _chat(f"BASE:{self.name(job)}", job, held)

    def planned(self, job: Job) -> list[str]:
        return [
            "GET /model_info: the base",
            "GET /server_info: --enable-lora, --max-lora-rank, --lora-target-modules",
            f"POST /load_lora_adapter: {self.name(job)} from {job.seen}",
        ]

    def _get(self, remote: Remote, path: str) -> dict[str, Any]:
        reply = remote.ask("GET", path)
        found = reply.json(f"{remote.url}{path}") if reply.ok else None
        if not isinstance(found, dict):
            raise PushError(
                f"{remote.url}{path}: answered {reply.status} ({reply.said[:120]}). Is it an SGLang server? "
                "Check the URL and --to."
            )
        return found

    def inspect(self, job: Job, remote: Remote) -> list[str]:
        model = self._get(remote, "/model_info")
        names = [str(model[k]) for k in ("model_path", "served_model_name") if isinstance(model.get(k), str)]
        note = check_served_base(job.parcel, names, server=remote.url, force=job.force)
        started = self._get(remote, "/server_info")
        self._check_flags(job, remote, started)
        return [note] if note else []

    def _check_flags(self, job: Job, remote: Remote, started: dict[str, Any]) -> None:
        limit, targets = started.get("max_lora_rank"), started.get("lora_target_modules")
        if started.get("enable_lora") is False:
            raise PushError(f"{remote.url}: was started without --enable-lora. Start it with: {self.flags(job)}")
        if type(limit) is int and limit < job.parcel.rank:
            raise PushError(
                f"{remote.url}: takes ranks up to {limit}, the adapter's is {job.parcel.rank}. Start it with "
                f"--max-lora-rank {job.parcel.rank}, or generate with --rank {limit}."
            )
        if isinstance(targets, list) and "all" not in targets and not set(job.parcel.targets) <= set(targets):
            raise PushError(
                f"{remote.url}: has room for {sorted(map(str, targets))}, the adapter changes "
                f"{sorted(job.parcel.targets)}. Start it with: {self.flags(job)}"
            )

    def deliver(self, job: Job, remote: Remote) -> tuple[bool, list[str]]:
        path = "/load_lora_adapter"
        reply = remote.ask("POST", path, {"lora_name": self.name(job), "lora_path": job.seen})
        found = reply.json(f"{remote.url}{path}") if reply.ok else {}
        if reply.ok and isinstance(found, dict) and found.get("success"):
            return True, ["requests name BASE:ADAPTER, where BASE is the server's own model name"]
        if "already" in reply.said.casefold() and self.name(job) in reply.said:
            return True, ["it was loaded already"]
        raise self.refused(remote, path, reply, f"Start it with: {self.flags(job)}; it must see {job.seen}.")

    def without_server(self, job: Job) -> str:
        return f"start it with --lora-paths {self.name(job)}={job.seen}, or push again with --server"

    def withdraw(self, digest: str, remote: Remote) -> None:
        path = "/unload_lora_adapter"
        reply = remote.ask("POST", path, {"lora_name": f"genlora-{digest}"})
        if not reply.ok and "not" not in reply.said.casefold():
            raise PushError(f"{remote.url}{path}: {reply.status}: {reply.said}. The lease stays; try again.")


class LoRAX(Target):
    """LoRAX; its sources and documentation were read, it was not run.

    It loads an adapter when a request first names it, so delivering it is such a request, of one token.
    """

    title = "LoRAX"
    default_rank = 128

    def name(self, job: Job) -> str:
        return job.seen

    def flags(self, job: Job) -> str:
        return "lorax-launcher --model-id BASE --adapter-source local  (the store mounted at the same path)"

    def _parameters(self, job: Job) -> dict[str, Any]:
        return {"adapter_id": job.seen, "adapter_source": "local"}

    def request(self, job: Job) -> dict[str, Any]:
        return {"path": "/generate", "body": {"inputs": "...", "parameters": self._parameters(job)}}

    def planned(self, job: Job) -> list[str]:
        return ["GET /info: the base", f"POST /generate: one token with {job.seen}, which makes it load"]

    def inspect(self, job: Job, remote: Remote) -> list[str]:
        where = f"{remote.url}/info"
        reply = remote.ask("GET", "/info")
        found = reply.json(where) if reply.ok else None
        if not isinstance(found, dict) or "model_id" not in found:
            raise PushError(f"{where}: answered {reply.status} without a model_id. Is it a LoRAX server? Check --to.")
        note = check_served_base(job.parcel, [str(found["model_id"])], server=remote.url, force=job.force)
        return [note] if note else []

    def deliver(self, job: Job, remote: Remote) -> tuple[bool, list[str]]:
        body = {"inputs": _PROMPT, "parameters": {**self._parameters(job), "max_new_tokens": 1}}
        reply = remote.ask("POST", "/generate", body)
        if not reply.ok:
            raise self.refused(
                remote, "/generate", reply, f"It must see {job.seen}; give its own path with --server-store."
            )
        return True, ["OpenAI routes take the same two fields beside `messages`"]

    def without_server(self, job: Job) -> str:
        return "any request with these parameters loads it; mount the store into the server"

    def withdraw(self, digest: str, remote: Remote) -> None:
        # It has no name for an adapter but the path, and reads that when a request names it: nothing to undo.
        if not remote.ask("GET", "/info").ok:
            raise PushError(f"{remote.url}/info: is no LoRAX server. Check the URL and --to.")
